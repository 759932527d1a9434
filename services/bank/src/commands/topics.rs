//! `bank topics`: the declared topics, and the broker's.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use tributary_contracts::topics::{ALL, LOCAL_PARTITIONS};
use tributary_stream::kafka::topics;

/// Creates the bank's topics and reports drift.
#[derive(Args, Debug)]
pub(crate) struct Topics {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Show the declared topics with their settings
    List,
    /// Create what is missing, start new groups at offset 0, report what differs
    Apply {
        /// Kafka's bootstrap address
        #[arg(long, env = "KAFKA_BROKERS", value_name = "HOST:PORT")]
        brokers: String,
        /// Partitions of each topic, fixed for its life
        #[arg(long, default_value_t = LOCAL_PARTITIONS)]
        partitions: i32,
        /// Copies of each partition
        #[arg(long, default_value_t = 1)]
        replication: i32,
    },
}

impl Topics {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::List => {
                for topic in ALL {
                    println!("{:<18} key: {}", topic.name, topic.key);
                    for (setting, value) in topic.settings() {
                        println!("  {setting}={value}");
                    }
                }
                Ok(ExitCode::SUCCESS)
            }
            Action::Apply {
                brokers,
                partitions,
                replication,
            } => {
                let changes = topics::apply(&brokers, ALL, partitions, replication)?;
                for change in &changes {
                    println!("{change}");
                }
                let drifted = changes
                    .iter()
                    .any(|change| matches!(change, topics::Change::Drifted { .. }));
                Ok(if drifted {
                    ExitCode::FAILURE
                } else {
                    ExitCode::SUCCESS
                })
            }
        }
    }
}
