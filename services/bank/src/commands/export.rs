//! `bank export`: the log as a history, or the balances as bytes to compare.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use bank::{LEDGER_SCHEMA, LocalBank};
use clap::Args;
use tributary_accounts::projection::export_balances;
use tributary_local_stack::Endpoints;
use tributary_replay::{await_read_model, export, grouped};

/// Writes the log as a history that `bank replay` takes (.jsonl, .jsonl.zst), or the balances as CSV.
///
/// From the bank that --brokers or a running `bank demo` names, else from the data that the last one left.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// File to write; with --balances a directory for balances.csv and statements.csv
    out: PathBuf,
    /// All accounts with their balances and statements, from the read models: the same books give the same bytes
    #[arg(long)]
    balances: bool,
    /// Kafka's bootstrap address, of a bank that runs
    #[arg(
        long,
        env = "KAFKA_BROKERS",
        value_name = "HOST:PORT",
        requires = "database_url"
    )]
    brokers: Option<String>,
    /// Address of the PostgreSQL with that bank's read models
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    #[command(flatten)]
    place: super::place::PlaceArguments,
}

impl Export {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if self.place.fresh() {
            bail!("--fresh would delete what is to be exported");
        }
        if let (Some(brokers), Some(database_url)) = (&self.brokers, &self.database_url) {
            return self.write(brokers, database_url);
        }
        let place = self.place.place();
        if let Some(found) = Endpoints::of_running(&place)? {
            return self.write(&found.brokers, &found.database_url);
        }
        if place.path().is_none_or(|path| !path.exists()) {
            bail!("no bank has left any data here; --name or --data-dir says where one has");
        }
        let bank = LocalBank::start(&self.place.options())?;
        let outcome = self.write(&bank.brokers(), &bank.database_url());
        bank.stop()?;
        outcome
    }

    fn write(&self, brokers: &str, database_url: &str) -> anyhow::Result<ExitCode> {
        if self.balances {
            write_balances(brokers, database_url, &self.out)?;
            return Ok(ExitCode::SUCCESS);
        }
        let exported = export(brokers, &self.out)?;
        println!(
            "{} rows of {} accounts, source {}, in {}",
            grouped(exported.rows),
            grouped(exported.accounts),
            exported.source,
            self.out.display()
        );
        for (what, count) in &exported.untold {
            println!("  a history has no words for this, balances don't depend on it: {what} ({count})");
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write_balances(brokers: &str, database_url: &str, directory: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory).with_context(|| format!("can't create {}", directory.display()))?;
    await_read_model(brokers, database_url)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let paths = ["balances.csv", "statements.csv"].map(|name| directory.join(name));
        let [balances, statements] = &paths;
        let create = async |path: &Path| {
            let file = tokio::fs::File::create(path).await;
            file.with_context(|| format!("can't write {}", path.display()))
        };
        let (mut balances, mut statements) = (create(balances).await?, create(statements).await?);
        let schema = LEDGER_SCHEMA.parse().map_err(|error| anyhow!("{error}"))?;
        export_balances(&database_url.parse()?, &schema, &mut balances, &mut statements).await?;
        for path in &paths {
            println!("{}", path.display());
        }
        Ok(())
    })
}
