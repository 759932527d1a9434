//! Rows as they are folded.

use tributary_contracts::{
    accounts::{BlockScope, Direction},
    envelope::BusinessDate,
};
use tributary_ids::CustomerId;
use tributary_money::Currency;

/// What is written once, when the account opens.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    pub(super) owner: CustomerId,
    pub(super) product: String,
    pub(super) opened_on: BusinessDate,
}

/// A row of `accounts`.
#[derive(Clone, Debug)]
pub(super) struct AccountRow {
    /// Only of accounts that this batch opens.
    pub(super) opening: Option<Opening>,
    pub(super) currency: Currency,
    pub(super) block: Option<BlockScope>,
    pub(super) overdraft_limit: i64,
    pub(super) closed_on: Option<BusinessDate>,
    pub(super) posted: i64,
    pub(super) pending_out: i64,
    pub(super) pending_in: i64,
    pub(super) seq: i64,
    pub(super) partition: i32,
    pub(super) first_offset: i64,
    pub(super) last_offset: i64,
}

impl AccountRow {
    pub(super) fn status(&self) -> &'static str {
        match self.closed_on {
            Some(_) => "closed",
            None => "open",
        }
    }

    pub(super) fn pending(&mut self, direction: Direction) -> &mut i64 {
        match direction {
            Direction::Out => &mut self.pending_out,
            Direction::In => &mut self.pending_in,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HoldState {
    Open,
    Settled,
    Released,
    Expired,
}

impl HoldState {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Settled => "settled",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Settled, Self::Released, Self::Expired]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// A row of `holds`.
#[derive(Clone, Debug)]
pub(super) struct HoldRow {
    /// Whether the table has a row of this account and id.
    pub(super) is_stored: bool,
    pub(super) direction: Direction,
    pub(super) state: HoldState,
    pub(super) reserved: i64,
    pub(super) open: i64,
    pub(super) adjusted: i128,
    pub(super) settled: i128,
    pub(super) released: i128,
    pub(super) expires_ms: Option<i64>,
    pub(super) partition: i32,
    pub(super) first_offset: i64,
    pub(super) last_offset: i64,
}

pub(super) fn direction_text(direction: Direction) -> &'static str {
    match direction {
        Direction::Out => "out",
        Direction::In => "in",
    }
}

pub(super) fn direction_of(text: &str) -> Option<Direction> {
    [Direction::Out, Direction::In]
        .into_iter()
        .find(|&direction| direction_text(direction) == text)
}

pub(super) fn block_text(block: BlockScope) -> &'static str {
    match block {
        BlockScope::Debits => "debits",
        BlockScope::All => "all",
    }
}

pub(super) fn block_of(text: &str) -> Option<BlockScope> {
    [BlockScope::Debits, BlockScope::All]
        .into_iter()
        .find(|&block| block_text(block) == text)
}
