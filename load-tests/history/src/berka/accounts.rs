//! Account by account: where it begins, in which order its rows stand, from which day on it is parked.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chrono::NaiveDate;

use super::{
    Misfit, Opened,
    blame::Break,
    chain::{Chain, Opening, chain},
    external_account, position,
    registers::{Account, Registers},
    row::Transaction,
};
use crate::fault::{BadRow, Fault, Parked, Position};

/// A transaction in its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    /// Index of the transaction.
    pub(super) transaction: u32,
    /// From 1, within the account's day.
    pub(super) position: u16,
    pub(super) rounding: i8,
    /// The account's first row.
    pub(super) opens: bool,
}

/// Everything that can be posted, in the order in which to post it, and everything that can't.
pub(super) struct Sorted {
    pub(super) placed: Vec<Placed>,
    pub(super) openings: HashMap<u32, Opened>,
    pub(super) bad: Vec<BadRow>,
    pub(super) parked: Vec<Parked>,
}

/// The bad rows of one account.
#[derive(Default)]
struct Faults {
    /// The first day with a bad row, and the first bad row of that day.
    dated: Option<(NaiveDate, Position)>,
    /// The first bad row whose day can't be told.
    undated: Option<Position>,
}

pub(super) struct Sorter<'a> {
    names: &'a [Arc<str>],
    /// By account, day and id.
    transactions: &'a [Transaction],
    accounts: BTreeMap<u32, Account>,
    faults: HashMap<u32, Faults>,
    period_start: NaiveDate,
    sorted: Sorted,
}

impl<'a> Sorter<'a> {
    pub(super) fn new(
        names: &'a [Arc<str>],
        transactions: &'a [Transaction],
        registers: Registers,
        misfits: Vec<Misfit>,
    ) -> Self {
        let mut faults: HashMap<u32, Faults> = HashMap::new();
        let mut bad = registers.bad;
        for misfit in misfits {
            if let Some(account) = misfit.account {
                faults
                    .entry(account)
                    .or_default()
                    .add(misfit.date, &misfit.row.position);
            }
            bad.push(misfit.row);
        }
        let sorted = Sorted {
            placed: Vec::new(),
            openings: HashMap::new(),
            bad,
            parked: Vec::new(),
        };
        let period_start = period_start(transactions);
        Self {
            names,
            transactions,
            accounts: registers.accounts,
            faults,
            period_start,
            sorted,
        }
    }

    pub(super) fn sort(mut self) -> Sorted {
        self.sorted.placed.reserve(self.transactions.len());
        let mut first = 0;
        for rows in self
            .transactions
            .chunk_by(|one, next| one.account == next.account)
        {
            self.sort_account(rows, first);
            first += rows.len();
        }
        let Sorted {
            placed, bad, parked, ..
        } = &mut self.sorted;
        let key = |placed: &Placed| {
            let row = &self.transactions[placed.transaction as usize];
            (row.date, row.account, placed.position)
        };
        placed.sort_unstable_by_key(key);
        bad.sort_by(|one, other| one.position.cmp(&other.position));
        parked.sort_by(|one, other| one.position.cmp(&other.position));
        self.sorted
    }

    /// `rows` are all those of one account; `first` is the index of the first of them.
    fn sort_account(&mut self, rows: &[Transaction], first: usize) {
        let number = rows[0].account;
        let Some(account) = self.accounts.get(&number) else {
            return;
        };
        let (opened, district) = (account.opened, account.district);
        let owner = match (&account.fault, account.owner) {
            (None, Some(owner)) => owner,
            (Some(fault), _) => {
                let fault = fault.clone();
                return self.park(rows, 0..rows.len(), &fault, &[]);
            }
            (None, None) => {
                let fault = account.position.clone();
                self.report(number, fault.clone(), Fault::NoOwner);
                return self.park(rows, 0..rows.len(), &fault, &[]);
            }
        };
        let faults = self.faults.remove(&number).unwrap_or_default();
        let sound = match &faults.dated {
            Some((date, _)) => rows.partition_point(|row| row.date < *date),
            None => rows.len(),
        };
        let begins_here = opened >= self.period_start || rows[0].date == opened;
        let chain = chain(
            &rows[..sound],
            if begins_here {
                Opening::Zero
            } else {
                Opening::Unknown
            },
        );
        self.place(rows, first, &chain);
        if !chain.order.is_empty() {
            let opened = Opened {
                balance: chain.opening,
                district,
                owner,
            };
            self.sorted.openings.insert(number, opened);
        }
        if let Some(broken) = &chain.broken {
            self.park_behind_break(rows, &chain, broken, faults.undated);
        } else if let Some((_, behind)) = faults.dated {
            self.park(rows, sound..rows.len(), &behind, &[]);
        }
    }

    fn place(&mut self, rows: &[Transaction], first: usize, chain: &Chain) {
        let mut before = chain.opening;
        let mut position = 0;
        for (place, index) in chain.order.iter().enumerate() {
            let index = *index as usize;
            let row = &rows[index];
            let same_day = place > 0 && rows[chain.order[place - 1] as usize].date == row.date;
            position = if same_day { position + 1 } else { 1 };
            let rounding = row.balance - before - row.amount;
            before = row.balance;
            self.sorted.placed.push(Placed {
                transaction: narrow(first + index),
                position,
                rounding: narrow(rounding),
                opens: place == 0,
            });
        }
    }

    /// Everything that isn't in the chain is parked behind the row that breaks it. A bad row of the account that has
    /// no day of its own explains the break; else the suspects are bad rows themselves.
    fn park_behind_break(
        &mut self,
        rows: &[Transaction],
        chain: &Chain,
        broken: &Break,
        undated: Option<Position>,
    ) {
        let kept = chain.order.len();
        if let Some(behind) = undated {
            return self.park(rows, kept..rows.len(), &behind, &[]);
        }
        for suspect in &broken.suspects {
            let fault = match broken.suspects.len() {
                _ if broken.undecided => Fault::OrderUndecided,
                1 => Fault::BalanceMismatch,
                several => Fault::BalanceMismatchAmong(several),
            };
            self.report(
                rows[*suspect].account,
                position(self.names, &rows[*suspect]),
                fault,
            );
        }
        let behind = position(self.names, &rows[broken.suspects[0]]);
        self.park(rows, kept..rows.len(), &behind, &broken.suspects);
    }

    fn report(&mut self, account: u32, position: Position, fault: Fault) {
        let account = Some(external_account(account));
        self.sorted.bad.push(BadRow {
            position,
            account,
            fault,
        });
    }

    /// The rows of `range` but those that are bad themselves.
    fn park(
        &mut self,
        rows: &[Transaction],
        range: std::ops::Range<usize>,
        behind: &Position,
        bad: &[usize],
    ) {
        for index in range.filter(|index| !bad.contains(index)) {
            self.sorted.parked.push(Parked {
                position: position(self.names, &rows[index]),
                account: external_account(rows[index].account),
                behind: behind.clone(),
            });
        }
    }
}

impl Faults {
    fn add(&mut self, date: Option<NaiveDate>, position: &Position) {
        match date {
            Some(date) if self.dated.as_ref().is_none_or(|(first, _)| date < *first) => {
                self.dated = Some((date, position.clone()));
            }
            Some(_) => {}
            None => {
                self.undated.get_or_insert_with(|| position.clone());
            }
        }
    }
}

/// The day on which the period begins: an account that was opened before is in mid-life, one opened later begins
/// with nothing. It is the first day of any account's rows, apart from the earliest hundredth of the accounts: one
/// row with a wrong date must not make all others look as if they had to begin with nothing.
fn period_start(transactions: &[Transaction]) -> NaiveDate {
    let accounts = transactions.chunk_by(|one, next| one.account == next.account);
    let mut firsts: Vec<_> = accounts.map(|rows| rows[0].date).collect();
    firsts.sort_unstable();
    firsts.get(firsts.len() / 100).copied().unwrap_or_default()
}

/// A number that is known to fit: an index of a row, which files of 32-bit lines bound, or a rounding.
#[expect(clippy::panic, reason = "a broken invariant must not become a wrong posting")]
fn narrow<From, To: TryFrom<From>>(number: From) -> To {
    To::try_from(number).unwrap_or_else(|_| panic!("a number outside its bounds"))
}
