use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};
use tributary_contracts::accounts::BlockScope;
use tributary_ids::CustomerId;
use tributary_money::Currency;

use crate::Rejection;

/// A short name from outside, such as that of a product or of a recorded history: kept inline, since it is part of
/// keys and of values that are copied for undo.
pub(crate) type Name = ArrayString<NAME_BYTES_MAX>;

/// Longest name of a product or of a history.
pub(crate) const NAME_BYTES_MAX: usize = 32;

/// What postings look at and change of an account. Small and without pointers: it is copied for undo at each change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Number of the account's last event.
    pub seq: u64,
    /// Posted balance in minor units; credits are positive.
    pub posted: i64,
    /// How far below zero discretionary debits may take the account, minor units, not negative.
    pub overdraft_limit: i64,
    /// Minor units that open holds keep from being spent, not negative.
    pub pending_out: i64,
    /// Minor units that open holds announce, not negative.
    pub pending_in: i64,
    /// Number of open holds, in and out.
    pub open_holds: u32,
    pub currency: Currency,
    pub block: Option<BlockScope>,
    pub closed: bool,
}

impl Account {
    pub(crate) fn opened(currency: Currency, overdraft_limit: i64) -> Self {
        Self {
            seq: 1,
            posted: 0,
            overdraft_limit,
            pending_out: 0,
            pending_in: 0,
            open_holds: 0,
            currency,
            block: None,
            closed: false,
        }
    }

    /// What discretionary debits may still take, in minor units. Negative after forced ones.
    pub fn available(&self) -> i128 {
        self.available_at(self.posted, self.pending_out)
    }

    /// What would be available with another posted balance and other holds. 128 bits, so that it can't overflow.
    pub(crate) fn available_at(&self, posted: i64, pending_out: i64) -> i128 {
        i128::from(posted) + i128::from(self.overdraft_limit) - i128::from(pending_out)
    }

    /// The number that the account's next event takes.
    pub(crate) fn next_seq(&self) -> u64 {
        self.seq + 1
    }

    /// Whether a block stands against money moving by `movement`: every block stops what leaves, only
    /// [`BlockScope::All`] what comes.
    pub(crate) fn blocks(&self, movement: i64) -> bool {
        match self.block {
            None => false,
            Some(BlockScope::Debits) => movement < 0,
            Some(BlockScope::All) => true,
        }
    }

    /// That the account is open and kept in `currency`.
    pub(crate) fn ready(&self, currency: Currency) -> Result<(), Rejection> {
        if self.currency != currency {
            return Err(Rejection::CurrencyMismatch);
        }
        self.not_closed()
    }

    pub(crate) fn not_closed(&self) -> Result<(), Rejection> {
        match self.closed {
            true => Err(Rejection::AccountClosed),
            false => Ok(()),
        }
    }

    /// That no block stands against `movement`.
    pub(crate) fn unblocked_for(&self, movement: i64) -> Result<(), Rejection> {
        match self.blocks(movement) {
            true => Err(Rejection::AccountBlocked),
            false => Ok(()),
        }
    }
}

/// What was agreed when the account was opened. A repeated opening is recognised by it, whatever changed since, so it
/// is kept apart from what postings touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub owner: CustomerId,
    pub product: Name,
    pub currency: Currency,
    /// Minor units.
    pub overdraft_limit: i64,
    /// Minor units, signed.
    pub opening_balance: i64,
}
