//! `bank up`: the local stack, until Ctrl-C.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use tributary_local_stack::{Options, Place, Progress, Stack};

use crate::interrupt::Interrupt;

/// Starts Kafka and PostgreSQL and keeps them up until Ctrl-C.
///
/// Where KAFKA_BROKERS or DATABASE_URL is set, that server is used and none is started in its place.
#[derive(Args, Debug)]
pub(crate) struct Up {
    /// The stack's name: its data is kept in .tributary/<NAME> of this checkout
    #[arg(long, default_value = "demo", conflicts_with = "data_dir")]
    name: String,
    /// Keep the data in this directory instead
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Delete the data of former runs first
    #[arg(long)]
    fresh: bool,
    /// Kafka's port, else a free one
    #[arg(long, value_name = "PORT")]
    kafka_port: Option<u16>,
    /// PostgreSQL's port, else a free one
    #[arg(long, value_name = "PORT")]
    postgres_port: Option<u16>,
}

impl Up {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let interrupt = Interrupt::listen()?;
        let place = match self.data_dir {
            Some(directory) => Place::Directory(directory),
            None => Place::Checkout(self.name),
        };
        let mut stack = Stack::start(&Options {
            fresh: self.fresh,
            kafka_port: self.kafka_port,
            postgres_port: self.postgres_port,
            progress: Progress::on_stderr(),
            ..Options::at(place)
        })?;
        // Made now, so that a gateway finds them.
        bank::personal_data_of(&mut stack)?;
        describe(&mut stack);
        println!("Up until Ctrl-C.");
        interrupt.wait_unless(|| stack.ended().is_some());
        if let Some(server) = stack.ended() {
            bail!(
                "{server} ended by itself; its log is in {}",
                stack.logs().display()
            );
        }
        println!("Stopping.");
        if !stack.stop()? {
            eprintln!("A server did not stop in time and was killed; the next start recovers.");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Tells where everything is, ready to be copied into another terminal; the password is in a file of this user's.
pub(super) fn describe(stack: &mut Stack) {
    let versions = stack.versions();
    println!("{} and {}", versions[0], versions[1]);
    println!("  data       {}", stack.data_dir().display());
    println!("  logs       {}", stack.logs().display());
    println!("  export KAFKA_BROKERS={}", stack.brokers());
    let data_dir = stack.data_dir().to_owned();
    match stack.postgres() {
        Some(postgres) => {
            let url = postgres.database_url_without_password();
            let password = format!("$(cat '{}')", data_dir.join("postgres.password").display());
            let url = url.replacen('@', &format!(":{password}@"), 1);
            println!("  export DATABASE_URL=\"{url}\"");
            if let Some((server, _)) = url.rsplit_once('/') {
                println!("  export KEY_STORE_URL=\"{server}/{}\"", bank::KEY_STORE_DATABASE);
            }
        }
        None => println!("  DATABASE_URL as it is set"),
    }
    println!(
        "  export PII_MASTER_KEY_FILE='{}'",
        bank::master_key_file(stack).display()
    );
}
