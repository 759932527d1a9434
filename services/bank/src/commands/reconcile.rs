//! What `bank replay` and `bank demo` have in common: rows in, a reconciliation out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use tributary_checker::{Compared, End, Invariant, LedgerCheck, ReadModelCheck, Violation, check_all};
use tributary_contracts::topics::ACCOUNTS_EVENTS;
use tributary_history::{History, open_history};
use tributary_projection::KafkaTopic;
use tributary_replay::{
    Checked, Moment, Options, Ordered, Progress, Reconciliation, Through, grouped, read_model, replay,
    set_up_orders,
};

use crate::interrupt::Interrupt;

/// How long the bank has to come to rest after the last row.
const AT_REST_WITHIN: Duration = Duration::from_secs(30);

/// Violations that are kept as text.
const VIOLATIONS_KEPT: usize = 100;

/// Refused standing orders that are told one by one.
const REFUSED_TOLD: usize = 10;

/// Where a history goes, and how.
pub(crate) struct Target {
    /// Kafka's bootstrap address.
    pub(crate) brokers: String,
    /// Where the read models are.
    pub(crate) database_url: String,
    /// Nobody else uses the bank meanwhile: then it must be at rest in the end.
    pub(crate) alone: bool,
    /// Times the recorded speed.
    pub(crate) speed: Option<f64>,
    /// When the person began to wait.
    pub(crate) since: Moment,
    /// What makes the transfers.
    pub(crate) through: Through,
    /// The API at which the history's standing orders are set up (`http://host:port`); none: they are left out.
    pub(crate) orders: Option<String>,
}

/// Reads a history; what is wrong with it as a whole comes with its code.
pub(crate) fn open(path: &Path) -> anyhow::Result<History> {
    open_history(path).map_err(|error| anyhow!("{}: {error}", error.code()))
}

/// Replays and compares.
pub(crate) fn replay_and_reconcile(
    history: &History,
    target: &Target,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let options = Options {
        brokers: target.brokers.clone(),
        speed: target.speed,
        since: target.since,
        through: target.through.clone(),
    };
    let mut progress = Progress::on_stderr();
    let replayed = replay(history, &options, &mut progress, &|| interrupt.asked())?;
    let ordered = match &target.orders {
        Some(api) => Some(set_up_orders(history, api, &|| interrupt.asked())?),
        None => None,
    };
    progress.say("Reading everything back ...");
    let found = read_model(
        &target.database_url,
        replayed.plan.accounts(),
        replayed.ledger.next_offsets(),
    )?;
    let checked = check(target).context("the log can't be checked")?;
    let reconciliation = Reconciliation::of(history, &replayed, Some(found), Some(checked))?;
    Ok(Outcome {
        reconciliation,
        orders: history.statistics.orders,
        ordered,
    })
}

/// What a replay came to.
pub(crate) struct Outcome {
    reconciliation: Reconciliation,
    /// Standing orders of the history.
    orders: u64,
    /// What became of them, where they were set up.
    ordered: Option<Ordered>,
}

impl Outcome {
    /// Whether everything reconciles and nothing was left out that was asked for.
    pub(crate) fn is_sound(&self) -> bool {
        let refused = self.ordered.as_ref().map_or(0, |ordered| ordered.refused.len());
        self.reconciliation.is_sound() && refused == 0
    }

    fn tell_orders(&self) {
        let Some(ordered) = &self.ordered else {
            if self.orders > 0 {
                println!(
                    "  {} standing orders are left out: bank replay --through payments sets them up.",
                    grouped(self.orders)
                );
            }
            return;
        };
        if self.orders == 0 {
            return;
        }
        println!(
            "  Standing orders: {} set up, {} known before, {} refused.",
            grouped(ordered.created),
            grouped(ordered.known_before),
            grouped(ordered.refused.len() as u64)
        );
        for (order, refused) in ordered.refused.iter().take(REFUSED_TOLD) {
            println!("    {order}: {}: {}", refused.code, refused.detail);
        }
        if let Some((due, number)) = ordered.due.first_key_value() {
            println!("    The first {} of them pay at {due}.", grouped(*number));
        }
    }
}

fn check(target: &Target) -> anyhow::Result<Checked> {
    let end = End {
        at_rest_within: target.alone.then_some(AT_REST_WITHIN),
        expired_before: None,
    };
    let read_models: Box<dyn ReadModelCheck> = Box::new(LedgerReadModel {
        brokers: target.brokers.clone(),
        database_url: target.database_url.clone(),
    });
    let report = check_all(&target.brokers, end, &mut [read_models])?;
    Ok(Checked {
        clean: report.is_clean(),
        events: report.totals.events,
        invariants: report.invariants.len() as u64,
        violations_total: report.violations_total,
        violations: report
            .violations
            .iter()
            .take(VIOLATIONS_KEPT)
            .map(ToString::to_string)
            .collect(),
    })
}

/// Invariant 6 for the ledger's read models.
struct LedgerReadModel {
    brokers: String,
    database_url: String,
}

impl ReadModelCheck for LedgerReadModel {
    fn invariant(&self) -> Invariant {
        Invariant::ReadModel
    }

    fn compare(&mut self, fold: &LedgerCheck) -> Result<Compared, Box<dyn std::error::Error + Send + Sync>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let database = self.database_url.parse()?;
        let schema = bank::LEDGER_SCHEMA.parse()?;
        let topic = std::sync::Arc::new(KafkaTopic::new(self.brokers.clone(), ACCOUNTS_EVENTS.name));
        let differences =
            runtime.block_on(tributary_accounts::projection::verify(&database, &schema, topic))?;
        Ok(Compared {
            compared: fold.totals().entries,
            violations: differences
                .iter()
                .map(|difference| Violation {
                    invariant: Invariant::ReadModel,
                    code: "READ_MODEL_DIFFERS",
                    what: difference.to_string(),
                    at: Vec::new(),
                })
                .collect(),
        })
    }
}

/// Prints it, and writes it where it was asked for.
pub(crate) fn tell(outcome: &Outcome, json: Option<&PathBuf>) -> anyhow::Result<()> {
    let reconciliation = &outcome.reconciliation;
    println!("{reconciliation}");
    outcome.tell_orders();
    if let Some(path) = json {
        let text = serde_json::to_vec_pretty(reconciliation)?;
        std::fs::write(path, text).with_context(|| format!("can't write {}", path.display()))?;
        println!("  The whole of it is in {}.", path.display());
    }
    Ok(())
}
