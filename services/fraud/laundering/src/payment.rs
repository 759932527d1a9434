use serde::{Deserialize, Serialize};

/// Largest amount, in minor units: far above any payment, and low enough for the sums and products of the rules.
pub const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000_000;

/// Earliest and latest event time, in seconds since the epoch: the years 1970 to 9999.
const AT_RANGE_S: std::ops::Range<i64> = 0..253_402_300_800;

/// An account, by the bits of its UUID or any other number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Account(pub u128);

/// A payment's id, by its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PaymentId(pub u128);

/// Money that went from one account to another.
///
/// The amounts of all payments between states are compared, so they must be in one currency: whoever has several keeps the
/// states by account and currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    at_s: i64,
    id: PaymentId,
    debtor: Account,
    creditor: Account,
    amount_minor: i64,
}

/// Why a payment can't be looked at. No state has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentRefused {
    #[error("the amount is not above zero")]
    Amount,
    #[error("the amount is larger than any payment can be")]
    AbsurdAmount,
    #[error("the event time is no time that a payment can have")]
    AbsurdTime,
    #[error("debtor and creditor are one account: no money has moved")]
    OwnAccount,
}

impl PaymentRefused {
    /// Stable code, listed in `docs/laundering.md`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Amount => "LAUNDERING_AMOUNT_NOT_POSITIVE",
            Self::AbsurdAmount => "LAUNDERING_AMOUNT_ABSURD",
            Self::AbsurdTime => "LAUNDERING_TIME_ABSURD",
            Self::OwnAccount => "LAUNDERING_OWN_ACCOUNT",
        }
    }
}

impl Payment {
    /// A payment at `at_s`, in seconds since the epoch, of `amount_minor` minor units.
    ///
    /// # Errors
    /// When amount or time are none that a payment can have, or it is one to the same account.
    pub fn try_new(
        id: PaymentId,
        at_s: i64,
        debtor: Account,
        creditor: Account,
        amount_minor: i64,
    ) -> Result<Self, PaymentRefused> {
        if amount_minor <= 0 {
            return Err(PaymentRefused::Amount);
        }
        if amount_minor > AMOUNT_MINOR_MAX {
            return Err(PaymentRefused::AbsurdAmount);
        }
        if !AT_RANGE_S.contains(&at_s) {
            return Err(PaymentRefused::AbsurdTime);
        }
        if debtor == creditor {
            return Err(PaymentRefused::OwnAccount);
        }
        Ok(Self {
            at_s,
            id,
            debtor,
            creditor,
            amount_minor,
        })
    }

    /// Event time in seconds since the epoch.
    pub fn at_s(&self) -> i64 {
        self.at_s
    }

    pub fn id(&self) -> PaymentId {
        self.id
    }

    pub fn debtor(&self) -> Account {
        self.debtor
    }

    pub fn creditor(&self) -> Account {
        self.creditor
    }

    pub fn amount_minor(&self) -> i64 {
        self.amount_minor
    }

    /// Order of time; those of an instant in that of their ids.
    pub(crate) fn order(&self) -> (i64, PaymentId) {
        (self.at_s, self.id)
    }

    /// Whether the amounts lie within `percent` of the larger one.
    pub(crate) fn is_like(&self, other: &Self, percent: i64) -> bool {
        alike(
            self.amount_minor.min(other.amount_minor),
            self.amount_minor.max(other.amount_minor),
            percent,
        )
    }
}

/// Whether amounts from `least_minor` to `most_minor` lie within `percent` of the largest.
pub(crate) fn alike(least_minor: i64, most_minor: i64, percent: i64) -> bool {
    (most_minor - least_minor) * 100 <= percent * most_minor
}
