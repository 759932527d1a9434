//! Times, the machine they were taken on, and the topics they were taken with.

use std::fmt;
use std::time::Duration;

use tempfile::TempDir;
use tributary_contracts::record::{Headers, Outgoing};
use tributary_contracts::topics::{Kind, Topic};
use tributary_local_stack::{Kafka, KafkaConfig, Progress};
use tributary_stream::kafka::{KafkaSettings, topics};

/// Durations of the same thing.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    fn at(&self, share: f64) -> f64 {
        let place = ((self.0.len() as f64 * share) as usize).min(self.0.len().saturating_sub(1));
        self.0.get(place).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: Duration = self.0.iter().sum();
        let mean = total.as_secs_f64() * 1_000.0 / self.0.len() as f64;
        write!(
            f,
            "p50 {:6.1} ms, p90 {:6.1}, p99 {:6.1}, max {:6.1}, mean {mean:6.2} ({} times)",
            self.at(0.5),
            self.at(0.9),
            self.at(0.99),
            self.at(1.0),
            self.0.len()
        )
    }
}

/// What the processors did up to a moment, from `/proc/stat` (in ticks), and the load.
pub(crate) struct Machine {
    busy: u64,
    stolen: u64,
    total: u64,
    /// Of this process, client library included.
    own: u64,
    load: String,
}

/// Ticks of `/proc` a second.
const TICKS: f64 = 100.0;

impl Machine {
    pub(crate) fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let first = stat.lines().next().unwrap_or_default();
        let ticks: Vec<u64> = first
            .split_whitespace()
            .skip(1)
            .filter_map(|tick| tick.parse().ok())
            .collect();
        let at = |place: usize| ticks.get(place).copied().unwrap_or(0);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let own = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let after_name = own.rsplit(") ").next().unwrap_or_default();
        let own = after_name
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|tick| tick.parse::<u64>().ok())
            .sum();
        Self {
            own,
            busy: at(0) + at(1) + at(2) + at(5) + at(6),
            stolen: at(7),
            total: ticks.iter().take(8).sum(),
            load: load.split_whitespace().next().unwrap_or("?").to_owned(),
        }
    }

    /// Seconds of CPU that this process has used, all its threads together.
    pub(crate) fn own_cpu_s(&self) -> f64 {
        self.own as f64 / TICKS
    }

    pub(crate) fn since(&self, before: &Self) -> String {
        let share =
            |now: u64, then: u64| 100.0 * (now - then) as f64 / (self.total - before.total).max(1) as f64;
        format!(
            "meanwhile: this process took {:.2} s of CPU, the machine was {:.0} % busy, {:.1} % stolen, load {}",
            (self.own - before.own) as f64 / TICKS,
            share(self.busy, before.busy),
            share(self.stolen, before.stolen),
            self.load
        )
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .unwrap_or("?");
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        write!(
            f,
            "{cores} cores,{}, load {}",
            model.trim_start_matches(['\t', ':']),
            self.load
        )
    }
}

/// A service that is measured, and the broker if it is our own.
pub(crate) struct Topics {
    pub(crate) brokers: String,
    pub(crate) name: String,
    pub(crate) inbox: &'static str,
    pub(crate) events: &'static str,
    _kafka: Option<(Kafka, TempDir)>,
}

pub(crate) const PARTITIONS: i32 = 2;

impl Topics {
    pub(crate) fn create() -> Self {
        let name = format!("commit-cost-{}", std::process::id());
        let (brokers, kafka) = match std::env::var("KAFKA_BROKERS") {
            Ok(brokers) => (brokers, None),
            Err(_) => {
                let home = TempDir::new().expect("a directory");
                let config = KafkaConfig::below(home.path());
                let kafka = Kafka::start(&config, &Progress::on_stderr()).expect("Kafka starts");
                (kafka.brokers(), Some((kafka, home)))
            }
        };
        let leak = |name: String| -> &'static str { Box::leak(name.into_boxed_str()) };
        let created = Self {
            inbox: leak(format!("{name}.inbox")),
            events: leak(format!("{name}.events")),
            brokers,
            name,
            _kafka: kafka,
        };
        let topic = |name, kind| Topic {
            name,
            kind,
            key: "any",
        };
        let declared = [
            topic(created.inbox, Kind::Inbox),
            topic(created.events, Kind::Events),
        ];
        topics::apply(&created.brokers, &declared, PARTITIONS, 1).expect("topics");
        created
    }

    pub(crate) fn settings(&self) -> KafkaSettings {
        KafkaSettings {
            brokers: self.brokers.clone(),
            service: self.name.clone(),
            inbox: self.inbox.to_owned(),
            events: self.events.to_owned(),
            instance: "bench".to_owned(),
            worker: 0,
        }
    }

    /// A record of 270 bytes with the headers that every record has.
    pub(crate) fn record(&self, topic: &'static str, at: usize) -> Outgoing {
        let mut headers = Headers::default();
        for (name, value) in [
            ("ce_specversion", "1.0"),
            ("ce_id", "0193f1c8-6f0c-7c3a-9d41-7a3d7c2b1e11"),
            ("ce_source", "accounts"),
            ("ce_type", "tributary.entry-posted.v1"),
        ] {
            headers.push(name, value.as_bytes());
        }
        let value = format!(
            "{{\"account\":\"{at:032}\",\"amount\":{at},\"text\":\"{}\"}}",
            "x".repeat(60)
        );
        Outgoing {
            topic,
            partition: (at % PARTITIONS as usize) as i32,
            key: format!("{at:032}").into_bytes(),
            headers,
            value: value.into_bytes(),
        }
    }
}
