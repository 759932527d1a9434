//! Which row of a day that doesn't fit is the wrong one.

use super::{
    chain::steps,
    order::{Step, endings},
    row::Transaction,
};

/// Why an account's rows can't go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Break {
    /// Indexes of the rows, among the account's, that can be the wrong ones.
    pub(super) suspects: Vec<usize>,
    /// Nothing need be wrong: there are too many rows to tell.
    pub(super) undecided: bool,
}

/// Finds the rows of `day` that explain why it follows none of `starts`: with one of them corrected or left out the
/// day fits, and so does the `next` day. All rows of the day when there is no such row.
///
/// `first_row` is the index of the day's first row among the account's.
pub(super) fn blame(
    starts: &[Option<i64>],
    day: &[Transaction],
    next: Option<&[Transaction]>,
    first_row: usize,
) -> Break {
    let steps = steps(day);
    let explains = |row: usize, correction: &Correction, next| {
        let corrected = correction.applied(&steps, row);
        starts.iter().any(|start| fits(*start, &corrected, next))
    };
    // What leaves less open explains more.
    let swapped = &[Correction::Swapped][..];
    let one_field = &[Correction::LeftOut, Correction::Amount, Correction::Balance][..];
    let any = &[
        Correction::LeftOut,
        Correction::Amount,
        Correction::Balance,
        Correction::Both,
    ][..];
    for (corrections, next) in [(swapped, next), (one_field, next), (any, next), (any, None)] {
        let by_any = |row: &usize| {
            corrections
                .iter()
                .any(|correction| explains(*row, correction, next))
        };
        let suspects: Vec<_> = (0..day.len()).filter(by_any).map(|row| first_row + row).collect();
        if !suspects.is_empty() {
            return Break {
                suspects,
                undecided: false,
            };
        }
    }
    Break {
        suspects: (first_row..first_row + day.len()).collect(),
        undecided: false,
    }
}

/// The row of the day before that only seems to fit, if there is one: a debit whose amount and balance are swapped
/// follows the row before it just as well (before - amount = after, before - after = amount), and it takes the rows
/// behind it to tell.
///
/// `start` is the balance before `previous`, `day` the first day that doesn't fit, and `next` the one after it.
pub(super) fn blame_day_before(
    start: Option<i64>,
    previous: &[Transaction],
    day: &[Transaction],
    next: Option<&[Transaction]>,
) -> Option<usize> {
    let (steps, day) = (steps(previous), steps(day));
    let repairs = |row: &usize| {
        let corrected = Correction::Swapped.applied(&steps, *row);
        let through = endings(start, &corrected).unwrap_or_default();
        through.iter().any(|ending| fits(ending.balance, &day, next))
    };
    (0..previous.len()).find(repairs)
}

/// Whether `day` fits when nothing is known of the balance before it.
pub(super) fn begins_anew(day: &[Transaction], next: Option<&[Transaction]>) -> bool {
    fits(None, &steps(day), next)
}

fn fits(start: Option<i64>, day: &[Step], next: Option<&[Transaction]>) -> bool {
    let next = next.map(steps);
    let goes_on = |balance| {
        next.as_ref()
            .is_none_or(|next| endings(balance, next).is_ok_and(|found| !found.is_empty()))
    };
    endings(start, day).is_ok_and(|found| found.iter().any(|ending| goes_on(ending.balance)))
}

/// What may be wrong with a row.
enum Correction {
    /// Amount and balance are in each other's place.
    Swapped,
    Amount,
    Balance,
    Both,
    /// It doesn't belong there at all.
    LeftOut,
}

impl Correction {
    fn applied(&self, steps: &[Step], row: usize) -> Vec<Step> {
        let mut steps = steps.to_vec();
        match self {
            Self::Swapped => steps[row] = swapped(steps[row]),
            Self::Amount => steps[row].amount = None,
            Self::Balance => steps[row].balance = None,
            Self::Both => {
                steps[row] = Step {
                    amount: None,
                    balance: None,
                }
            }
            Self::LeftOut => {
                steps.remove(row);
            }
        }
        steps
    }
}

fn swapped(step: Step) -> Step {
    let sign = step.amount.map_or(0, i64::signum);
    Step {
        amount: step.balance.map(|balance| balance * sign),
        balance: step.amount.map(i64::abs),
    }
}
