//! `bank topics`: the declared topics, and the broker's.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use tributary_contracts::{
    schema,
    topics::{ALL, LOCAL_PARTITIONS},
};
use tributary_schema_registry::Registry;
use tributary_stream::kafka::topics;

/// Creates the bank's topics, reports drift, and registers the messages' schemas.
#[derive(Args, Debug)]
pub(crate) struct Topics {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Show the declared topics with their settings
    List,
    /// Create what is missing, start new groups at offset 0, report what differs; with a schema registry, register the
    /// JSON Schemas of all messages there
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
        /// Schema registry (Confluent's REST API), as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT; without it, no
        /// schema is registered
        #[arg(long, env = "SCHEMA_REGISTRY_URL", hide_env_values = true, value_name = "URL")]
        schema_registry: Option<String>,
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
                schema_registry,
            } => {
                // Read first: a mistyped address leaves everything as it was.
                let registry = schema_registry.as_deref().map(Registry::at).transpose()?;
                let changes = topics::apply(&brokers, ALL, partitions, replication)?;
                for change in &changes {
                    println!("{change}");
                }
                let drifted = changes
                    .iter()
                    .any(|change| matches!(change, topics::Change::Drifted { .. }));
                let refused = match &registry {
                    Some(registry) => register(registry)?,
                    None => 0,
                };
                Ok(if drifted || refused > 0 {
                    ExitCode::FAILURE
                } else {
                    ExitCode::SUCCESS
                })
            }
        }
    }
}

/// Registers every schema, and says what came of it. Returns how many were refused.
fn register(registry: &Registry) -> anyhow::Result<usize> {
    let documents = schema::documents();
    let outcomes = registry.register_all(documents.iter().map(|(name, schema)| (*name, schema)))?;
    let mut refused = 0;
    for outcome in &outcomes {
        if let Err(error) = &outcome.result {
            refused += 1;
            eprintln!("{error}");
        }
    }
    let registered = outcomes.len() - refused;
    println!(
        "{registered} of {} schemas are registered at {}",
        outcomes.len(),
        registry.address()
    );
    Ok(refused)
}
