//! One place where the ledger's entries were read, held against what the history expects.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use serde::Serialize;
use tributary_contracts::accounts::GlAccount;
use tributary_ids::{AccountId, EventId};
use tributary_money::Currency;

use crate::{
    entry::Entry,
    expectation::{ExpectedEntry, general},
    plan::Plan,
};

/// Differences that are told in full; all are counted.
const KEPT_MAX: usize = 100;

/// What can be different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DifferenceKind {
    /// The row's account isn't there.
    AccountMissing,
    /// The row has no entry.
    Missing,
    /// The entry is there more than once.
    Doubled,
    /// An entry of the account that no row of the history is behind.
    Unexpected,
    /// The entry moves the balance by something else.
    Amount,
    /// The running balance after the entry is not the recorded one.
    Balance,
    /// The entry stands against other accounts of the general ledger.
    Contra,
    /// The entry stands before one of an earlier row.
    Order,
    /// The hold of the row was not placed or not released.
    Hold,
}

/// Something that is not as the history records it. Amounts are minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub kind: DifferenceKind,
    /// The account by the history's name, or by its id where the history doesn't name it.
    pub account: String,
    /// Sequence of the history's row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// `<command id>:<index>`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    pub expected: Option<i64>,
    pub found: Option<i64>,
    /// Why the ledger refused it, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Which row a comparison is about.
#[derive(Clone, Copy)]
pub(super) struct RowName<'r> {
    pub(super) account: &'r str,
    pub(super) sequence: u64,
}

#[derive(Debug)]
struct Found {
    entry: Entry,
    copies: u32,
    matched: bool,
    /// Of a row that an earlier replay had and this one hasn't.
    excused: bool,
}

/// Where an account stands after its last entry.
#[derive(Clone, Copy, Debug)]
struct Last {
    seq: u64,
    currency: Currency,
    balance: i64,
    /// Later entries are excused.
    undone: bool,
}

impl Last {
    fn of(entry: &Entry) -> Self {
        Self {
            seq: entry.seq,
            currency: entry.currency,
            balance: entry.balance_after,
            undone: false,
        }
    }
}

/// One side of the comparison.
#[derive(Debug)]
pub(super) struct Side {
    entries: HashMap<EventId, Found>,
    /// Balances of the accounts that are open.
    accounts: HashMap<AccountId, i64>,
    last: HashMap<AccountId, Last>,
    /// The account's sequence number of its last entry that was matched.
    last_seq: HashMap<AccountId, u64>,
    pub(super) differences: Vec<Difference>,
    pub(super) differences_total: u64,
    pub(super) entries_matched: u64,
    pub(super) forced: u64,
    pub(super) roundings: u64,
    pub(super) sums: BTreeMap<(Currency, GlAccount), i128>,
    pub(super) balances: BTreeMap<Currency, i128>,
}

impl Side {
    /// Of accounts that are open there and the entries that stand there.
    pub(super) fn new(
        plan: &Plan,
        accounts: impl IntoIterator<Item = (AccountId, i64)>,
        entries: impl IntoIterator<Item = Entry>,
    ) -> Self {
        let mut side = Self {
            entries: HashMap::new(),
            accounts: accounts.into_iter().collect(),
            last: HashMap::new(),
            last_seq: HashMap::new(),
            differences: Vec::new(),
            differences_total: 0,
            entries_matched: 0,
            forced: 0,
            roundings: 0,
            sums: BTreeMap::new(),
            balances: BTreeMap::new(),
        };
        for entry in entries {
            let last = side.last.entry(entry.account).or_insert(Last::of(&entry));
            if entry.seq >= last.seq {
                *last = Last::of(&entry);
            }
            if !plan.is_earlier(entry.account, entry.seq) {
                let found = side.entries.entry(entry.id).or_insert_with(|| Found {
                    entry,
                    copies: 0,
                    matched: false,
                    excused: false,
                });
                found.copies += 1;
            }
        }
        side
    }

    /// What stands in the sums, once it is known what belongs to the history.
    fn sum(&mut self) {
        for found in self.entries.values().filter(|found| !found.excused) {
            let (entry, copies) = (&found.entry, found.copies);
            self.forced += u64::from(entry.forced) * u64::from(copies);
            for (account, amount) in &entry.general {
                self.roundings += u64::from(*account == GlAccount::ROUNDING) * u64::from(copies);
                *self.sums.entry((entry.currency, *account)).or_default() +=
                    i128::from(*amount) * i128::from(copies);
            }
        }
        for (account, balance) in &self.accounts {
            let last = self.last.get(account);
            let currency = last.map(|last| last.currency);
            let undone = last.filter(|last| last.undone).map(|last| last.balance);
            if let Some(currency) = currency {
                *self.balances.entry(currency).or_default() += i128::from(undone.unwrap_or(*balance));
            }
        }
    }

    /// Leaves out accounts of which no row was taken, whatever the ledger has of them.
    pub(super) fn leave_out(&mut self, accounts: &HashSet<AccountId>) {
        self.entries
            .retain(|_, found| !accounts.contains(&found.entry.account));
        self.accounts.retain(|account, _| !accounts.contains(account));
    }

    /// Leaves out what rows have left that an earlier replay had and this one hasn't.
    fn excuse(&mut self, excused: &HashSet<EventId>) {
        for id in excused {
            if let Some(found) = self.entries.get_mut(id).filter(|found| !found.matched) {
                (found.matched, found.excused) = (true, true);
                // The balance of the account is the one before, as far as this history goes.
                let (account, seq) = (found.entry.account, found.entry.seq);
                let before = Last {
                    seq: seq - 1,
                    currency: found.entry.currency,
                    balance: found.entry.balance_after - found.entry.movement,
                    undone: true,
                };
                if let Some(last) = self.last.get_mut(&account)
                    && seq <= last.seq
                {
                    *last = before;
                }
            }
        }
    }

    pub(super) fn accounts(&self) -> u64 {
        self.accounts.len() as u64
    }

    /// Whether the account is open here.
    pub(super) fn expect_account(&mut self, account: AccountId, row: RowName<'_>) {
        if !self.accounts.contains_key(&account) {
            self.differ(DifferenceKind::AccountMissing, row, None, None, None);
        }
    }

    /// Whether the entry is there, once, as it should be. Returns whether it is.
    pub(super) fn expect(&mut self, expected: &ExpectedEntry, row: RowName<'_>) -> bool {
        use DifferenceKind as Kind;
        let Some(found) = self.entries.get_mut(&expected.id) else {
            let missing = Some(expected.movement);
            self.differ(Kind::Missing, row, Some(expected.id), missing, None);
            return false;
        };
        found.matched = true;
        self.entries_matched += 1;
        let copies = found.copies;
        let entry = &found.entry;
        let (movement, balance, seq) = (entry.movement, entry.balance_after, entry.seq);
        let same_account = entry.account == expected.account;
        let same_general =
            general(entry.general.iter().copied()) == general(expected.general.iter().copied());
        let last_seq = self.last_seq.entry(expected.account).or_default();
        let in_order = seq > *last_seq;
        *last_seq = seq.max(*last_seq);
        let id = Some(expected.id);
        let before = self.differences_total;
        if copies > 1 {
            self.differ(Kind::Doubled, row, id, Some(1), Some(copies.into()));
        }
        if !same_account || movement != expected.movement {
            self.differ(Kind::Amount, row, id, Some(expected.movement), Some(movement));
        }
        if balance != expected.balance_after {
            self.differ(
                Kind::Balance,
                row,
                id,
                Some(expected.balance_after),
                Some(balance),
            );
        }
        if !same_general {
            self.differ(Kind::Contra, row, id, None, None);
        }
        if !in_order {
            self.differ(Kind::Order, row, id, None, None);
        }
        before == self.differences_total
    }

    /// A row that moves nothing: the balance before it must be the recorded one.
    pub(super) fn expect_unmoved(&mut self, before: i64, recorded: i64, row: RowName<'_>) -> bool {
        if before != recorded {
            self.differ(DifferenceKind::Balance, row, None, Some(recorded), Some(before));
        }
        before == recorded
    }

    /// What no row has asked for, and the sums.
    pub(super) fn finish(&mut self, excused: &HashSet<EventId>, name_of: impl Fn(AccountId) -> String) {
        self.excuse(excused);
        self.sum();
        let mut unexpected: Vec<_> = self
            .entries
            .values()
            .filter(|found| !found.matched)
            .map(|found| {
                (
                    found.entry.account,
                    found.entry.seq,
                    found.entry.id,
                    found.entry.movement,
                )
            })
            .collect();
        unexpected.sort_unstable();
        for (account, _, id, movement) in unexpected {
            self.add_difference(Difference {
                kind: DifferenceKind::Unexpected,
                account: name_of(account),
                sequence: None,
                entry: Some(id.to_string()),
                expected: None,
                found: Some(movement),
                refused: None,
            });
        }
    }

    pub(super) fn differ(
        &mut self,
        kind: DifferenceKind,
        row: RowName<'_>,
        entry: Option<EventId>,
        expected: Option<i64>,
        found: Option<i64>,
    ) {
        self.add_difference(Difference {
            kind,
            account: row.account.to_owned(),
            sequence: Some(row.sequence),
            entry: entry.map(|id| id.to_string()),
            expected,
            found,
            refused: None,
        });
    }

    fn add_difference(&mut self, difference: Difference) {
        self.differences_total += 1;
        if self.differences.len() < KEPT_MAX {
            self.differences.push(difference);
        }
    }

    /// Says why the last difference came about.
    pub(super) fn explain(&mut self, refused: String) {
        if let Some(last) = self.differences.last_mut() {
            last.refused.get_or_insert(refused);
        }
    }
}
