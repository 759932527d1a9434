//! An account's rows from day to day: each day begins with the balance that the day before ended with.

use super::{
    blame::{self, Break},
    order::{Ending, Step, Undecided, endings},
    row::Transaction,
};

/// What is known of the balance before an account's first row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// The account is opened within the period: it begins with nothing.
    Zero,
    /// The period begins in the account's mid-life: whatever fits its first row.
    Unknown,
}

/// The rows of an account, put in order as far as their balances fit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chain {
    /// Balance before the first row, in haler.
    pub(super) opening: i64,
    /// Indexes of the rows in their order, whole days.
    pub(super) order: Vec<u32>,
    /// Where it ends too early; the rows that aren't in `order` must not be posted.
    pub(super) broken: Option<Break>,
}

/// One way that fits so far. Nearly always there is only one.
#[derive(Default)]
struct Candidate {
    opening: i64,
    balance: i64,
    cost: i64,
    /// Its order of the days that aren't settled yet.
    pending: Vec<u32>,
}

/// Orders `rows`, which are one account's, sorted by day and then by id.
pub(super) fn chain(rows: &[Transaction], opening: Opening) -> Chain {
    let days = rows.chunk_by(|one, next| one.date == next.date).collect();
    let candidates = match opening {
        Opening::Zero => vec![Candidate::default()],
        Opening::Unknown => Vec::new(),
    };
    let settled = Chain {
        opening: 0,
        order: Vec::with_capacity(rows.len()),
        broken: None,
    };
    Chainer {
        rows,
        days,
        opening,
        candidates,
        settled,
    }
    .run()
}

struct Chainer<'a> {
    rows: &'a [Transaction],
    days: Vec<&'a [Transaction]>,
    opening: Opening,
    candidates: Vec<Candidate>,
    settled: Chain,
}

impl Chainer<'_> {
    fn run(mut self) -> Chain {
        let mut first_row = 0;
        for index in 0..self.days.len() {
            let followed = self.follow_day(index, first_row);
            match followed {
                Ok(next) if !next.is_empty() => self.candidates = next,
                Ok(_) => {
                    self.settled.broken = Some(self.break_at(index, first_row));
                    return self.settled;
                }
                Err(Undecided) => {
                    let suspects = (first_row..first_row + self.days[index].len()).collect();
                    let undecided = true;
                    self.settled.broken = Some(Break { suspects, undecided });
                    return self.settled;
                }
            }
            first_row += self.days[index].len();
            // One row alone says nothing on the balance before it.
            let sure = self.opening == Opening::Zero || first_row > 1;
            if let ([only], true) = (self.candidates.as_mut_slice(), sure) {
                self.settled.opening = only.opening;
                self.settled.order.append(&mut only.pending);
            }
        }
        // What the period's end leaves open is decided for the fewest roundings.
        if let Some(best) = self.candidates.into_iter().min_by_key(|candidate| candidate.cost) {
            self.settled.opening = best.opening;
            self.settled.order.extend(best.pending);
        }
        self.settled
    }

    fn begins_at(&self, index: usize) -> bool {
        index == 0 && self.opening == Opening::Unknown
    }

    fn follow_day(&self, index: usize, first_row: usize) -> Result<Vec<Candidate>, Undecided> {
        if self.begins_at(index) {
            open(self.days[index])
        } else {
            follow(&self.candidates, self.days[index], first_row)
        }
    }

    /// Finds who is to blame that the day doesn't fit. Where that is a row of the day before, that day waits as well.
    fn break_at(&mut self, index: usize, first_row: usize) -> Break {
        let (day, next) = (self.days[index], self.days.get(index + 1).copied());
        if let Some(suspect) = self.blame_day_before(index, first_row) {
            let previous = self.days[index - 1].len();
            self.settled.order.truncate(first_row - previous);
            return Break {
                suspects: vec![suspect],
                undecided: false,
            };
        }
        let starts: Vec<_> = match self.begins_at(index) {
            true => vec![None],
            false => self.candidates.iter().map(|one| Some(one.balance)).collect(),
        };
        let mut found = blame::blame(&starts, day, next, first_row);
        // A balance that nothing stands before and nothing behind but this day is no better a witness.
        if self.opening == Opening::Unknown && first_row == 1 && blame::begins_anew(day, next) {
            found.suspects.insert(0, 0);
        }
        found
    }

    fn blame_day_before(&self, index: usize, first_row: usize) -> Option<usize> {
        // Days that are still undecided wait in any case.
        if index == 0 || self.settled.order.len() != first_row {
            return None;
        }
        let previous = self.days[index - 1];
        let before = first_row - previous.len();
        let start = match before.checked_sub(1) {
            Some(last) => Some(self.rows[self.settled.order[last] as usize].balance),
            None => (self.opening == Opening::Zero).then_some(0),
        };
        let next = self.days.get(index + 1).copied();
        blame::blame_day_before(start, previous, self.days[index], next).map(|row| before + row)
    }
}

/// Every way that goes on through `day`, the cheapest of those that come to the same.
fn follow(
    candidates: &[Candidate],
    day: &[Transaction],
    first_row: usize,
) -> Result<Vec<Candidate>, Undecided> {
    let steps = steps(day);
    let mut next: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        for ending in endings(Some(candidate.balance), &steps)? {
            let reached = Candidate::reached(
                candidate.opening,
                candidate.cost,
                &candidate.pending,
                &ending,
                first_row,
            );
            let same =
                |other: &&mut Candidate| (other.opening, other.balance) == (reached.opening, reached.balance);
            match next.iter_mut().find(same) {
                Some(other) if other.cost <= reached.cost => {}
                Some(other) => *other = reached,
                None => next.push(reached),
            }
        }
    }
    Ok(next)
}

/// The ways that an account's first day can begin with an unknown balance: it fits the first row exactly.
fn open(day: &[Transaction]) -> Result<Vec<Candidate>, Undecided> {
    let steps = steps(day);
    let before = |row: u32| day[row as usize].balance - day[row as usize].amount;
    let mut openings: Vec<_> = (0..).take(day.len()).map(before).collect();
    openings.sort_unstable();
    openings.dedup();
    let mut candidates = Vec::new();
    for opening in openings {
        for ending in endings(Some(opening), &steps)? {
            if before(ending.order[0]) == opening {
                candidates.push(Candidate::reached(opening, 0, &[], &ending, 0));
            }
        }
    }
    Ok(candidates)
}

impl Candidate {
    fn reached(opening: i64, cost: i64, pending: &[u32], ending: &Ending, first_row: usize) -> Self {
        let place = |step: &u32| u32::try_from(first_row).unwrap_or(u32::MAX) + step;
        Self {
            opening,
            balance: ending.balance.unwrap_or_default(),
            cost: cost + ending.cost,
            pending: pending
                .iter()
                .copied()
                .chain(ending.order.iter().map(place))
                .collect(),
        }
    }
}

pub(super) fn steps(day: &[Transaction]) -> Vec<Step> {
    day.iter()
        .map(|row| Step {
            amount: Some(row.amount),
            balance: Some(row.balance),
        })
        .collect()
}
