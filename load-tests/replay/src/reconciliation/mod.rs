//! Holds a ledger against the history that was replayed into it, row by row and in sums.

mod left_out;
mod report;
mod side;

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use serde::Serialize;
use tributary_contracts::accounts::GlAccount;
use tributary_history::{History, HistoryError, HistoryRow};
use tributary_ids::AccountId;
use tributary_money::Currency;

use crate::{
    command::{account_id, command_id},
    entry::Entry,
    expectation::{Expectation, Expectations},
    plan::Plan,
    run::Replayed,
    topic::TopicLedger,
};
use left_out::{LeftOutRows, excused};
use side::{RowName, Side};

pub use left_out::LeftOut;
pub use side::{Difference, DifferenceKind};

/// What PostgreSQL's read model says of the history's accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadModelLedger {
    /// Accounts with their balances as they stand beside the entries.
    pub accounts: Vec<(AccountId, i64)>,
    pub entries: Vec<Entry>,
}

/// A number as the history has it and as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub history: u64,
    pub topic: u64,
    /// None: no read model was looked at.
    pub read_model: Option<u64>,
}

impl Counts {
    /// Whether all say the same.
    pub fn agree(&self) -> bool {
        self.topic == self.history && self.read_model.is_none_or(|found| found == self.history)
    }
}

/// A sum in minor units, customers' side: positive is what the customers got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SumLine {
    /// `1010`, `1100:AB`; or `balances`
    pub account: String,
    pub title: &'static str,
    pub currency: Currency,
    pub history: i128,
    pub topic: i128,
    pub read_model: Option<i128>,
}

impl SumLine {
    /// Whether all say the same.
    pub fn agrees(&self) -> bool {
        self.topic == self.history && self.read_model.is_none_or(|found| found == self.history)
    }
}

/// What differs in one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Differences {
    pub total: u64,
    /// The first of them.
    pub first: Vec<Difference>,
}

/// What the checker says of the whole log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    pub clean: bool,
    pub events: u64,
    pub invariants: u64,
    pub violations_total: u64,
    /// The first of them, as text.
    pub violations: Vec<String>,
}

/// The whole comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Reconciliation {
    pub source: String,
    pub first_day: Option<chrono::NaiveDate>,
    pub last_day: Option<chrono::NaiveDate>,
    pub rows: u64,
    /// Commands sent, and those of them that found their row posted before.
    pub sent: u64,
    pub known_before: u64,
    /// Of the commands sent, the payments; none where the ledger made the transfers.
    pub payments: Option<u64>,
    /// Accounts that an earlier period has opened.
    pub carried_on: u64,
    pub took_seconds: f64,
    pub first_entry_after_seconds: Option<f64>,
    pub accounts: Counts,
    pub transactions: Counts,
    /// Rows whose recorded running balance equals the one that was read back.
    pub running_balances: Counts,
    /// Entries that took an account below what is available.
    pub forced: Counts,
    pub roundings: Counts,
    /// Holds placed or released by a row. Read models keep what is left of them only.
    pub hold_rows: Counts,
    pub sums: Vec<SumLine>,
    pub balances: Vec<SumLine>,
    pub topic_differences: Differences,
    pub read_model_differences: Option<Differences>,
    pub bad: Vec<LeftOut>,
    pub parked: Vec<LeftOut>,
    pub checker: Option<Checked>,
}

impl Reconciliation {
    /// Compares.
    ///
    /// # Errors
    /// When the history can't be read any more.
    pub fn of(
        history: &History,
        replayed: &Replayed,
        read_model: Option<ReadModelLedger>,
        checker: Option<Checked>,
    ) -> Result<Self, HistoryError> {
        let mut comparison = Comparison::new(&replayed.plan, &replayed.ledger, read_model);
        let mut left_out = LeftOutRows::new(history, replayed);
        for row in history.located_rows()? {
            let (position, row) = row?;
            if left_out.was_taken(position.as_ref(), &row) {
                comparison.compare(&replayed.plan.row(row));
            }
        }
        let mut reconciliation = comparison.finish(&left_out);
        let LeftOutRows { bad, parked, .. } = left_out;
        let statistics = &history.statistics;
        reconciliation.source = history.header.source.clone();
        reconciliation.first_day = statistics.first;
        reconciliation.last_day = statistics.last;
        reconciliation.rows = statistics.rows;
        reconciliation.sent = replayed.sent;
        reconciliation.known_before = replayed.known_before;
        reconciliation.payments = replayed.payments;
        reconciliation.took_seconds = replayed.took.as_secs_f64();
        reconciliation.first_entry_after_seconds =
            replayed.first_entry_after.map(|after| after.as_secs_f64());
        (reconciliation.bad, reconciliation.parked) = (bad, parked);
        reconciliation.checker = checker;
        Ok(reconciliation)
    }

    /// Whether everything is as the history records it, and nothing of the source was left out.
    pub fn is_sound(&self) -> bool {
        self.agrees() && self.bad.is_empty() && self.parked.is_empty()
    }

    /// Whether what was replayed is as the history records it.
    pub fn agrees(&self) -> bool {
        let counts = [
            &self.accounts,
            &self.transactions,
            &self.running_balances,
            &self.forced,
            &self.roundings,
            &self.hold_rows,
        ];
        counts.into_iter().all(Counts::agree)
            && self.sums.iter().chain(&self.balances).all(SumLine::agrees)
            && self.topic_differences.total == 0
            && self
                .read_model_differences
                .as_ref()
                .is_none_or(|found| found.total == 0)
            && self.checker.as_ref().is_none_or(|checker| checker.clean)
    }
}

/// A comparison under way.
struct Comparison<'r> {
    plan: &'r Plan,
    ledger: &'r TopicLedger,
    expectations: Expectations<'r>,
    topic: Side,
    read_model: Option<Side>,
    names: HashMap<AccountId, String>,
    /// Of each account's last row.
    last_sequences: HashMap<AccountId, u64>,
    transactions: Counts,
    running: Counts,
    holds: Counts,
    forced: u64,
    roundings: u64,
    sums: BTreeMap<(Currency, GlAccount), i128>,
}

impl<'r> Comparison<'r> {
    fn new(plan: &'r Plan, ledger: &'r TopicLedger, read_model: Option<ReadModelLedger>) -> Self {
        let opened = plan.accounts().filter(|account| ledger.is_opened(*account));
        let opened = opened.map(|account| {
            let last = ledger.entries_of(account).last();
            (account, last.map_or(0, |entry| entry.balance_after))
        });
        let none = read_model.is_some().then_some(0);
        let counts = Counts {
            read_model: none,
            ..Counts::default()
        };
        Self {
            plan,
            ledger,
            expectations: Expectations::new(plan),
            topic: Side::new(plan, opened, ledger.entries().cloned()),
            read_model: read_model.map(|found| Side::new(plan, found.accounts, found.entries)),
            names: HashMap::new(),
            last_sequences: HashMap::new(),
            transactions: counts.clone(),
            running: counts,
            holds: Counts::default(),
            forced: 0,
            roundings: 0,
            sums: BTreeMap::new(),
        }
    }

    fn compare(&mut self, row: &HistoryRow) {
        let Ok(expected) = self.expectations.of(row) else {
            // Told as a bad row, or as one behind it.
            return;
        };
        let name = RowName {
            account: row.account(),
            sequence: row.sequence(),
        };
        self.last_sequences
            .insert(account_id(row.account()), row.sequence());
        self.transactions.history += u64::from(books(row));
        let mut equal = (true, true);
        let mut booked = books(row);
        for expectation in expected {
            let found = self.look(&expectation, name);
            equal = (equal.0 && found.0, equal.1 && found.1);
            booked |= matches!(expectation, Expectation::Entry(_));
        }
        if booked {
            self.count_row(row, equal);
        }
        self.explain(row, equal.0);
    }

    /// Whether topic and read model have it.
    fn look(&mut self, expectation: &Expectation, name: RowName<'_>) -> (bool, bool) {
        match expectation {
            Expectation::Opened(account) => {
                self.names.insert(*account, name.account.to_owned());
                self.topic.expect_account(*account, name);
                if let Some(side) = &mut self.read_model {
                    side.expect_account(*account, name);
                }
                (true, true)
            }
            Expectation::Entry(entry) => {
                self.forced += u64::from(entry.forced);
                for (account, amount) in &entry.general {
                    self.roundings += u64::from(*account == GlAccount::ROUNDING);
                    *self.sums.entry((entry.currency, *account)).or_default() += i128::from(*amount);
                }
                let topic = self.topic.expect(entry, name);
                let read_model = self
                    .read_model
                    .as_mut()
                    .is_none_or(|side| side.expect(entry, name));
                (topic, read_model)
            }
            Expectation::Hold(account, hold, step) => {
                let there = self.ledger.has_hold(*account, *hold, *step);
                self.holds.history += 1;
                self.holds.topic += u64::from(there);
                if !there {
                    self.topic.differ(DifferenceKind::Hold, name, None, None, None);
                }
                (there, true)
            }
            Expectation::Unmoved { before, recorded, .. } => {
                let topic = self.topic.expect_unmoved(*before, *recorded, name);
                let read_model = self
                    .read_model
                    .as_mut()
                    .is_none_or(|side| side.expect_unmoved(*before, *recorded, name));
                (topic, read_model)
            }
        }
    }

    fn count_row(&mut self, row: &HistoryRow, (topic, read_model): (bool, bool)) {
        self.running.history += 1;
        self.running.topic += u64::from(topic);
        self.transactions.topic += u64::from(topic && books(row));
        if let (Some(running), Some(transactions)) =
            (&mut self.running.read_model, &mut self.transactions.read_model)
        {
            *running += u64::from(read_model);
            *transactions += u64::from(read_model && books(row));
        }
    }

    /// Where the ledger refused the row's command, says so.
    fn explain(&mut self, row: &HistoryRow, is_equal: bool) {
        if is_equal {
            return;
        }
        let id = command_id(self.plan.source(), account_id(row.account()), row.sequence());
        if let Some(refused) = self.ledger.refusal(id) {
            let text = format!("{}: {}", refused.code, refused.detail);
            self.topic.explain(text.clone());
            if let Some(side) = &mut self.read_model {
                side.explain(text);
            }
        }
    }

    fn finish(mut self, left_out: &LeftOutRows<'_>) -> Reconciliation {
        let names = &self.names;
        let name_of = |account: AccountId| {
            names
                .get(&account)
                .cloned()
                .unwrap_or_else(|| account.to_string())
        };
        let excused = excused(self.plan, self.ledger, &self.last_sequences, &left_out.accounts());
        for side in [Some(&mut self.topic), self.read_model.as_mut()]
            .into_iter()
            .flatten()
        {
            side.leave_out(&left_out.whole);
        }
        self.topic.finish(&excused, name_of);
        if let Some(side) = &mut self.read_model {
            side.finish(&excused, name_of);
        }
        let read_model = self.read_model.as_ref();
        let counts = |history: u64, of: &dyn Fn(&Side) -> u64| Counts {
            history,
            topic: of(&self.topic),
            read_model: read_model.map(of),
        };
        let mut balances: BTreeMap<Currency, i128> = BTreeMap::new();
        for (_, currency, balance) in self.expectations.balances() {
            *balances.entry(currency).or_default() += i128::from(balance);
        }
        let carried = names
            .keys()
            .filter(|account| self.plan.carried(**account).is_some())
            .count();
        Reconciliation {
            source: String::new(),
            first_day: None,
            last_day: None,
            rows: 0,
            sent: 0,
            known_before: 0,
            payments: None,
            carried_on: carried as u64,
            took_seconds: 0.0,
            first_entry_after_seconds: None,
            accounts: counts(names.len() as u64, &Side::accounts),
            transactions: self.transactions,
            running_balances: self.running,
            forced: counts(self.forced, &|side| side.forced),
            roundings: counts(self.roundings, &|side| side.roundings),
            hold_rows: self.holds,
            sums: sum_lines(&self.sums, &self.topic, read_model),
            balances: balance_lines(&balances, &self.topic, read_model),
            topic_differences: differences(&self.topic),
            read_model_differences: read_model.map(differences),
            bad: Vec::new(),
            parked: Vec::new(),
            checker: None,
        }
    }
}

/// Whether the row is a transaction: it moves money.
fn books(row: &HistoryRow) -> bool {
    !matches!(
        row,
        HistoryRow::Open(_) | HistoryRow::Reserve(_) | HistoryRow::Release(_)
    )
}

fn differences(side: &Side) -> Differences {
    Differences {
        total: side.differences_total,
        first: side.differences.clone(),
    }
}

fn sum_lines(
    history: &BTreeMap<(Currency, GlAccount), i128>,
    topic: &Side,
    read_model: Option<&Side>,
) -> Vec<SumLine> {
    let mut accounts: BTreeSet<_> = history.keys().chain(topic.sums.keys()).copied().collect();
    accounts.extend(read_model.iter().flat_map(|side| side.sums.keys()).copied());
    accounts
        .into_iter()
        .map(|key @ (currency, account)| SumLine {
            account: account.to_string(),
            title: account.entry().name,
            currency,
            history: history.get(&key).copied().unwrap_or(0),
            topic: topic.sums.get(&key).copied().unwrap_or(0),
            read_model: read_model.map(|side| side.sums.get(&key).copied().unwrap_or(0)),
        })
        .collect()
}

fn balance_lines(
    history: &BTreeMap<Currency, i128>,
    topic: &Side,
    read_model: Option<&Side>,
) -> Vec<SumLine> {
    let mut currencies: BTreeSet<_> = history.keys().chain(topic.balances.keys()).copied().collect();
    currencies.extend(read_model.iter().flat_map(|side| side.balances.keys()).copied());
    currencies
        .into_iter()
        .map(|currency| SumLine {
            account: "balances".to_owned(),
            title: "Customers' balances at the end",
            currency,
            history: history.get(&currency).copied().unwrap_or(0),
            topic: topic.balances.get(&currency).copied().unwrap_or(0),
            read_model: read_model.map(|side| side.balances.get(&currency).copied().unwrap_or(0)),
        })
        .collect()
}
