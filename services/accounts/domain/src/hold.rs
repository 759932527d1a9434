use serde::{Deserialize, Serialize};
use tributary_contracts::accounts::Direction;

/// Where a hold is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldState {
    Open,
    /// Settled whole, or in parts of which the last one gave the rest back.
    Settled,
    /// Released by a command or by its expiry, perhaps after partial settlements; or never placed: a tombstone.
    Released,
}

/// Money of an account that is announced to move. An ended hold stays as a tombstone for a while, so that its id
/// can't be used again by a message that comes late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub direction: Direction,
    pub state: HoldState,
    /// Minor units it was placed with; 0 for a tombstone of a hold that never was.
    pub reserved: i64,
    /// Minor units still to settle.
    pub open: i64,
    /// Sums of minor units over the hold's life: 128 bits, since adjusting and settling may go on without end.
    pub adjusted: i128,
    pub settled: i128,
    pub released: i128,
    /// Milliseconds since the epoch at which it lapses.
    pub expires_at: Option<i64>,
    /// Record time at which it ended, milliseconds since the epoch; 0 while it is open.
    pub ended_at: i64,
}

impl Hold {
    pub(crate) fn placed(direction: Direction, amount: i64, expires_at: Option<i64>) -> Self {
        Self {
            direction,
            state: HoldState::Open,
            reserved: amount,
            open: amount,
            adjusted: 0,
            settled: 0,
            released: 0,
            expires_at,
            ended_at: 0,
        }
    }

    /// What refuses the reserve of a hold that was released before it came.
    pub(crate) fn tombstone(ended_at: i64) -> Self {
        Self {
            state: HoldState::Released,
            ended_at,
            ..Self::placed(Direction::Out, 0, None)
        }
    }

    /// No orphan money: what was reserved and adjusted is open, settled or released.
    pub fn is_conserved(&self) -> bool {
        i128::from(self.reserved) + self.adjusted == i128::from(self.open) + self.settled + self.released
            && (self.state == HoldState::Open) == (self.open > 0)
    }
}
