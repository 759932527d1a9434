//! Apache Kafka as a child process: one node that is broker and controller (KRaft's combined mode).

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::error::{At, Result, tail_of};
use crate::progress::Progress;
use crate::server::{self, Layout, Server};
use crate::stopwatch::Stopwatch;
use crate::{data_dir, fetch, java, leftovers, ports, random};

/// Largest batch in bytes that the broker takes; a topic may say less or more.
pub const MESSAGE_MAX_BYTES: u32 = 1_048_588;
/// Group offsets are kept as long as inboxes: 90 days.
const OFFSETS_RETENTION_MINUTES: u32 = 90 * 24 * 60;
/// Says that the storage was formatted to the end. Without it no broker ever ran there, so nothing can be lost.
const FORMATTED: &str = "formatted";
/// What the broker prints after it has left the controller's fence and every listener answers.
const STARTED: &str = "Kafka Server started";

/// What to start.
#[derive(Clone, Debug)]
pub struct KafkaConfig {
    /// Where it keeps everything but its logs.
    pub home: PathBuf,
    /// Where `kafka.log` (what it logs) and `kafka.out` (this start's errors and milestones) go.
    pub logs: PathBuf,
    /// The port for clients; none: a free one.
    pub port: Option<u16>,
    /// Java's heap in megabytes.
    pub heap_mb: u32,
}

impl KafkaConfig {
    /// A broker below a data directory, with a heap of 1 GB.
    pub fn below(data_dir: &Path) -> Self {
        Self {
            home: data_dir::kafka_home(data_dir),
            logs: data_dir.join("logs"),
            port: None,
            heap_mb: 1024,
        }
    }
}

/// A Kafka of our own. Dropped, it is killed.
#[derive(Debug)]
pub struct Kafka {
    config: KafkaConfig,
    java: OsString,
    jars: PathBuf,
    port: u16,
    controller_port: u16,
    server: Option<Server>,
    formatted_in: Option<Duration>,
    started_in: Duration,
}

impl Kafka {
    /// Fetches it if need be, formats its storage the first time, starts it and waits until it serves.
    ///
    /// # Errors
    /// Those of [`fetch`](crate::fetch), and `PORT_TAKEN`, `NO_FREE_PORT`, `SERVER_EXITED`, `SERVER_STALLED`.
    pub fn start(config: &KafkaConfig, progress: &Progress) -> Result<Self> {
        let jars = fetch::fetch_kafka(progress)?;
        let java = java::find()?;
        data_dir::create_private(&config.home)?;
        data_dir::create_private(&config.logs)?;
        leftovers::end(&config.home)?;
        let seed = ports::seed_of(&config.home);
        ports::on_a_port(
            config.port,
            || ports::free(seed),
            |port| {
                let mut kafka = Self {
                    config: config.clone(),
                    java: java.clone(),
                    jars: jars.clone(),
                    port,
                    controller_port: ports::free(seed.wrapping_add(1))?,
                    server: None,
                    formatted_in: None,
                    started_in: Duration::ZERO,
                };
                kafka.configure()?;
                kafka.format(progress)?;
                kafka.started_in = kafka.run(progress)?;
                Ok(kafka)
            },
        )
    }

    /// Starts it again on the same data and port after [`Kafka::kill9`] or [`Kafka::stop`]; one that runs is left
    /// alone. Returns how long it took.
    ///
    /// # Errors
    /// `PORT_TAKEN`, `SERVER_EXITED`, `SERVER_STALLED`, `STACK_IO`.
    pub fn start_again(&mut self) -> Result<Duration> {
        if self.server.is_some() {
            return Ok(Duration::ZERO);
        }
        leftovers::end(&self.config.home)?;
        self.started_in = self.run(&Progress::quiet())?;
        Ok(self.started_in)
    }

    /// Stops it in order and starts it again. Returns how long the start took.
    ///
    /// # Errors
    /// As for [`Kafka::start_again`].
    pub fn restart(&mut self) -> Result<Duration> {
        self.stop()?;
        self.start_again()
    }

    /// Kills it without warning, as a crash would.
    ///
    /// # Errors
    /// `STACK_IO`.
    pub fn kill9(&mut self) -> Result<()> {
        self.server.take().map_or(Ok(()), |mut server| server.kill9())
    }

    /// Stops it in order. Returns whether it ended by itself rather than by a kill after 30 s.
    ///
    /// # Errors
    /// `STACK_IO`.
    pub fn stop(&mut self) -> Result<bool> {
        self.server.take().map_or(Ok(true), |mut server| server.stop())
    }

    /// The bootstrap address, `127.0.0.1:<port>`.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The process, while there is one.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// Whether its process runs, which a crash would have ended.
    pub fn is_running(&mut self) -> bool {
        self.server
            .as_mut()
            .is_some_and(|server| matches!(server.try_wait(), Ok(None)))
    }

    /// Where it logs.
    pub fn log_file(&self) -> PathBuf {
        self.config.logs.join("kafka.log")
    }

    /// How long formatting took, where this start did it.
    pub fn formatted_in(&self) -> Option<Duration> {
        self.formatted_in
    }

    /// How long the last start took, from the process's creation to serving.
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    fn configure(&self) -> Result<()> {
        let home = &self.config.home;
        let write = |name: &str, text: String| {
            let path = home.join(name);
            fs::write(&path, text).at("can't write", &path)
        };
        write(
            "server.properties",
            server_properties(self.port, self.controller_port),
        )?;
        write("log4j2.properties", logging_properties(&self.config.logs))?;
        // The native parts of compression libraries are unpacked here, and stay after a kill.
        let temporary = home.join("tmp");
        data_dir::remove(&temporary)?;
        data_dir::create_private(&temporary)
    }

    fn format(&mut self, progress: &Progress) -> Result<()> {
        let home = &self.config.home;
        let formatted = home.join(FORMATTED);
        if formatted.exists() {
            return Ok(());
        }
        data_dir::remove(&home.join("data"))?;
        let step = progress.step("Formatting Kafka's storage", None);
        let printed = self.config.logs.join("kafka.format.out");
        let cluster_id = random::cluster_id()?;
        let mut command = self.java(128);
        command.args([
            "kafka.tools.StorageTool",
            "format",
            "--config",
            "server.properties",
        ]);
        command.args(["--cluster-id", &cluster_id]);
        server::prepare("Formatting Kafka's storage", command, home, &printed)?;
        fs::write(&formatted, format!("{cluster_id}\n")).at("can't write", &formatted)?;
        self.formatted_in = Some(step.done("done"));
        Ok(())
    }

    fn run(&mut self, progress: &Progress) -> Result<Duration> {
        let step = progress.step(format!("Starting Kafka {}", crate::KAFKA_VERSION), None);
        let watch = Stopwatch::start();
        let printed = self.config.logs.join("kafka.out");
        let layout = Layout {
            what: "Kafka",
            home: self.config.home.clone(),
            grows: vec![printed.clone(), self.config.logs.join("kafka.log")],
            printed,
            on_parent_death: Signal::SIGKILL,
            ask_to_stop: Signal::SIGTERM,
            port_taken: "BindException",
            port: self.port,
        };
        let mut command = self.java(self.config.heap_mb);
        command.args(["kafka.Kafka", "server.properties"]);
        self.server = Some(Server::start(&layout, command, |layout, _| {
            has_started(&layout.printed)
        })?);
        step.done(&format!("listens on {}", self.brokers()));
        Ok(watch.elapsed())
    }

    /// Java with Kafka's class path and the flags that Kafka's own scripts give it.
    fn java(&self, heap_mb: u32) -> Command {
        let mut command = Command::new(&self.java);
        command.arg(format!("-Xmx{heap_mb}m"));
        // The collector is named because Java picks a stop-the-world one on a machine with one core.
        command.args([
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-XX:InitiatingHeapOccupancyPercent=35",
        ]);
        // A broker that is out of memory must die, not limp on.
        command.args([
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:-UsePerfData",
            "-Djava.awt.headless=true",
        ]);
        command.args([
            "-Djava.io.tmpdir=tmp",
            "-Dlog4j2.configurationFile=log4j2.properties",
        ]);
        command.arg("-cp").arg(self.jars.join("*"));
        command
    }
}

/// Whether this start has come to its end. An open port would be too early: the controller's opens first, and a
/// broker's may answer while the controller still fences it, with no leader for any partition. The line is the broker's
/// last word, said when it is unfenced; the version is pinned, so its wording is too.
fn has_started(printed: &Path) -> bool {
    tail_of(printed, usize::MAX).contains(STARTED)
}

fn server_properties(port: u16, controller_port: u16) -> String {
    format!(
        "# Written at every start.
process.roles=broker,controller
node.id=1
# Named here, not in the log, so that the port may be another at the next start.
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=CLIENT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=CLIENT://127.0.0.1:{port}
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENT
controller.listener.names=CONTROLLER
log.dirs=data

# A broker killed and started again waits until the session of its former self has ended: 2 s, not 9 s.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=300
# The open transaction of a worker that is gone ends at its own time-out, looked for every second.
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000

# One broker. Small internal topics: 50 partitions each would only cost files and start-up time.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1

# Topics are declared, never made by a misspelt name.
auto.create.topics.enable=false
unclean.leader.election.enable=false
message.max.bytes={MESSAGE_MAX_BYTES}
# Nothing expires unless its topic says so: records of 1993 would be older than any default.
log.retention.ms=-1
offsets.retention.minutes={OFFSETS_RETENTION_MINUTES}

# A group's first member does not wait for others; short sessions are allowed, since tests let workers die.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000

# Sized for two cores and a heap of 1 GB.
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
log.cleaner.dedupe.buffer.size=16777216
"
    )
}

/// Everything of note goes to `kafka.log`; errors and milestones are printed too, which is what a start watches.
fn logging_properties(logs: &Path) -> String {
    let logs = logs.display();
    format!(
        "# Written at every start.
status=error
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={logs}/kafka.log
appender.file.filePattern={logs}/kafka.log.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{{ISO8601}} %p %m (%c)%n
appender.file.policies.type=SizeBasedTriggeringPolicy
appender.file.policies.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=3
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{{ISO8601}} %p %m (%c)%n
rootLogger.level=info
rootLogger.appenderRef.file.ref=file
rootLogger.appenderRef.out.ref=out
rootLogger.appenderRef.out.level=error
logger.milestones.name=kafka.server.KafkaRaftServer
logger.milestones.level=info
logger.milestones.appenderRef.out.ref=out
# Hundreds of lines that repeat server.properties and its defaults at every start.
logger.settings.name=org.apache.kafka.common.config
logger.settings.level=warn
logger.brokersettings.name=kafka.server.KafkaConfig
logger.brokersettings.level=warn
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listener_is_on_the_loopback_interface() {
        let text = server_properties(1, 2);
        let listeners: Vec<_> = text.lines().filter(|line| line.contains("listeners=")).collect();
        assert_eq!(listeners.len(), 2);
        for line in listeners {
            assert_eq!(
                line.matches("://").count(),
                line.matches("://127.0.0.1:").count(),
                "{line}"
            );
        }
    }
}
