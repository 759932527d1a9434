//! What decides and challenges, and how they compare over the last decisions.

use std::collections::BTreeMap;
use std::process::ExitCode;

use chrono::DateTime;
use clap::Args;
use tributary_contracts::fraud::{FraudEvent, PayeesEvent, VersionProposed, VersionsUsed};
use tributary_contracts::topics::{FRAUD_EVENTS, FRAUD_PAYEES_EVENTS};
use tributary_fraud::Comparison;
use tributary_ids::ProposalId;
use tributary_stream::driver::wall_clock_ms;

use super::ask::{Bank, event_of};
use super::told;

/// Events of the register, and of those that adopt what stands in it.
const OF_VERSIONS: [&str; 4] = [
    "fraud.version-proposed.v1",
    "fraud.version-approved.v1",
    "fraud.version-rejected.v1",
    "fraud.versions-used.v1",
];

const OF_DECISIONS: [&str; 3] = [
    "fraud.payment-decided.v1",
    "fraud.fraud-confirmed.v1",
    "fraud.fraud-retracted.v1",
];

/// Says what decides in each partition, what is proposed, and how champion and challengers compare over the last decisions
#[derive(Args, Debug)]
pub(crate) struct Status {
    /// Events of each partition that are looked at, the newest
    #[arg(long, value_name = "EVENTS", default_value_t = 10_000)]
    last: i64,
    #[command(flatten)]
    bank: Bank,
}

impl Status {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let bank = &self.bank;
        let starts = bank.starts(FRAUD_EVENTS)?;
        let mut used: BTreeMap<i32, VersionsUsed> = BTreeMap::new();
        let mut open: BTreeMap<ProposalId, VersionProposed> = BTreeMap::new();
        bank.look_through(FRAUD_EVENTS, &starts, |record| {
            match event_of(&record, &OF_VERSIONS) {
                Some(FraudEvent::VersionsUsed(versions)) => drop(used.insert(versions.partition, versions)),
                Some(FraudEvent::VersionProposed(proposed)) => {
                    open.insert(proposed.proposal_id, proposed);
                }
                Some(FraudEvent::VersionApproved(approved)) => drop(open.remove(&approved.proposal_id)),
                Some(FraudEvent::VersionRejected(rejected)) => drop(open.remove(&rejected.proposal_id)),
                _ => {}
            }
        })?;
        for partition in starts.keys() {
            match used.get(partition) {
                Some(used) => println!("{}", in_use(used)),
                None => println!("partition {partition}: the built-in rules, no model"),
            }
        }
        let now = wall_clock_ms();
        for proposed in open.values().filter(|proposed| proposed.expires_at >= now) {
            let until = DateTime::from_timestamp_millis(proposed.expires_at).unwrap_or_default();
            println!(
                "proposal {}: {}, by {}, until {}",
                proposed.proposal_id,
                told(&proposed.version),
                proposed.by,
                until.format("%Y-%m-%d %H:%M UTC")
            );
        }
        let mut from = bank.starts(FRAUD_PAYEES_EVENTS)?;
        for (partition, end) in bank.ends(FRAUD_PAYEES_EVENTS)? {
            let start = from.entry(partition).or_default();
            *start = (*start).max(end.saturating_sub(self.last.max(0)));
        }
        let mut comparison = Comparison::default();
        bank.look_through(FRAUD_PAYEES_EVENTS, &from, |record| {
            if let Some(event) = event_of::<PayeesEvent>(&record, &OF_DECISIONS) {
                comparison.observe(&event);
            }
        })?;
        print!("{comparison}");
        Ok(ExitCode::SUCCESS)
    }
}

/// What a partition uses, as a line.
pub(super) fn in_use(used: &VersionsUsed) -> String {
    let versions = &used.versions;
    let model = versions.model.as_ref().map_or_else(|| "none".to_owned(), told);
    let mut line = format!(
        "partition {}: rules {}, model {model}",
        used.partition,
        told(&versions.rules)
    );
    if !versions.challengers.is_empty() {
        let challengers: Vec<String> = versions.challengers.iter().map(told).collect();
        line = format!("{line}, challenged by {}", challengers.join(" and "));
    }
    line
}
