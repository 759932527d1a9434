use serde::{Deserialize, Serialize};
use tributary_overlay::Revert;

use crate::{
    DAY_S, Payment, SKEW_S,
    sliding::{Replaced, Sliding, Spec, Tally},
};

const WINDOWS: Spec = Spec {
    delay_s: 0,
    lengths_s: [DAY_S, 7 * DAY_S, 30 * DAY_S],
    late_s: SKEW_S,
};

/// A payment is unusual for its customer above this many times what is typical. Chosen on validation weeks among 2.5, 3,
/// 3.5 and 4 (`docs/fraud.md`).
pub const UNUSUAL_ABOVE: f64 = 3.5;

/// Roots of amounts are whole numbers of 1/100 of the root of a minor unit, so that their sums are exact.
const ROOT_SCALE: u64 = 100;

/// Smallest deviation that an amount is measured by, as a share of the mean: of amounts that are nearly alike each other
/// one would be infinitely far away.
pub const DEVIATION_LEAST: f64 = 0.1;

/// What is known of a customer's payments.
///
/// The state of the first hop: it is keyed by customer, and what it finds goes with the payment to the payee's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    payments: Sliding<Spent>,
}

/// What counting a payment has replaced in a [`Customer`].
#[derive(Clone, Debug)]
pub struct CustomerReplaced(Replaced<Spent>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Spent {
    payments: u32,
    unusual: u32,
    /// Minor units.
    amount: i128,
    /// Of [`ROOT_SCALE`].
    roots: u64,
    /// Minor units, of payments that are not unusual.
    ordinary_amount: i128,
    /// The squares of the same.
    ordinary_squares: u128,
}

impl Spent {
    /// A payment, before it is known whether it is unusual.
    fn of(amount_minor: i64) -> Self {
        Self {
            payments: 1,
            amount: i128::from(amount_minor),
            roots: root(amount_minor),
            ..Self::default()
        }
    }

    fn marked(self, amount_minor: i64, unusual: bool) -> Self {
        match unusual {
            true => Self { unusual: 1, ..self },
            false => Self {
                ordinary_amount: i128::from(amount_minor),
                ordinary_squares: u128::from(amount_minor.unsigned_abs()).pow(2),
                ..self
            },
        }
    }
}

impl Tally for Spent {
    fn add(&mut self, other: &Self) {
        self.payments += other.payments;
        self.unusual += other.unusual;
        self.amount += other.amount;
        self.roots += other.roots;
        self.ordinary_amount += other.ordinary_amount;
        self.ordinary_squares += other.ordinary_squares;
    }

    fn subtract(&mut self, other: &Self) {
        self.payments -= other.payments;
        self.unusual -= other.unusual;
        self.amount -= other.amount;
        self.roots -= other.roots;
        self.ordinary_amount -= other.ordinary_amount;
        self.ordinary_squares -= other.ordinary_squares;
    }
}

/// A payment beside the customer's others. Windows of 1, 7 and 30 days, (t - w, t], this payment included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomerFeatures {
    pub payments: [u32; 3],
    /// Units.
    pub mean_amount: [f64; 3],
    /// The amount as a multiple of what is typical over 30 days: the square of the mean root, which single large amounts
    /// move less than they do a mean. 0 when nothing but amounts of 0 is known.
    pub times_typical: f64,
    /// Above [`UNUSUAL_ABOVE`] times what is typical.
    pub unusual: bool,
    /// Unusual payments over 7 days, this one left out.
    pub unusual_before: u32,
    /// How many standard deviations the amount lies above the mean of the customer's ordinary payments over 30 days, this
    /// one left out. 0 when less than two are known.
    pub deviations: f64,
    /// When the payment was counted, in seconds since the epoch: its own time, or the boundary when it came later than
    /// may be.
    pub counted_at_s: i64,
}

impl Customer {
    /// Says what a payment looks like beside the others. It isn't counted yet.
    ///
    /// Payments of the same second count in the order in which they come. One whose event time lies up to
    /// [`SKEW_S`](crate::SKEW_S) before the customer's newest is counted and judged at its place; what was said of
    /// the newer ones stays said. An earlier one counts at that boundary.
    pub fn judge(&self, payment: &Payment) -> CustomerFeatures {
        let at_s = self.payments.effective(&WINDOWS, payment.at_s());
        let amount = payment.amount_minor();
        let spent = Spent::of(amount);
        let sums = self.payments.sums_at(&WINDOWS, at_s, |_| ()).map(|mut sum| {
            sum.add(&spent);
            sum
        });
        let times_typical = times_typical(amount, sums[2].roots, sums[2].payments);
        CustomerFeatures {
            payments: sums.map(|sum| sum.payments),
            mean_amount: sums.map(|sum| mean_amount(sum.amount, sum.payments)),
            times_typical,
            unusual: times_typical > UNUSUAL_ABOVE,
            unusual_before: sums[1].unusual,
            deviations: deviations(amount, &sums[2]),
            counted_at_s: at_s,
        }
    }

    /// Counts a payment that was judged to be `unusual` or not.
    pub fn count(&mut self, payment: &Payment, unusual: bool) -> CustomerReplaced {
        let at_s = self.payments.effective(&WINDOWS, payment.at_s());
        let spent = Spent::of(payment.amount_minor()).marked(payment.amount_minor(), unusual);
        CustomerReplaced(self.payments.count(&WINDOWS, at_s, &spent, |_| (), |_| ()))
    }

    /// Judges a payment and counts it.
    pub fn observe(&mut self, payment: &Payment) -> CustomerFeatures {
        let features = self.judge(payment);
        self.count(payment, features.unusual);
        features
    }

    /// Event time of the newest payment, in seconds since the epoch. A state that is 31 days older than the present tells
    /// nothing that an empty one doesn't, and may be dropped.
    pub fn newest_s(&self) -> i64 {
        self.payments.newest_s()
    }
}

impl Revert<CustomerReplaced> for Customer {
    fn revert(&mut self, replaced: CustomerReplaced) {
        self.payments.revert(replaced.0);
    }
}

/// Units.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53 minor units, and a mean beyond"
)]
fn mean_amount(minor: i128, payments: u32) -> f64 {
    minor as f64 / f64::from(payments) / crate::payment::MINOR_PER_UNIT as f64
}

fn root(amount_minor: i64) -> u64 {
    (amount_minor.unsigned_abs() * ROOT_SCALE * ROOT_SCALE).isqrt()
}

fn times_typical(amount_minor: i64, roots: u64, payments: u32) -> f64 {
    let mean_root = roots as f64 / f64::from(payments) / ROOT_SCALE as f64;
    let typical = mean_root * mean_root;
    if typical > 0.0 {
        amount_minor as f64 / typical
    } else {
        0.0
    }
}

/// `sums` hold this payment, but not yet among the ordinary ones.
fn deviations(amount_minor: i64, sums: &Spent) -> f64 {
    let ordinary = f64::from(sums.payments - sums.unusual - 1);
    if ordinary < 2.0 {
        return 0.0;
    }
    let mean = sums.ordinary_amount as f64 / ordinary;
    let variance = sums.ordinary_squares as f64 / ordinary - mean * mean;
    let deviation = variance.max(0.0).sqrt().max(DEVIATION_LEAST * mean);
    if deviation > 0.0 {
        (amount_minor as f64 - mean) / deviation
    } else {
        0.0
    }
}
