//! Invariant 7: of every hold, reserved and adjusted = open + settled + released + expired, on an account that lives.

use hashbrown::HashMap;
use tributary_contracts::{
    accounts::{AccountsEvent, Direction, EntryKind, EntryPosted, HoldAdjusted, HoldPlaced, HoldReleased},
    runtime::TimerId,
};
use tributary_ids::{AccountId, HoldId};

use super::{accounts::Accounts, entries};
use crate::remembered::Remembered;
use crate::violation::{At, Findings, Invariant};

type Key = (AccountId, HoldId);

/// A hold as its events tell it, minor units throughout.
#[derive(Debug)]
struct Hold {
    direction: Direction,
    reserved: i128,
    adjusted: i128,
    open: i128,
    settled: i128,
    released: i128,
    expires_at: Option<i64>,
    ended: bool,
    placed: At,
}

/// All holds: those that are open, and 90 days of those that ended.
#[derive(Debug, Default)]
pub(super) struct Holds {
    holds: HashMap<Key, Hold>,
    ended: Remembered<Key>,
    open: u64,
}

impl Holds {
    /// Whether a hold is known, or may have been.
    pub(super) fn may_know(&self, account: AccountId, hold: HoldId) -> bool {
        self.ended.has_forgotten() || self.holds.contains_key(&(account, hold))
    }

    /// Where a hold was placed that has not ended.
    pub(super) fn open_at(&self, account: AccountId, hold: HoldId) -> Option<At> {
        let hold = self.holds.get(&(account, hold))?;
        (!hold.ended).then_some(hold.placed)
    }

    /// Holds that have not ended.
    pub(super) fn open_count(&self) -> u64 {
        self.open
    }

    pub(super) fn observe(
        &mut self,
        event: &AccountsEvent,
        time: i64,
        at: At,
        accounts: &mut Accounts,
        found: &mut Findings,
    ) {
        match event {
            AccountsEvent::HoldPlaced(placed) => self.place(placed, at, accounts, found),
            AccountsEvent::HoldAdjusted(adjusted) => self.adjust(adjusted, at, accounts, found),
            AccountsEvent::HoldReleased(released) => self.release(released, time, at, accounts, found),
            AccountsEvent::EntryPosted(entry) => self.settle(entry, time, at, accounts, found),
            _ => {}
        }
        self.forget(at.partition, time);
    }

    fn place(&mut self, placed: &HoldPlaced, at: At, accounts: &mut Accounts, found: &mut Findings) {
        found.check(Invariant::Holds);
        let id = placed.hold_id;
        if placed.amount <= 0 {
            found.violate(Invariant::Holds, "HOLD_NOT_POSITIVE", &[at], || {
                format!("hold {id} reserves {}", placed.amount)
            });
        }
        if let Some(known) = self.holds.get(&(placed.account_id, id)) {
            found.violate(Invariant::Holds, "HOLD_PLACED_TWICE", &[known.placed, at], || {
                format!("hold {id} is known already")
            });
            return;
        }
        let amount = i128::from(placed.amount);
        self.holds.insert(
            (placed.account_id, id),
            Hold {
                direction: placed.direction,
                reserved: amount,
                adjusted: 0,
                open: amount,
                settled: 0,
                released: 0,
                expires_at: placed.expires_at,
                ended: false,
                placed: at,
            },
        );
        self.open += 1;
        accounts.move_pending(placed.account_id, placed.direction, amount);
        accounts.check_reserved(placed.account_id, placed.direction, at, found);
    }

    fn adjust(&mut self, adjusted: &HoldAdjusted, at: At, accounts: &mut Accounts, found: &mut Findings) {
        let id = adjusted.hold_id;
        let Some(hold) = self.open_hold((adjusted.account_id, id), at, found) else {
            return;
        };
        if i128::from(adjusted.from) != hold.open || adjusted.to <= 0 {
            let open = hold.open;
            found.violate(
                Invariant::Holds,
                "HOLD_ADJUSTED_WRONG",
                &[hold.placed, at],
                || {
                    format!(
                        "hold {id} has {open} open, adjusted from {} to {}",
                        adjusted.from, adjusted.to
                    )
                },
            );
        }
        let by = i128::from(adjusted.to) - hold.open;
        hold.adjusted += by;
        hold.open += by;
        let direction = hold.direction;
        accounts.move_pending(adjusted.account_id, direction, by);
        if by > 0 {
            accounts.check_reserved(adjusted.account_id, direction, at, found);
        }
    }

    fn release(
        &mut self,
        released: &HoldReleased,
        time: i64,
        at: At,
        accounts: &mut Accounts,
        found: &mut Findings,
    ) {
        let (id, key) = (released.hold_id, (released.account_id, released.hold_id));
        if !self.holds.contains_key(&key) && released.amount == 0 && !released.expired {
            found.check(Invariant::Holds);
            self.leave_tombstone(key, time, at);
            return;
        }
        let Some(hold) = self.open_hold(key, at, found) else {
            return;
        };
        if i128::from(released.amount) != hold.open {
            let open = hold.open;
            found.violate(
                Invariant::Holds,
                "HOLD_RELEASED_WRONG",
                &[hold.placed, at],
                || format!("hold {id} has {open} open and releases {}", released.amount),
            );
        }
        if released.expired && hold.expires_at.is_none_or(|due| time < due) {
            let due = hold.expires_at;
            found.violate(Invariant::Holds, "HOLD_EXPIRED_EARLY", &[hold.placed, at], || {
                format!("hold {id} lapsed at {time}, due {due:?}")
            });
        }
        let given_up = hold.open;
        hold.released += given_up;
        hold.open = 0;
        hold.ended = true;
        accounts.move_pending(key.0, hold.direction, -given_up);
        self.open -= 1;
        self.end(key, time, at.partition);
    }

    fn settle(
        &mut self,
        entry: &EntryPosted,
        time: i64,
        at: At,
        accounts: &mut Accounts,
        found: &mut Findings,
    ) {
        let Some(settlement) = entry.hold else {
            if entry.kind == EntryKind::Settlement {
                found.violate(Invariant::Holds, "SETTLEMENT_WITHOUT_HOLD", &[at], || {
                    format!("an entry of account {} settles no hold", entry.account_id)
                });
            }
            return;
        };
        let (id, key) = (settlement.hold_id, (entry.account_id, settlement.hold_id));
        let Some(hold) = self.open_hold(key, at, found) else {
            return;
        };
        let (settled, released) = (i128::from(settlement.settled), i128::from(settlement.released));
        let (open, rest) = (hold.open, hold.open - settled - released);
        if settled <= 0 || released < 0 || rest < 0 {
            found.violate(Invariant::Holds, "HOLD_OVERSETTLED", &[hold.placed, at], || {
                format!("hold {id} has {open} open, settles {settled} and releases {released}")
            });
        } else if rest != i128::from(settlement.open) {
            found.violate(Invariant::Holds, "HOLD_SETTLED_WRONG", &[hold.placed, at], || {
                format!(
                    "hold {id} keeps {rest} open, the entry states {}",
                    settlement.open
                )
            });
        }
        let booked = match hold.direction {
            Direction::Out => -entries::movement(entry),
            Direction::In => entries::movement(entry),
        };
        if booked != settled {
            found.violate(Invariant::Holds, "HOLD_SETTLED_WRONG", &[hold.placed, at], || {
                format!("hold {id} settles {settled}, the entry books {booked}")
            });
        }
        hold.settled += settled;
        hold.released += released;
        hold.open = rest;
        hold.ended = rest <= 0;
        let ended = hold.ended;
        accounts.move_pending(key.0, hold.direction, rest - open);
        if ended {
            self.open -= 1;
            self.end(key, time, at.partition);
        }
    }

    fn open_hold(&mut self, key: Key, at: At, found: &mut Findings) -> Option<&mut Hold> {
        found.check(Invariant::Holds);
        match self.holds.get_mut(&key) {
            Some(hold) if !hold.ended => Some(hold),
            Some(hold) => {
                found.violate(Invariant::Holds, "HOLD_NOT_OPEN", &[hold.placed, at], || {
                    format!("hold {} has ended before", key.1)
                });
                None
            }
            None => {
                found.violate(Invariant::Holds, "HOLD_UNKNOWN", &[at], || {
                    format!("hold {} of account {} was never placed", key.1, key.0)
                });
                None
            }
        }
    }

    fn leave_tombstone(&mut self, key: Key, time: i64, at: At) {
        self.holds.insert(
            key,
            Hold {
                direction: Direction::Out,
                reserved: 0,
                adjusted: 0,
                open: 0,
                settled: 0,
                released: 0,
                expires_at: None,
                ended: true,
                placed: at,
            },
        );
        self.end(key, time, at.partition);
    }

    fn end(&mut self, key: Key, time: i64, partition: i32) {
        self.ended.has_ended(partition, time, key);
    }

    fn forget(&mut self, partition: i32, time: i64) {
        while let Some(key) = self.ended.forget(partition, time) {
            self.holds.remove(&key);
        }
    }

    /// A timer's record was put aside: nothing may have waited for it.
    pub(super) fn check_timer_ignored(&self, timer: &TimerId, at: At, found: &mut Findings) {
        let Some(key) = hold_of(timer) else { return };
        found.check(Invariant::Holds);
        if let Some(hold) = self.holds.get(&key)
            && !hold.ended
            && hold.expires_at == Some(timer.due)
        {
            found.violate(Invariant::Holds, "TIMER_SWALLOWED", &[hold.placed, at], || {
                format!(
                    "hold {} is open and due at {}, and its timer was ignored",
                    key.1, timer.due
                )
            });
        }
    }

    /// The sums of every hold, and of each account's holds. With `expired_before`, a hold that was due by then and is
    /// still open has lost its timer.
    pub(super) fn finish(&self, expired_before: Option<i64>, accounts: &Accounts, found: &mut Findings) {
        let mut pending: HashMap<AccountId, (i128, i128)> = HashMap::new();
        for ((account, id), hold) in &self.holds {
            found.check(Invariant::Holds);
            if hold.reserved + hold.adjusted != hold.open + hold.settled + hold.released || hold.open < 0 {
                found.violate(Invariant::Holds, "HOLD_UNBALANCED", &[hold.placed], || {
                    format!("hold {id} doesn't add up: {hold:?}")
                });
            }
            let late = |due: i64| expired_before.is_some_and(|before| due < before);
            if !hold.ended && hold.expires_at.is_some_and(late) {
                found.violate(Invariant::Holds, "HOLD_OUTLIVED_EXPIRY", &[hold.placed], || {
                    format!(
                        "hold {id} of account {account} is open, due {:?}",
                        hold.expires_at
                    )
                });
            }
            let sums = pending.entry(*account).or_default();
            match hold.direction {
                Direction::Out => sums.0 += hold.open,
                Direction::In => sums.1 += hold.open,
            }
        }
        for (id, account) in accounts.iter() {
            let (out, into) = pending.get(&id).copied().unwrap_or_default();
            if (account.pending_out, account.pending_in) != (out, into) {
                found.violate(Invariant::Holds, "HOLDS_UNBALANCED", &[], || {
                    format!("account {id}: its open holds are {out} out and {into} in")
                });
            }
        }
    }
}

/// The hold that a timer named `hold/<hold id>` is for.
fn hold_of(timer: &TimerId) -> Option<Key> {
    let hold = timer.name.strip_prefix("hold/")?.parse().ok()?;
    Some((timer.aggregate.parse().ok()?, hold))
}
