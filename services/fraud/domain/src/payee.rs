use serde::{Deserialize, Serialize};
use tributary_overlay::Revert;

use crate::{
    DAY_S,
    sliding::{Entry, Replaced, Sliding, Spec, Tally},
};

/// How long after its payment a label takes effect, in seconds: what a bank can know by then.
pub const LABEL_DELAY_S: i64 = 7 * DAY_S;

/// For how long the newest fraud of a run keeps it alive, in seconds: as far as the windows reach back.
pub const RUN_REMEMBERED_S: i64 = LABEL_DELAY_S + 30 * DAY_S;

/// How much earlier than its payee's newest payment one may be and still count at its own time, in seconds. Payments come to a
/// payee from all partitions of the first hop, which are as far from one another in event time as this lets them be; and
/// what is known of a payee ends 7 days ago, so that nobody misses a payment that comes some days late.
pub const PAYEE_LATE_S: i64 = 2 * DAY_S;

const WINDOWS: Spec = Spec {
    delay_s: LABEL_DELAY_S,
    lengths_s: [DAY_S, 7 * DAY_S, 30 * DAY_S],
    late_s: PAYEE_LATE_S,
};

/// What is known of the payments to a payee, or at a terminal.
///
/// The state of the second hop: it is keyed by payee and knows of a payment when it was and whether it was unusual for
/// its customer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Payee {
    payments: Sliding<Received>,
    known: Known,
    /// What was known up to the entries that are still here, from which it is made anew for what comes late.
    forgotten: Known,
}

/// What counting a payment has replaced in a [`Payee`].
#[derive(Clone, Debug)]
pub struct PayeeReplaced {
    payments: Replaced<Received>,
    known: Known,
    forgotten: Known,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Received {
    payments: u32,
    unusual: u32,
    frauds: u32,
    unusual_frauds: u32,
}

impl Tally for Received {
    fn add(&mut self, other: &Self) {
        self.payments += other.payments;
        self.unusual += other.unusual;
        self.frauds += other.frauds;
        self.unusual_frauds += other.unusual_frauds;
    }

    fn subtract(&mut self, other: &Self) {
        self.payments -= other.payments;
        self.unusual -= other.unusual;
        self.frauds -= other.frauds;
        self.unusual_frauds -= other.unusual_frauds;
    }
}

/// What the newest payments say of whose labels are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Known {
    run: Run,
    /// When the newest payment was that is known to be genuine.
    genuine_s: Option<i64>,
}

impl Known {
    fn fold(&mut self, entry: &Entry<Received>) {
        self.run.fold(entry);
        if entry.tally.frauds < entry.tally.payments {
            self.genuine_s = Some(entry.at_s);
        }
    }

    /// How long ago the newest genuine payment was, as far as the windows reach back.
    fn since_genuine_s(&self, at_s: i64) -> i64 {
        self.genuine_s.map_or(RUN_REMEMBERED_S, |genuine_s| {
            RUN_REMEMBERED_S.min(at_s - genuine_s)
        })
    }
}

/// Frauds that nothing ordinary has come between. Payments that are unusual for their customer don't count either way:
/// fraud in them tells of the customer's card, not of the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Run {
    frauds: u32,
    began_s: i64,
    newest_s: i64,
}

impl Run {
    fn fold(&mut self, entry: &Entry<Received>) {
        let seen = &entry.tally;
        let frauds = seen.frauds - seen.unusual_frauds;
        let ordinary = seen.payments - seen.unusual;
        if frauds < ordinary {
            *self = Self::default();
        } else if frauds > 0 {
            if !self.lives_at(entry.at_s) {
                *self = Self {
                    began_s: entry.at_s,
                    ..Self::default()
                };
            }
            self.frauds += frauds;
            self.newest_s = entry.at_s;
        }
    }

    fn lives_at(&self, at_s: i64) -> bool {
        self.frauds > 0 && self.newest_s > at_s - RUN_REMEMBERED_S
    }
}

/// What is known of a payee when a payment to it is judged. Windows of 1, 7 and 30 days that end 7 days ago:
/// (t - 7 d - w, t - 7 d].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PayeeFeatures {
    pub payments: [u32; 3],
    /// Confirmed frauds by payments, 0 without payments.
    pub risk: [f64; 3],
    /// Confirmed frauds in a row, up to 7 days ago: no ordinary payment came between.
    pub run: u32,
    /// How long ago that row began, in seconds; 0 without one.
    pub run_age_s: i64,
    /// How long ago the newest payment was of which it is known that it was genuine, in seconds; 37 days when that is
    /// longer ago or there is none.
    pub since_genuine_s: i64,
    /// When the payment was counted, in seconds since the epoch: its own time, or the boundary when it came later than
    /// may be. What labels it names this time.
    pub counted_at_s: i64,
}

/// Why a label can't be set. No state has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelRefused {
    #[error("no payment of that time and kind waits for this label, or it is too long ago to matter")]
    UnknownPayment,
}

impl LabelRefused {
    /// Stable code, listed in `docs/fraud.md`.
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownPayment => "FRAUD_LABEL_UNKNOWN_PAYMENT",
        }
    }
}

impl Payee {
    /// Says what is known of the payee when a payment of `at_s` comes, in seconds since the epoch. It isn't counted yet. Labels
    /// of payments of 7 days ago to the second have taken effect.
    ///
    /// Late payments: as with [`Customer::judge`](crate::Customer::judge), but up to [`PAYEE_LATE_S`].
    pub fn judge(&self, at_s: i64) -> PayeeFeatures {
        let effective_s = self.payments.effective(&WINDOWS, at_s);
        let mut known = self.known;
        let sums = self
            .payments
            .sums_at(&WINDOWS, effective_s, |entry| known.fold(entry));
        if effective_s < self.payments.newest_s() {
            known = self.known_at(effective_s);
        }
        let run = known.run;
        let lives = run.lives_at(effective_s);
        PayeeFeatures {
            payments: sums.map(|sum| sum.payments),
            risk: sums.map(|sum| match sum.payments {
                0 => 0.0,
                payments => f64::from(sum.frauds) / f64::from(payments),
            }),
            run: if lives { run.frauds } else { 0 },
            run_age_s: if lives { effective_s - run.began_s } else { 0 },
            since_genuine_s: known.since_genuine_s(effective_s),
            counted_at_s: effective_s,
        }
    }

    /// Counts a payment of `at_s` that was `unusual` for its customer or not.
    pub fn count(&mut self, at_s: i64, unusual: bool) -> PayeeReplaced {
        let effective_s = self.payments.effective(&WINDOWS, at_s);
        let received = Received {
            payments: 1,
            unusual: u32::from(unusual),
            ..Received::default()
        };
        let before = (self.known, self.forgotten);
        let payments = self.payments.count(
            &WINDOWS,
            effective_s,
            &received,
            |entry| self.known.fold(entry),
            |entry| self.forgotten.fold(entry),
        );
        PayeeReplaced {
            payments,
            known: before.0,
            forgotten: before.1,
        }
    }

    /// Judges a payment and counts it.
    pub fn observe(&mut self, at_s: i64, unusual: bool) -> PayeeFeatures {
        let features = self.judge(at_s);
        self.count(at_s, unusual);
        features
    }

    /// Labels one payment as a confirmed fraud: `at_s` is when it was counted, `unusual` as it was observed. Before 7 days have passed it
    /// waits for them; later it takes effect at once, for the payments that come after it.
    ///
    /// Payments of one second are one here, so whoever labels sees to it that a payment is labelled once.
    ///
    /// # Errors
    /// When there is no such payment.
    pub fn confirm_fraud(&mut self, at_s: i64, unusual: bool) -> Result<(), LabelRefused> {
        self.label(at_s, |seen| {
            let mut after = *seen;
            after.frauds += 1;
            after.unusual_frauds += u32::from(unusual);
            let usual_frauds = after.frauds - after.unusual_frauds;
            let fits =
                after.unusual_frauds <= after.unusual && usual_frauds <= after.payments - after.unusual;
            fits.then_some(after)
        })
    }

    /// Takes a confirmation back.
    ///
    /// # Errors
    /// When there is no such confirmation.
    pub fn retract_fraud(&mut self, at_s: i64, unusual: bool) -> Result<(), LabelRefused> {
        self.label(at_s, |seen| {
            let mut after = *seen;
            after.frauds = after.frauds.checked_sub(1)?;
            after.unusual_frauds = after.unusual_frauds.checked_sub(u32::from(unusual))?;
            (after.unusual_frauds <= after.frauds).then_some(after)
        })
    }

    fn label(
        &mut self,
        at_s: i64,
        change: impl FnOnce(&Received) -> Option<Received>,
    ) -> Result<(), LabelRefused> {
        let past = self
            .payments
            .change(at_s, change)
            .ok_or(LabelRefused::UnknownPayment)?;
        if past {
            self.known = self.known_at(self.payments.newest_s());
        }
        Ok(())
    }

    fn known_at(&self, at_s: i64) -> Known {
        let mut known = self.forgotten;
        self.payments
            .up_to(at_s - LABEL_DELAY_S)
            .for_each(|entry| known.fold(entry));
        known
    }

    /// Event time of the newest payment, in seconds since the epoch. A state that is 40 days older than the present tells
    /// nothing that an empty one doesn't, and may be dropped.
    pub fn newest_s(&self) -> i64 {
        self.payments.newest_s()
    }
}

impl Revert<PayeeReplaced> for Payee {
    fn revert(&mut self, replaced: PayeeReplaced) {
        self.payments.revert(replaced.payments);
        self.known = replaced.known;
        self.forgotten = replaced.forgotten;
    }
}
