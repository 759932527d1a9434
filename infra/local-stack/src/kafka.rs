//! Apache Kafka as two child processes: a broker, and the controller (KRaft) that knows whether the broker lives.
//!
//! As one process that is both, a node that was killed takes itself for alive when it is back, and drops the markers of
//! decided transactions (`docs/decisions/0020-a-controller-of-its-own.md`).

mod classes;
mod farewell;
mod node;
mod settings;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use self::node::Node;
use self::settings::{Role, logging_properties, meta_properties, server_properties};
use crate::error::{At, Result, StackError, tail_of};
use crate::java::Java;
use crate::progress::Progress;
use crate::server::{Farewell, Layout, Program, Server};
use crate::stopwatch::Stopwatch;
use crate::{data_dir, fetch, java, leftovers, ports, random};

pub use self::settings::MESSAGE_MAX_BYTES;

/// Says that the storage was formatted to the end. Without it no broker ever ran there, so nothing can be lost.
const FORMATTED: &str = "formatted";
/// What a process prints after every listener answers; a broker has left the controller's fence by then. An open port
/// would be too early: a broker's may answer while the controller still fences it, with no leader for any partition.
const STARTED: &str = "Kafka Server started";
/// What it prints when it can't have its port.
const BIND_FAILED: &str = "BindException";
/// The controller's Java heap: what it holds are the names of topics, partitions and one broker.
const CONTROLLER_HEAP_MB: u32 = 128;

/// What to start.
#[derive(Clone, Debug)]
pub struct KafkaConfig {
    /// Where it keeps everything but its logs.
    pub home: PathBuf,
    /// Where `kafka.log` and `controller.log` (what they log), `kafka.out` and `controller.out` (this start's errors and
    /// milestones) go.
    pub logs: PathBuf,
    /// The port for clients; none: a free one.
    pub port: Option<u16>,
    /// The broker's Java heap in megabytes.
    pub heap_mb: u32,
}

impl KafkaConfig {
    /// A Kafka below a data directory, with a heap of 1 GB.
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
    // In this order, in which they are dropped.
    /// The process that clients talk to. Before it is started again, the controller is told that its former self is gone.
    pub broker: Server,
    /// The process that the broker reports to. The broker works on for a while without it.
    pub controller: Server,
    formatted_in: Option<Duration>,
    started_in: Duration,
}

impl Kafka {
    /// Fetches it if need be, formats its storage the first time, starts it and waits until it serves.
    ///
    /// # Errors
    /// Those of [`fetch`](crate::fetch), and `DATA_OUTDATED`, `PORT_TAKEN`, `NO_FREE_PORT`, `SERVER_EXITED`,
    /// `SERVER_STALLED`.
    pub fn start(config: &KafkaConfig, progress: &Progress) -> Result<Self> {
        refuse_one_process(&config.home)?;
        let jars = fetch::fetch_kafka(progress)?;
        let java = java::find()?;
        let classes = classes::archive(&java, &jars, progress);
        data_dir::create_private(&config.home)?;
        data_dir::create_private(&config.logs)?;
        for home in process_homes(&config.home) {
            leftovers::end(&home)?;
        }
        let start = Start {
            config,
            java: &java,
            jars: &jars,
            classes: classes.as_deref(),
            progress,
        };
        let seed = ports::seed_of(&config.home);
        ports::on_a_port(
            config.port,
            || ports::free(seed),
            |port| start.on(port, ports::free(seed.wrapping_add(1))?),
        )
    }

    /// Stops both in order, the broker first. Returns whether they ended by themselves rather than by a kill after 30 s.
    ///
    /// # Errors
    /// `STACK_IO`.
    pub fn stop(&mut self) -> Result<bool> {
        let broker = self.broker.stop()?;
        Ok(self.controller.stop()? && broker)
    }

    /// The bootstrap address, `127.0.0.1:<port>`.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.broker.port())
    }

    /// How long formatting took, where this start did it.
    pub fn formatted_in(&self) -> Option<Duration> {
        self.formatted_in
    }

    /// How long the start took, from the first process's creation until the broker served.
    pub fn started_in(&self) -> Duration {
        self.started_in
    }
}

/// The directories that the processes of a Kafka work in.
pub(crate) fn process_homes(home: &Path) -> [PathBuf; 2] {
    [home.join("broker"), home.join("controller")]
}

/// Data that a node wrote that was broker and controller at once can't be taken over: its controller's log names the
/// broker as itself.
fn refuse_one_process(home: &Path) -> Result<()> {
    if home.join("data").exists() {
        return Err(StackError::DataOutdated {
            path: home.to_owned(),
        });
    }
    Ok(())
}

/// One attempt to start.
struct Start<'a> {
    config: &'a KafkaConfig,
    java: &'a Java,
    jars: &'a Path,
    classes: Option<&'a Path>,
    progress: &'a Progress,
}

impl Start<'_> {
    fn on(&self, port: u16, controller_port: u16) -> Result<Kafka> {
        let [broker_home, controller_home] = process_homes(&self.config.home);
        let (broker, controller) = (self.node(&broker_home), self.node(&controller_home));
        for (node, role, log) in [
            (broker, Role::Broker, "kafka.log"),
            (controller, Role::Controller, "controller.log"),
        ] {
            let settings = server_properties(role, port, controller_port);
            node.configure(&settings, &logging_properties(&self.config.logs.join(log)))?;
        }
        let formatted_in = self.format(broker, controller)?;

        let step = self
            .progress
            .step(format!("Starting Kafka {}", crate::KAFKA_VERSION), None);
        let watch = Stopwatch::start();
        let layout = self.controller(controller, controller_port);
        let mut controller = Server::launch(layout)?;
        let layout = self.broker(broker, port, &controller);
        let broker = if formatted_in.is_some() {
            // No broker was ever here that the controller could take for alive: both start side by side.
            let broker = Server::launch(layout)?;
            controller.await_ready()?;
            broker
        } else {
            controller.await_ready()?;
            Server::say_farewell(&layout)?;
            Server::launch(layout)?
        };
        let mut kafka = Kafka {
            broker,
            controller,
            formatted_in,
            started_in: Duration::ZERO,
        };
        kafka.broker.await_ready()?;
        kafka.started_in = watch.elapsed();
        step.done(&format!("listens on {}", kafka.brokers()));
        Ok(kafka)
    }

    fn node<'n>(&'n self, home: &'n Path) -> Node<'n> {
        Node {
            java: self.java,
            jars: self.jars,
            classes: self.classes,
            home,
        }
    }

    /// Formats both storages unless that was done. Returns how long it took.
    fn format(&self, broker: Node<'_>, controller: Node<'_>) -> Result<Option<Duration>> {
        let formatted = self.config.home.join(FORMATTED);
        if formatted.exists() {
            return Ok(None);
        }
        let step = self.progress.step("Formatting Kafka's storage", None);
        let data = broker.home.join("data");
        data_dir::remove(&data)?;
        data_dir::remove(&controller.home.join("data"))?;
        let cluster_id = random::cluster_id()?;
        controller.format(&cluster_id, &self.config.logs.join("kafka.format.out"))?;
        data_dir::create_private(&data)?;
        let meta = data.join("meta.properties");
        fs::write(&meta, meta_properties(&cluster_id, &random::cluster_id()?)).at("can't write", &meta)?;
        fs::write(&formatted, format!("{cluster_id}\n")).at("can't write", &formatted)?;
        Ok(Some(step.done("done")))
    }

    fn controller(&self, node: Node<'_>, port: u16) -> Layout {
        let mut program = node.small(CONTROLLER_HEAP_MB);
        node.run(&mut program);
        self.layout("Kafka's controller", node, program, "controller", port)
    }

    fn broker(&self, node: Node<'_>, port: u16, controller: &Server) -> Layout {
        let mut program = node.large(self.config.heap_mb);
        node.run(&mut program);
        Layout {
            farewell: Some(Farewell {
                port: controller.port(),
                tell: farewell::forget_broker,
            }),
            ..self.layout("Kafka", node, program, "kafka", port)
        }
    }

    fn layout(&self, what: &'static str, node: Node<'_>, program: Program, files: &str, port: u16) -> Layout {
        Layout {
            what,
            program,
            home: node.home.to_owned(),
            printed: self.config.logs.join(format!("{files}.out")),
            log: self.config.logs.join(format!("{files}.log")),
            stale: Vec::new(),
            farewell: None,
            serves: has_started,
            on_parent_death: Signal::SIGKILL,
            ask_to_stop: Signal::SIGTERM,
            port_taken: BIND_FAILED,
            port,
        }
    }
}

/// Whether a start has come to its end: its last word, which the version is pinned for.
fn has_started(layout: &Layout, _pid: u32) -> bool {
    tail_of(&layout.printed, usize::MAX).contains(STARTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_a_kafka_that_was_one_process_is_refused_and_left_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let config = KafkaConfig::below(home.path());
        fs::create_dir_all(config.home.join("data")).unwrap();
        fs::write(config.home.join(FORMATTED), "id\n").unwrap();
        let error = Kafka::start(&config, &Progress::quiet()).unwrap_err();
        assert_eq!(error.code(), "DATA_OUTDATED");
        assert!(error.to_string().contains("--fresh"), "{error}");
        assert!(config.home.join("data").exists());
    }
}
