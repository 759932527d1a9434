//! What a stream showed, as text and JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use tributary_fraud_domain::DAY_S;
use tributary_fraud_stream::Seen;
use tributary_fraud_training::parity::Parity;
use tributary_replay::grouped;
use tributary_stream::worker::Quantiles;

use super::services::Sample;
use crate::commands::service::TimesTold;

/// Days of event time after which nothing grows any more: windows, and what is remembered of payments.
const FULL_AFTER_DAYS: i64 = 45;

const MB: u64 = 1_000_000;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) machine: String,
    /// Share of the machine's time that other guests of the host took.
    pub(super) steal: f64,
    /// Load average of the last minute.
    pub(super) load: f64,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) bound_hours: i64,
    pub(super) model: Option<String>,
    /// None: the limit that is built in.
    pub(super) rules: Option<String>,
    #[serde(flatten)]
    pub(super) seen: Seen,
    /// By hop, in microseconds.
    pub(super) times: BTreeMap<String, TimesTold>,
    /// By process, since it started.
    pub(super) cpu_seconds: BTreeMap<String, f64>,
    pub(super) parity: Parity,
    pub(super) samples: Vec<Sample>,
}

impl Report {
    pub(super) fn is_good(&self) -> bool {
        self.seen.is_whole() && self.parity.holds()
    }

    /// What processes held at the start, when the windows were full, halfway from there, and at the end.
    fn memory(&self) -> Vec<(&'static str, &Sample)> {
        let (Some(first), Some(last)) = (self.samples.first(), self.samples.last()) else {
            return Vec::new();
        };
        let begin_s = self.samples.iter().find_map(|sample| sample.watermark_s);
        let full = self.samples.iter().position(|sample| {
            let (Some(at_s), Some(begin_s)) = (sample.watermark_s, begin_s) else {
                return false;
            };
            at_s >= begin_s + FULL_AFTER_DAYS * DAY_S
        });
        let mut told = vec![("first", first)];
        if let Some(full) = full {
            told.push(("windows full", &self.samples[full]));
            told.push(("halfway", &self.samples[(full + self.samples.len()) / 2]));
        } else {
            told.push(("halfway", &self.samples[self.samples.len() / 2]));
        }
        told.push(("last", last));
        told
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = &self.seen;
        writeln!(
            f,
            "{}steal | load: {:.0} % | {:.1}\n",
            self.machine,
            self.steal * 100.0,
            self.load
        )?;
        writeln!(
            f,
            "{} transactions of {} to {}, at most {} h of event time under way, rules {}, model {}",
            grouped(seen.transactions),
            self.from,
            self.to,
            self.bound_hours,
            self.rules.as_deref().unwrap_or("built in"),
            self.model.as_deref().unwrap_or("none")
        )?;
        writeln!(
            f,
            "decided  {} ({})",
            grouped(seen.decided()),
            counts(&seen.decisions)
        )?;
        writeln!(
            f,
            "         {} lost, {} doubled, {} repeated, {} strayed, {} undelivered; refused: {}",
            seen.lost,
            seen.doubled,
            seen.repeated,
            seen.strayed,
            seen.undelivered,
            counts(&seen.refused)
        )?;
        writeln!(
            f,
            "labels   {} taken of {}; refused: {}",
            grouped(seen.labels.taken),
            grouped(seen.labels.sent),
            counts(&seen.labels.refused)
        )?;
        writeln!(
            f,
            "took     {:.1} s, {} decisions/s",
            seen.seconds,
            grouped(seen.decisions_per_second.round() as i64)
        )?;
        if !self.times.is_empty() {
            writeln!(
                f,
                "\n{:<28} {:>9} {:>9} {:>9} {:>9}",
                "inside the service, ms", "p50", "p99", "p99.9", "max"
            )?;
            for (hop, told) in &self.times {
                write_times(f, &format!("{hop}, handler"), &told.in_handler)?;
                write_times(f, &format!("{hop}, poll to commit"), &told.poll_to_commit)?;
            }
        }
        let memory = self.memory();
        if let Some((_, last)) = memory.last() {
            write!(f, "\n{:<28}", "memory (PSS), MB")?;
            for (what, _) in &memory {
                write!(f, " {what:>12}")?;
            }
            writeln!(f, " {:>12}", "highest")?;
            for name in last.memory_bytes.keys() {
                let held = |sample: &Sample| sample.memory_bytes.get(name).copied().unwrap_or(0) / MB;
                write!(f, "{name:<28}")?;
                for (_, sample) in &memory {
                    write!(f, " {:>12}", grouped(held(sample)))?;
                }
                let highest = self.samples.iter().map(held).max().unwrap_or(0);
                writeln!(f, " {:>12}", grouped(highest))?;
            }
        }
        if !self.cpu_seconds.is_empty() {
            write!(f, "\nprocessor time, µs a transaction:")?;
            for (name, seconds) in &self.cpu_seconds {
                write!(
                    f,
                    " {name} {:.0}",
                    seconds * 1e6 / seen.transactions.max(1) as f64
                )?;
            }
            writeln!(f)?;
        }
        write!(f, "\n{}", self.parity)
    }
}

fn write_times(f: &mut fmt::Formatter<'_>, what: &str, times: &Quantiles) -> fmt::Result {
    let ms = |micros: f64| micros / 1_000.0;
    writeln!(
        f,
        "{what:<28} {:>9.3} {:>9.3} {:>9.3} {:>9.3}",
        ms(times.p50),
        ms(times.p99),
        ms(times.p999),
        ms(times.max)
    )
}

fn counts<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    let told: Vec<String> = counts
        .iter()
        .map(|(what, count)| format!("{what} {}", grouped(*count)))
        .collect();
    told.join(", ")
}
