//! Kafka and PostgreSQL together.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::data_dir::{self, DataDir, Place};
use crate::error::{At, Result, StackError};
use crate::kafka::{Kafka, KafkaConfig};
use crate::postgres::{Postgres, PostgresConfig};
use crate::progress::Progress;
use crate::server::Server;
use crate::{fetch, java};

const RUNNING: &str = "running.json";

/// How to start a stack.
#[derive(Clone, Debug)]
pub struct Options {
    pub place: Place,
    /// Deletes the data of former runs first.
    pub fresh: bool,
    /// Kafka's port for clients; none: a free one.
    pub kafka_port: Option<u16>,
    /// PostgreSQL's port; none: a free one.
    pub postgres_port: Option<u16>,
    /// Kafka's Java heap in megabytes.
    pub kafka_heap_mb: u32,
    pub progress: Progress,
    /// A Kafka that runs elsewhere (`host:port,...`); none is started then.
    pub external_brokers: Option<String>,
    /// A PostgreSQL that runs elsewhere; none is started then.
    pub external_database_url: Option<String>,
}

impl Options {
    /// A stack at a place, with whatever `KAFKA_BROKERS` and `DATABASE_URL` name in the place of a server of its own.
    pub fn at(place: Place) -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        Self {
            place,
            fresh: false,
            kafka_port: None,
            postgres_port: None,
            kafka_heap_mb: 1024,
            progress: Progress::quiet(),
            external_brokers: set("KAFKA_BROKERS"),
            external_database_url: set("DATABASE_URL"),
        }
    }

    /// A stack in a temporary directory that is removed when it stops; otherwise as [`Options::at`].
    pub fn temporary() -> Self {
        Self::at(Place::Temporary)
    }

    /// Starts both servers here, whatever the environment names.
    pub fn own_servers(mut self) -> Self {
        self.external_brokers = None;
        self.external_database_url = None;
        self
    }
}

/// Where a running stack is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Kafka's bootstrap address.
    pub brokers: String,
    /// PostgreSQL's address, password included.
    pub database_url: String,
    /// The process that runs the stack.
    pub pid: u32,
}

impl Endpoints {
    /// Where the stack at a place is reached that another process runs now; none when none runs there.
    ///
    /// # Errors
    /// `STACK_IO` when the place can't be read.
    pub fn of_running(place: &Place) -> Result<Option<Self>> {
        let Some(path) = place.path().filter(|path| path.exists()) else {
            return Ok(None);
        };
        match DataDir::open(place, false) {
            Ok(_) => Ok(None),
            // Held, and maybe still starting: then there is nothing to reach yet.
            Err(StackError::DataDirInUse { .. }) => {
                let text = fs::read_to_string(path.join(RUNNING)).unwrap_or_default();
                Ok(serde_json::from_str(&text).ok())
            }
            Err(error) => Err(error),
        }
    }
}

/// What a start spent its time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    pub step: &'static str,
    pub took: Duration,
}

/// A running stack. Dropped without [`Stack::stop`], its servers are killed and its temporary directory is removed.
#[derive(Debug)]
pub struct Stack {
    // Before the directory: the servers must be gone when it is removed.
    kafka: Option<Kafka>,
    postgres: Option<Postgres>,
    external_brokers: Option<String>,
    external_database_url: Option<String>,
    data_dir: DataDir,
}

impl Stack {
    /// Starts what the options don't name as running elsewhere, both servers at once.
    ///
    /// # Errors
    /// `DATA_DIR_IN_USE`, and those of [`Kafka::start`] and [`Postgres::start`]; nothing is left running then.
    pub fn start(options: &Options) -> Result<Self> {
        let data_dir = DataDir::open(&options.place, options.fresh)?;
        let mut stack = Self {
            kafka: None,
            postgres: None,
            external_brokers: options.external_brokers.clone(),
            external_database_url: options.external_database_url.clone(),
            data_dir,
        };
        let mut kafka = KafkaConfig::below(stack.data_dir());
        kafka.port = options.kafka_port;
        kafka.heap_mb = options.kafka_heap_mb;
        let mut postgres = PostgresConfig::below(stack.data_dir());
        postgres.port = options.postgres_port;
        // What is missing is said before anything is started.
        let progress = &options.progress;
        if options.external_brokers.is_none() {
            java::find()?;
            fetch::fetch_kafka(progress)?;
        }
        if options.external_database_url.is_none() {
            fetch::fetch_postgres(progress)?;
        }
        let (kafka, postgres) = thread::scope(|scope| {
            let kafka = options
                .external_brokers
                .is_none()
                .then(|| scope.spawn(|| Kafka::start(&kafka, progress)));
            let postgres = options
                .external_database_url
                .is_none()
                .then(|| Postgres::start(&postgres, progress));
            (kafka.map(|thread| thread.join()), postgres)
        });
        stack.kafka = match kafka {
            Some(Ok(started)) => Some(started?),
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => None,
        };
        stack.postgres = postgres.transpose()?;
        stack.announce()?;
        Ok(stack)
    }

    /// Writes down where the stack is reached, for other commands of this user.
    fn announce(&self) -> Result<()> {
        let endpoints = Endpoints {
            brokers: self.brokers(),
            database_url: self.database_url(),
            pid: std::process::id(),
        };
        let path = self.data_dir().join(RUNNING);
        // New each time: a former one's end must not stay behind a shorter text.
        data_dir::remove(&path)?;
        let mut file = data_dir::open_private(&path).at("can't open", &path)?;
        let text = serde_json::to_vec_pretty(&endpoints).map_err(std::io::Error::from);
        text.and_then(|text| file.write_all(&text))
            .at("can't write", &path)
    }

    /// Kafka's bootstrap address.
    pub fn brokers(&self) -> String {
        let own = self.kafka.as_ref().map(Kafka::brokers);
        own.or_else(|| self.external_brokers.clone()).unwrap_or_default()
    }

    /// PostgreSQL's address, password included.
    pub fn database_url(&self) -> String {
        let own = self.postgres.as_ref().map(Postgres::database_url);
        own.or_else(|| self.external_database_url.clone())
            .unwrap_or_default()
    }

    /// Where data and logs are.
    pub fn data_dir(&self) -> &Path {
        self.data_dir.path()
    }

    /// The directory of the logs.
    pub fn logs(&self) -> PathBuf {
        self.data_dir().join("logs")
    }

    /// The Kafka that this stack started; none where it runs elsewhere.
    pub fn kafka(&mut self) -> Option<&mut Kafka> {
        self.kafka.as_mut()
    }

    /// The PostgreSQL that this stack started; none where it runs elsewhere.
    pub fn postgres(&mut self) -> Option<&mut Postgres> {
        self.postgres.as_mut()
    }

    /// The server of this stack that ended though nobody here ended it, if one did: it crashed or was killed.
    pub fn ended(&mut self) -> Option<&'static str> {
        self.servers()
            .find_map(|server| (!server.is_running()).then(|| server.name()))
    }

    /// The servers that this stack started.
    pub fn servers(&mut self) -> impl Iterator<Item = &mut Server> {
        let kafka = self.kafka.as_mut();
        let kafka = kafka.map(|kafka| [&mut kafka.broker, &mut kafka.controller]);
        let postgres = self.postgres.as_mut().map(|postgres| &mut postgres.server);
        kafka.into_iter().flatten().chain(postgres)
    }

    /// Which servers these are, for people.
    pub fn versions(&self) -> [String; 2] {
        let named = |own: bool, title: &str, version: &str| {
            if own {
                format!("{title} {version}")
            } else {
                format!("{title}, running elsewhere")
            }
        };
        [
            named(self.kafka.is_some(), "Apache Kafka", crate::KAFKA_VERSION),
            named(self.postgres.is_some(), "PostgreSQL", crate::POSTGRES_VERSION),
        ]
    }

    /// What the start spent its time on, the two servers side by side.
    pub fn timings(&self) -> Vec<Timing> {
        let kafka = self.kafka.as_ref();
        let postgres = self.postgres.as_ref();
        let steps = [
            ("format Kafka's storage", kafka.and_then(Kafka::formatted_in)),
            ("start Kafka", kafka.map(Kafka::started_in)),
            (
                "initialise PostgreSQL's cluster",
                postgres.and_then(Postgres::initialised_in),
            ),
            (
                "start PostgreSQL",
                postgres.map(|postgres| postgres.server.started_in()),
            ),
        ];
        steps
            .into_iter()
            .filter_map(|(step, took)| took.map(|took| Timing { step, took }))
            .collect()
    }

    /// Stops both servers, in order unless their data is removed anyway. Returns whether both ended by themselves
    /// rather than by a kill after 30 s.
    ///
    /// # Errors
    /// `STACK_IO`.
    pub fn stop(mut self) -> Result<bool> {
        if self.data_dir.is_temporary() {
            // Dropping does it all.
            return Ok(true);
        }
        let (mut kafka, mut postgres) = (self.kafka.take(), self.postgres.take());
        let (kafka, postgres) = thread::scope(|scope| {
            let kafka = scope.spawn(|| kafka.as_mut().map_or(Ok(true), Kafka::stop));
            let postgres = postgres
                .as_mut()
                .map_or(Ok(true), |postgres| postgres.server.stop());
            (kafka.join(), postgres)
        });
        let kafka = kafka.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(kafka? && postgres?)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // Killed here rather than by the fields' own drop, which comes after this.
        self.kafka = None;
        self.postgres = None;
        // What can't be removed now is removed by the next temporary stack, or overwritten by the next start.
        if self.data_dir.is_temporary() {
            drop(self.data_dir.remove());
        } else {
            drop(data_dir::remove(&self.data_dir().join(RUNNING)));
        }
    }
}
