//! What the laundering service has found, from its log.

use std::collections::BTreeMap;
use std::process::ExitCode;

use chrono::NaiveDate;
use clap::Args;
use tributary_contracts::laundering::{AlertRaised, LaunderingEvent};
use tributary_contracts::topics::LAUNDERING_EVENTS;
use tributary_fraud_laundering::Rule;
use tributary_money::Money;

use super::ask::{Bank, event_of};

/// The one type of event that is looked at.
const RAISED: [&str; 1] = ["laundering.alert-raised.v1"];

/// Says which money-laundering alerts stand in the log, with all that led to each
#[derive(Args, Debug)]
pub(crate) struct Alerts {
    /// Only those of a rule: structuring, fan-in, cycle or dormant-wake
    #[arg(long, value_parser = rule)]
    rule: Option<Rule>,
    /// Only those whose last payment is of this day or later
    #[arg(long, value_name = "DAY")]
    from: Option<NaiveDate>,
    /// Print each as a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    bank: Bank,
}

fn rule(name: &str) -> Result<Rule, String> {
    let found = Rule::ALL.into_iter().find(|rule| rule.name() == name);
    found.ok_or_else(|| "no rule has that name".to_owned())
}

impl Alerts {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut alerts = raised(&self.bank)?;
        alerts.retain(|alert| {
            self.rule.is_none_or(|rule| alert.rule == rule.name())
                && self.from.is_none_or(|from| alert.to >= from)
        });
        for alert in &alerts {
            match self.json {
                true => println!("{}", serde_json::to_string(alert)?),
                false => print!("{}", in_words(alert)),
            }
        }
        if !self.json {
            println!("{}", counted(&alerts));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// All alerts in the log, by their last payment's day.
fn raised(bank: &Bank) -> anyhow::Result<Vec<AlertRaised>> {
    let mut alerts = Vec::new();
    let starts = bank.starts(LAUNDERING_EVENTS)?;
    bank.look_through(LAUNDERING_EVENTS, &starts, |record| {
        if let Some(LaunderingEvent::AlertRaised(alert)) = event_of(&record, &RAISED) {
            alerts.push(alert);
        }
    })?;
    alerts.sort_by_key(|alert| (alert.to, alert.account));
    Ok(alerts)
}

fn in_words(alert: &AlertRaised) -> String {
    let order = match (&*alert.rule, alert.in_order) {
        ("cycle", true) => ", in order of time",
        ("cycle", false) => ", not in order of time",
        _ => "",
    };
    let mut text = format!(
        "{} v{}: account {}, {} payments of {} accounts, {} to {}{order}\n",
        alert.rule,
        alert.version,
        alert.account,
        alert.payments.len(),
        alert.accounts.len(),
        alert.from,
        alert.to
    );
    for payment in &alert.payments {
        let amount = Money::new(payment.amount, alert.currency);
        text.push_str(&format!(
            "  {} {amount:>16}  {} -> {}  payment {}\n",
            payment.date, payment.debtor, payment.creditor, payment.payment_id
        ));
    }
    text
}

fn counted(alerts: &[AlertRaised]) -> String {
    let mut by_rule: BTreeMap<&str, usize> = Rule::ALL.map(|rule| (rule.name(), 0)).into();
    for alert in alerts {
        *by_rule.entry(&alert.rule).or_default() += 1;
    }
    let parts: Vec<String> = by_rule
        .iter()
        .map(|(rule, count)| format!("{rule} {count}"))
        .collect();
    format!("{} alerts: {}", alerts.len(), parts.join(", "))
}

/// How many alerts there are by now, in words.
pub(crate) fn count(brokers: &str) -> anyhow::Result<String> {
    let bank = Bank {
        brokers: brokers.to_owned(),
    };
    Ok(counted(&raised(&bank)?))
}
