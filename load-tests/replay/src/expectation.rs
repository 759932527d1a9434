//! What a row of a history must have left in the ledger, told from the row alone.

use hashbrown::HashMap;
use smallvec::{SmallVec, smallvec};
use tributary_contracts::accounts::GlAccount;
use tributary_history::{HistoryRow, Posting, Reversal, Transfer};
use tributary_ids::{AccountId, EventId, HoldId};
use tributary_money::Currency;

use crate::{
    command::{RowFault, account_id, command_id, gl_account, hold_id},
    plan::Plan,
    topic::HoldStep,
};

/// Customers' side, as in [`crate::Entry`].
pub(crate) type General = SmallVec<[(GlAccount, i64); 2]>;

/// An entry that must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExpectedEntry {
    pub(crate) id: EventId,
    pub(crate) account: AccountId,
    pub(crate) currency: Currency,
    pub(crate) movement: i64,
    pub(crate) balance_after: i64,
    pub(crate) general: General,
    /// It takes money, and leaves less than nothing available.
    pub(crate) forced: bool,
}

/// What must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    Opened(AccountId),
    Entry(ExpectedEntry),
    Hold(AccountId, HoldId, HoldStep),
    /// The row moves nothing: its recorded balance must be the one before it.
    Unmoved {
        account: AccountId,
        before: i64,
        recorded: i64,
    },
}

/// Where an account stands by the history.
#[derive(Clone, Copy, Debug)]
struct Standing {
    currency: Currency,
    balance: i64,
    /// Held by the history's holds.
    pending: i64,
}

/// Goes through the rows in their order.
pub(crate) struct Expectations<'p> {
    plan: &'p Plan,
    accounts: HashMap<AccountId, Standing>,
    /// Roundings of postings, which a reversal takes back as well.
    roundings: HashMap<(AccountId, u64), i64>,
    /// What is left of each hold.
    holds: HashMap<(AccountId, String), i64>,
}

impl<'p> Expectations<'p> {
    pub(crate) fn new(plan: &'p Plan) -> Self {
        Self {
            plan,
            accounts: HashMap::new(),
            roundings: HashMap::new(),
            holds: HashMap::new(),
        }
    }

    /// The balance that the account has after the rows so far.
    pub(crate) fn balances(&self) -> impl Iterator<Item = (AccountId, Currency, i64)> {
        self.accounts
            .iter()
            .map(|(account, standing)| (*account, standing.currency, standing.balance))
    }

    /// What the next row must have left.
    pub(crate) fn of(&mut self, row: &HistoryRow) -> Result<SmallVec<[Expectation; 2]>, RowFault> {
        let account = account_id(row.account());
        let id = command_id(self.plan.source(), account, row.sequence());
        Ok(match row {
            HistoryRow::Open(open) => {
                let carried = self.plan.carried(account);
                let standing = Standing {
                    currency: open.currency,
                    balance: carried.unwrap_or(0),
                    pending: 0,
                };
                self.accounts.insert(account, standing);
                let mut expected = smallvec![Expectation::Opened(account)];
                if open.opening_balance != 0 && carried.is_none() {
                    let general = smallvec![(GlAccount::OPENING_BALANCES, open.opening_balance)];
                    expected.push(self.entry(id.event(1), account, open.opening_balance, None, general)?);
                }
                expected
            }
            HistoryRow::Posting(row) => smallvec![self.posting(id.event(0), account, row)?],
            HistoryRow::Transfer(row) => {
                let entries = self.plan.entries_of_transfer(id);
                self.transfer(entries, account, row)?.into()
            }
            HistoryRow::Settle(row) => {
                self.hold(account, &row.hold, -row.amount);
                let general = smallvec![(gl_account(&row.contra)?, -row.amount)];
                smallvec![self.entry(id.event(0), account, -row.amount, row.balance_after, general)?]
            }
            HistoryRow::Reversal(row) => smallvec![self.reversal(id.event(0), account, row)?],
            HistoryRow::Reserve(row) => {
                self.hold(account, &row.hold, row.amount);
                smallvec![Expectation::Hold(account, hold_id(&row.hold), HoldStep::Placed)]
            }
            HistoryRow::Release(row) => {
                let left = self.holds.get(&(account, row.hold.clone())).copied();
                self.hold(account, &row.hold, -left.unwrap_or(0));
                smallvec![Expectation::Hold(account, hold_id(&row.hold), HoldStep::Released)]
            }
        })
    }

    fn posting(&mut self, id: EventId, account: AccountId, row: &Posting) -> Result<Expectation, RowFault> {
        if row.amount == 0 && row.rounding == 0 {
            let before = self
                .accounts
                .get(&account)
                .ok_or(RowFault::AccountUnknown)?
                .balance;
            let recorded = row.balance_after.unwrap_or(before);
            return Ok(Expectation::Unmoved {
                account,
                before,
                recorded,
            });
        }
        if row.rounding != 0 {
            self.roundings.insert((account, row.sequence), row.rounding);
        }
        let general = general([
            (gl_account(&row.contra)?, row.amount),
            (GlAccount::ROUNDING, row.rounding),
        ]);
        self.entry(id, account, row.step(), row.balance_after, general)
    }

    fn transfer(
        &mut self,
        [left, entered]: [EventId; 2],
        debtor: AccountId,
        row: &Transfer,
    ) -> Result<[Expectation; 2], RowFault> {
        let in_transit = |amount| smallvec![(GlAccount::IN_TRANSIT, amount)];
        let creditor = account_id(&row.to);
        Ok([
            self.entry(
                left,
                debtor,
                -row.amount,
                row.from_balance_after,
                in_transit(-row.amount),
            )?,
            self.entry(
                entered,
                creditor,
                row.amount,
                row.to_balance_after,
                in_transit(row.amount),
            )?,
        ])
    }

    fn reversal(&mut self, id: EventId, account: AccountId, row: &Reversal) -> Result<Expectation, RowFault> {
        let rounding = self.roundings.get(&(account, row.of)).copied().unwrap_or(0);
        let general = general([
            (gl_account(&row.contra)?, row.amount + rounding),
            (GlAccount::ROUNDING, -rounding),
        ]);
        self.entry(id, account, row.amount, row.balance_after, general)
    }

    /// Changes what a hold keeps from being spent.
    fn hold(&mut self, account: AccountId, hold: &str, change: i64) {
        *self.holds.entry((account, hold.to_owned())).or_default() += change;
        if let Some(standing) = self.accounts.get_mut(&account) {
            standing.pending += change;
        }
    }

    /// Moves the account's balance. What was recorded counts; where nothing was, what follows from the rows.
    fn entry(
        &mut self,
        id: EventId,
        account: AccountId,
        movement: i64,
        recorded: Option<i64>,
        general: General,
    ) -> Result<Expectation, RowFault> {
        let standing = self.accounts.get_mut(&account).ok_or(RowFault::AccountUnknown)?;
        let follows = standing.balance.checked_add(movement).ok_or(RowFault::Overflow)?;
        standing.balance = recorded.unwrap_or(follows);
        Ok(Expectation::Entry(ExpectedEntry {
            id,
            account,
            currency: standing.currency,
            movement,
            balance_after: standing.balance,
            general,
            forced: movement < 0 && standing.balance < standing.pending,
        }))
    }
}

/// The legs that move anything, in the order of the chart, those on one account as one.
pub(crate) fn general(legs: impl IntoIterator<Item = (GlAccount, i64)>) -> General {
    let mut sums = General::new();
    for (account, amount) in legs {
        match sums.iter_mut().find(|(known, _)| *known == account) {
            Some((_, sum)) => *sum += amount,
            None => sums.push((account, amount)),
        }
    }
    sums.retain(|(_, sum)| *sum != 0);
    sums.sort_unstable();
    sums
}

#[cfg(test)]
mod tests {
    use tributary_history::{Config, generate};

    use super::*;
    use crate::topic::TopicLedger;

    #[test]
    fn what_a_generated_history_records_is_what_is_expected_of_the_ledger() {
        let config = Config {
            accounts: 30,
            rows: 2_000,
            ..Config::default()
        };
        let history = generate(7, &config);
        let mut plan = Plan::of(&history).unwrap();
        plan.look_at(&TopicLedger::new([]));
        let mut expectations = Expectations::new(&plan);
        let mut balances: HashMap<AccountId, i64> = HashMap::new();
        let (mut entries, mut forced) = (0, 0);
        for row in history.rows().unwrap() {
            for expectation in expectations.of(&row.unwrap()).unwrap() {
                let Expectation::Entry(entry) = expectation else {
                    continue;
                };
                let balance = balances.entry(entry.account).or_default();
                *balance += entry.movement;
                assert_eq!(*balance, entry.balance_after);
                let general: i64 = entry.general.iter().map(|(_, amount)| amount).sum();
                assert_eq!(general, entry.movement, "{entry:?}");
                entries += 1;
                forced += u64::from(entry.forced);
            }
        }
        let statistics = &history.statistics;
        assert_eq!(entries, statistics.transactions + statistics.transfers);
        assert!(forced >= statistics.forced && statistics.forced > 0);
    }
}
