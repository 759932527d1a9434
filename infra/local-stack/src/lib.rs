//! A real Apache Kafka and a real PostgreSQL as child processes, for the demo, for development and for tests.
//!
//! ```no_run
//! use tributary_local_stack::{Options, Place, Progress, Stack, StackError};
//!
//! # fn main() -> Result<(), StackError> {
//! // `.tributary/demo` in the checkout; KAFKA_BROKERS and DATABASE_URL, where set, take a server's place.
//! let mut options = Options::at(Place::Checkout("demo".to_owned()));
//! options.progress = Progress::on_stderr();
//! let mut stack = Stack::start(&options)?;
//! println!("{} {} {}", stack.brokers(), stack.database_url(), stack.data_dir().display());
//! if let Some(kafka) = stack.kafka() {
//!     kafka.broker.kill9()?; // a crash
//!     let took = kafka.broker.start_again()?; // same data, same port
//!     println!("serves again after {took:?}");
//! }
//! stack.stop()?; // dropping it kills the servers instead
//!
//! // For a test: a directory of its own that goes with it, and real servers whatever the environment says.
//! let stack = Stack::start(&Options::temporary().own_servers())?;
//! # drop(stack);
//! # Ok(())
//! # }
//! ```
//!
//! [`fetch`] brings the software once a user, from Maven Central, by the pinned poms and checksums in `infra/kafka` and
//! `infra/postgres`. [`Stack::start`] does so by itself. [`Endpoints::of_running`] finds the stack that another process
//! runs. Everything listens on the loopback interface only, on free ports, and ends with the process that started it,
//! however that ends. `docs/runbooks/local-stack.md` is for the people who run it.

mod artifacts;
mod data_dir;
mod error;
mod fetch;
mod java;
mod kafka;
mod leftovers;
mod platform;
mod ports;
mod postgres;
mod progress;
mod random;
mod server;
mod spawn;
mod stack;
mod stopwatch;

pub use artifacts::{KAFKA_VERSION, POSTGRES_VERSION};
pub use data_dir::Place;
pub use error::{Result, StackError};
pub use fetch::{Software, fetch};
pub use kafka::{Kafka, KafkaConfig, MESSAGE_MAX_BYTES};
pub use platform::cache_dir;
pub use postgres::{Postgres, PostgresConfig};
pub use progress::Progress;
pub use server::Server;
pub use stack::{Endpoints, Options, Stack, Timing};
