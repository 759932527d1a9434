//! What the laundering rules find in a labelled sample, and in payments of customers of whom none launders.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;
use tributary_fraud_laundering::{
    Account, Alert, DAY_S, InProcess, Payment, PaymentId, PaymentRefused, Rule, Rules,
};
use tributary_history::{History, HistoryError, HistoryRow};

use crate::amlsim::{Sample, Transaction};

/// All that was measured on one sample.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    pub sample: String,
    pub days: u32,
    pub payments: u64,
    /// Of an account to itself: no money moves, and no rule looks at them.
    pub payments_to_oneself: u64,
    pub accounts: usize,
    pub labelled: usize,
    /// Messages between accounts, two for each payment among them.
    pub messages: u64,
    /// Of cycles, those whose payments follow one another in time.
    pub cycles_in_order: usize,
    /// One for each rule.
    pub rules: Vec<Found>,
    /// All rules together.
    pub all: Found,
}

/// What one rule found, or all of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    pub name: &'static str,
    pub version: Option<u16>,
    pub alerts: usize,
    pub alerts_per_day: f64,
    /// Accounts that stand in alerts.
    pub accounts: usize,
    /// Those of them that are labelled.
    pub labelled: usize,
    /// Labelled accounts in alerts / labelled accounts. None without any.
    pub recall: Option<f64>,
    /// Labelled accounts in alerts / accounts in alerts. None without any, of either.
    pub precision: Option<f64>,
}

/// The payments between accounts of a history, which has no labels: every alert is one too many, as far as none of its
/// customers launders. In this they are numbered, accounts from 1 in the order in which they come.
///
/// # Errors
/// When the history's file can't be read any more.
pub fn unlabelled(history: &History) -> Result<Sample, HistoryError> {
    let mut sample = Sample {
        name: history.header.source.clone(),
        ..Sample::default()
    };
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    let mut number = |account: String| {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX).saturating_add(1);
        *numbers.entry(account).or_insert(next)
    };
    let mut start = None;
    for row in history.rows()? {
        let row = row?;
        let start = *start.get_or_insert(row.date());
        match row {
            HistoryRow::Open(open) => _ = sample.accounts.insert(number(open.account), false),
            HistoryRow::Transfer(transfer) => sample.transactions.push(Transaction {
                line: sample.transactions.len() as u64 + 1,
                day: u32::try_from((transfer.date - start).num_days()).unwrap_or_default() + 1,
                source: number(transfer.from),
                target: number(transfer.to),
                amount_minor: transfer.amount,
            }),
            _ => {}
        }
    }
    Ok(sample)
}

/// Lets all payments of a sample go through the rules, in the order of time.
///
/// # Errors
/// When a payment is none that the rules can look at.
pub fn alerts(sample: &Sample, rules: Rules) -> Result<(Vec<Alert>, InProcess, u64), PaymentRefused> {
    let mut accounts = InProcess::new(rules);
    let mut alerts = Vec::new();
    let mut to_oneself = 0;
    for row in &sample.transactions {
        let account = |id: u32| Account(u128::from(id));
        let payment = Payment::try_new(
            PaymentId(u128::from(row.line)),
            i64::from(row.day) * DAY_S,
            account(row.source),
            account(row.target),
            row.amount_minor,
        );
        match payment {
            Ok(payment) => alerts.extend(accounts.pay(payment)),
            Err(PaymentRefused::OwnAccount) => to_oneself += 1,
            Err(refused) => return Err(refused),
        }
    }
    Ok((alerts, accounts, to_oneself))
}

/// Measures the rules on a sample.
///
/// # Errors
/// When a payment is none that the rules can look at.
pub fn measure(sample: &Sample, rules: Rules) -> Result<Measured, PaymentRefused> {
    let (alerts, accounts, payments_to_oneself) = alerts(sample, rules)?;
    let by = |rule: Rule| alerts.iter().filter(move |alert| alert.rule == rule);
    Ok(Measured {
        sample: sample.name.clone(),
        days: sample.days(),
        payments: sample.transactions.len() as u64,
        payments_to_oneself,
        accounts: sample.accounts.len(),
        labelled: sample.labelled(),
        messages: accounts.messages(),
        cycles_in_order: by(Rule::Cycle).filter(|alert| alert.runs_in_order()).count(),
        rules: Rule::ALL
            .map(|rule| Found::among(sample, rule.name(), Some(rule.version()), by(rule)))
            .into(),
        all: Found::among(sample, "all", None, alerts.iter()),
    })
}

impl Found {
    fn among<'a>(
        sample: &Sample,
        name: &'static str,
        version: Option<u16>,
        alerts: impl Iterator<Item = &'a Alert>,
    ) -> Self {
        let mut count = 0;
        let mut accounts: BTreeSet<Account> = BTreeSet::new();
        for alert in alerts {
            count += 1;
            accounts.extend(&alert.accounts);
        }
        let is_labelled = |account: &&Account| {
            let id = u32::try_from(account.0).ok();
            id.and_then(|id| sample.accounts.get(&id)) == Some(&true)
        };
        let labelled = accounts.iter().filter(is_labelled).count();
        let share = |of: usize| (of > 0).then(|| labelled as f64 / of as f64);
        Self {
            name,
            version,
            alerts: count,
            alerts_per_day: if sample.days() > 0 {
                count as f64 / f64::from(sample.days())
            } else {
                0.0
            },
            accounts: accounts.len(),
            labelled,
            recall: share(sample.labelled()),
            precision: share(accounts.len()).filter(|_| sample.labelled() > 0),
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} days, {} payments ({} to oneself), {} accounts, {} labelled, {} messages, {} of the cycles in order of time\n",
            self.sample,
            self.days,
            self.payments,
            self.payments_to_oneself,
            self.accounts,
            self.labelled,
            self.messages,
            self.cycles_in_order,
        )?;
        writeln!(
            f,
            "| rule | alerts | alerts a day | accounts | labelled | recall | precision |"
        )?;
        writeln!(f, "|---|---:|---:|---:|---:|---:|---:|")?;
        for found in self.rules.iter().chain([&self.all]) {
            let share = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{share:.3}"));
            writeln!(
                f,
                "| {}{} | {} | {:.2} | {} | {} | {} | {} |",
                found.name,
                found
                    .version
                    .map_or(String::new(), |version| format!(" v{version}")),
                found.alerts,
                found.alerts_per_day,
                found.accounts,
                found.labelled,
                share(found.recall),
                share(found.precision),
            )?;
        }
        Ok(())
    }
}
