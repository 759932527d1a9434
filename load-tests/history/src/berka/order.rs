//! The order of an account's rows within one day, found from their recorded balances.
//!
//! The published files give a day's rows in no particular order. Row j can follow a balance b when its own recorded
//! balance is b plus its amount, give or take a rounding: the bank computed with more decimals than it recorded.
//! Wanted is an order in which every row follows the one before it, with the least roundings.

use std::collections::HashMap;

/// Largest rounding of one row, in haler. Amount, balance before and balance after are each rounded by at most
/// 5 haler, so that they miss one another by less than 15, and all are multiples of 10.
pub(super) const ROUNDING_MAX: i64 = 10;

/// Most rows of a day whose order is searched.
const STEPS_MAX: usize = 128;
/// Most states of one day's search. Real days have fewer than a hundred; it takes many rows that undo one another
/// exactly to have more.
const STATES_MAX: usize = 200_000;

/// A row as the search sees it. None leaves open what it can't rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) amount: Option<i64>,
    pub(super) balance: Option<i64>,
}

/// A way through the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// The balance that it ends with.
    pub(super) balance: Option<i64>,
    /// Sum of the sizes of its roundings.
    pub(super) cost: i64,
    /// The steps' indexes in their order.
    pub(super) order: Vec<u32>,
}

/// The day has too many rows, or too many that could each follow the other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Undecided;

struct State {
    placed: u128,
    balance: Option<i64>,
    cost: i64,
    step: usize,
    previous: usize,
}

/// The cheapest order to each balance that the day can end with, the cheapest ending first. None at all when the
/// steps don't fit. Of orders that cost the same the one that takes earlier steps first wins.
///
/// `start` is the balance before the day; None when it isn't known.
pub(super) fn endings(start: Option<i64>, steps: &[Step]) -> Result<Vec<Ending>, Undecided> {
    if let [only] = steps {
        let ending = |(balance, cost)| Ending {
            balance,
            cost,
            order: vec![0],
        };
        return Ok(follow(start, *only).map(ending).into_iter().collect());
    }
    if steps.len() > STEPS_MAX {
        return Err(Undecided);
    }
    let origin = State {
        placed: 0,
        balance: start,
        cost: 0,
        step: 0,
        previous: 0,
    };
    let mut layers = vec![vec![origin]];
    let mut states = 0;
    for _ in steps {
        let next = next_layer(&layers[layers.len() - 1], steps);
        states += next.len();
        if states > STATES_MAX {
            return Err(Undecided);
        }
        layers.push(next);
    }
    let last = &layers[steps.len()];
    let mut endings: Vec<_> = (0..last.len()).map(|index| trace(&layers, index)).collect();
    endings.sort_by_key(|ending| ending.cost);
    Ok(endings)
}

fn next_layer(layer: &[State], steps: &[Step]) -> Vec<State> {
    let mut next: Vec<State> = Vec::new();
    let mut known: HashMap<(u128, Option<i64>), usize> = HashMap::new();
    for (previous, state) in layer.iter().enumerate() {
        let free = |step: usize| state.placed >> step & 1 == 0;
        for (step, row) in steps.iter().enumerate() {
            // Of rows that are alike the first is taken first: their permutations are one and the same.
            if !free(step) || (0..step).any(|other| free(other) && steps[other] == *row) {
                continue;
            }
            let Some((balance, rounding)) = follow(state.balance, *row) else {
                continue;
            };
            let cost = state.cost + rounding;
            let reached = State {
                placed: state.placed | 1 << step,
                balance,
                cost,
                step,
                previous,
            };
            match known.get(&(reached.placed, balance)) {
                Some(index) if next[*index].cost <= cost => {}
                Some(index) => next[*index] = reached,
                None => {
                    known.insert((reached.placed, balance), next.len());
                    next.push(reached);
                }
            }
        }
    }
    next
}

/// The balance after `step`, and the size of its rounding; None when it can't follow `before`.
fn follow(before: Option<i64>, step: Step) -> Option<(Option<i64>, i64)> {
    match (before, step.amount, step.balance) {
        (Some(before), Some(amount), Some(after)) => {
            let rounding = (after - before - amount).abs();
            (rounding <= ROUNDING_MAX).then_some((Some(after), rounding))
        }
        (Some(before), Some(amount), None) => Some((Some(before + amount), 0)),
        (_, _, after) => Some((after, 0)),
    }
}

fn trace(layers: &[Vec<State>], index: usize) -> Ending {
    let last = &layers[layers.len() - 1][index];
    let mut order = Vec::with_capacity(layers.len() - 1);
    let mut index = index;
    for layer in layers[1..].iter().rev() {
        order.push(u32::try_from(layer[index].step).unwrap_or(u32::MAX));
        index = layer[index].previous;
    }
    order.reverse();
    Ending {
        balance: last.balance,
        cost: last.cost,
        order,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step(amount: i64, balance: i64) -> Step {
        Step {
            amount: Some(amount),
            balance: Some(balance),
        }
    }

    fn orders(start: i64, steps: &[Step]) -> Vec<Vec<u32>> {
        endings(Some(start), steps)
            .unwrap()
            .into_iter()
            .map(|ending| ending.order)
            .collect()
    }

    #[test]
    fn rows_are_put_where_their_balances_fit() {
        assert_eq!(
            orders(1_000, &[step(-200, 1_300), step(500, 1_500), step(40, 1_340)]),
            [[1, 0, 2]]
        );
    }

    #[test]
    fn a_rounding_of_ten_haler_fits_and_one_of_eleven_does_not() {
        assert_eq!(orders(1_000, &[step(70, 1_080)]), [[0]]);
        assert!(orders(1_000, &[step(70, 1_081)]).is_empty());
        assert!(orders(1_000, &[step(70, 1_059)]).is_empty());
    }

    #[test]
    fn of_two_orders_the_one_with_fewer_roundings_comes_first() {
        let steps = [step(100, 1_110), step(-100, 1_000), step(10, 1_010)];
        assert_eq!(orders(1_000, &steps)[0], [2, 0, 1]);
    }

    #[test]
    fn many_rows_that_undo_one_another_are_still_ordered() {
        let steps: Vec<_> = (0..60)
            .map(|i| {
                if i % 2 == 0 {
                    step(100, 1_100)
                } else {
                    step(-100, 1_000)
                }
            })
            .collect();
        let order = &orders(1_000, &steps)[0];
        assert_eq!(order.len(), 60);
        assert!(
            order
                .iter()
                .enumerate()
                .all(|(place, row)| place % 2 == *row as usize % 2)
        );
    }

    #[test]
    fn a_day_beyond_what_can_be_searched_is_undecided() {
        let steps = vec![step(0, 1_000); STEPS_MAX + 1];
        assert_eq!(endings(Some(1_000), &steps), Err(Undecided));
    }

    /// Every order, tried one by one.
    fn cheapest_by_force(start: i64, steps: &[Step], left: &[usize]) -> Option<i64> {
        if left.is_empty() {
            return Some(0);
        }
        let rest = |row: usize| {
            left.iter()
                .copied()
                .filter(|other| *other != row)
                .collect::<Vec<_>>()
        };
        let through = |row: &usize| {
            let (balance, rounding) = follow(Some(start), steps[*row])?;
            Some(rounding + cheapest_by_force(balance?, steps, &rest(*row))?)
        };
        left.iter().filter_map(through).min()
    }

    proptest! {
        #[test]
        fn the_cheapest_order_is_as_cheap_as_the_best_of_all_orders(
            amounts in prop::collection::vec((-3_i64..=3, -1_i64..=1), 1..7),
            turn in any::<prop::sample::Index>(),
        ) {
            let mut balance = 500;
            let mut steps = Vec::new();
            for (amount, rounding) in amounts {
                balance += amount * 10 + rounding * 10;
                steps.push(step(amount * 10, balance));
            }
            let turn = turn.index(steps.len());
            steps.rotate_left(turn);
            let all: Vec<_> = (0..steps.len()).collect();
            let found = endings(Some(500), &steps).unwrap();
            prop_assert_eq!(found.first().map(|ending| ending.cost), cheapest_by_force(500, &steps, &all));
            for ending in found {
                let mut before = Some(500);
                for row in &ending.order {
                    before = follow(before, steps[*row as usize]).unwrap().0;
                }
                prop_assert_eq!(before, ending.balance);
            }
        }
    }
}
