//! Holds and their timers.

use tributary_contracts::{
    accounts::{
        AdjustHold, Details, Direction, EntryKind, GlAccount, HoldAdjusted, HoldPlaced, HoldReleased,
        HoldSettlement, Release, Reserve, Settle,
    },
    codec::Message,
    runtime::{RuntimeMessage, TimerDue, TimerId, TimerIgnored, TimerRearmed},
};
use tributary_ids::{AccountId, CommandId, HoldId};

use super::{Asked, Bank, Hold, Place, czk, text};

impl Bank {
    /// Reserves money, or refuses.
    pub(crate) fn reserve(
        &mut self,
        id: AccountId,
        amount: i64,
        expires_at: Option<i64>,
    ) -> Option<(HoldId, Place)> {
        let hold_id = HoldId::named(&format!("hold/{}", self.commands));
        let asked = self.ask(Reserve {
            account_id: id,
            hold_id,
            direction: Direction::Out,
            amount: text(amount),
            currency: czk(),
            expires_at,
        });
        if self.available(id) < amount || self.accounts[&id].blocked {
            self.refuse(&asked, "INSUFFICIENT_FUNDS");
            return None;
        }
        let seq = self.seq(id);
        self.accounts.get_mut(&id).unwrap().pending_out += amount;
        let hold = Hold {
            account: id,
            open: amount,
            expires_at,
        };
        self.holds.insert(hold_id, hold);
        let placed = HoldPlaced {
            account_id: id,
            seq,
            hold_id,
            direction: Direction::Out,
            amount,
            expires_at,
        };
        Some((hold_id, self.tell(&asked, placed)))
    }

    /// Lowers a hold.
    pub(crate) fn adjust(&mut self, hold_id: HoldId, to: i64) -> Place {
        let Hold {
            account: id, open, ..
        } = self.holds[&hold_id].clone();
        let asked = self.ask(AdjustHold {
            account_id: id,
            hold_id,
            amount: text(to),
            currency: czk(),
        });
        let seq = self.seq(id);
        self.accounts.get_mut(&id).unwrap().pending_out += to - open;
        self.holds.get_mut(&hold_id).unwrap().open = to;
        let adjusted = HoldAdjusted {
            account_id: id,
            seq,
            hold_id,
            from: open,
            to,
        };
        self.tell(&asked, adjusted)
    }

    pub(crate) fn settle(&mut self, hold_id: HoldId, amount: i64, last: bool) -> Place {
        let Hold {
            account: id, open, ..
        } = self.holds[&hold_id].clone();
        let asked = self.ask(Settle {
            account_id: id,
            hold_id,
            amount: text(amount),
            currency: czk(),
            contra: GlAccount::CASH,
            last,
            booking_date: self.today,
            value_date: None,
            import: None,
            details: Details::default(),
        });
        let released = if last { open - amount } else { 0 };
        let rest = open - amount - released;
        let account = self.accounts.get_mut(&id).unwrap();
        account.pending_out -= amount + released;
        if rest == 0 {
            self.holds.remove(&hold_id);
        } else {
            self.holds.get_mut(&hold_id).unwrap().open = rest;
        }
        let mut entry = self.entry(id, EntryKind::Settlement, -amount, GlAccount::CASH);
        entry.hold = Some(HoldSettlement {
            hold_id,
            settled: amount,
            released,
            open: rest,
        });
        self.tell(&asked, entry)
    }

    fn released(&mut self, hold_id: HoldId, expired: bool) -> HoldReleased {
        let Hold {
            account: id, open, ..
        } = self.holds.remove(&hold_id).unwrap();
        let seq = self.seq(id);
        self.accounts.get_mut(&id).unwrap().pending_out -= open;
        HoldReleased {
            account_id: id,
            seq,
            hold_id,
            amount: open,
            expired,
        }
    }

    pub(crate) fn release(&mut self, hold_id: HoldId) -> Place {
        let asked = self.ask(Release {
            account_id: self.holds[&hold_id].account,
            hold_id,
        });
        let released = self.released(hold_id, false);
        self.tell(&asked, released)
    }

    /// Lets a timer's record come for a hold.
    pub(crate) fn timer(&mut self, account: AccountId, hold_id: HoldId, due: i64) -> (Asked, TimerId) {
        let timer = TimerId {
            due,
            aggregate: account.to_string(),
            name: format!("hold/{hold_id}"),
        };
        let message = RuntimeMessage::from(TimerDue { timer: timer.clone() });
        let id = CommandId::named(&format!("timer/{hold_id}/{due}"));
        let key = account.to_string();
        (
            self.put(key.as_bytes(), message.ce_type(), id, None, message),
            timer,
        )
    }

    /// A timer's record comes: early, in time, or when nothing waits for it any more.
    pub(crate) fn timer_due(&mut self, account: AccountId, hold_id: HoldId, due: i64) -> Place {
        let (asked, timer) = self.timer(account, hold_id, due);
        if !self.holds.contains_key(&hold_id) {
            return self.tell_runtime(&asked, TimerIgnored { timer });
        }
        if self.now < due {
            return self.tell_runtime(&asked, TimerRearmed { timer });
        }
        let released = self.released(hold_id, true);
        self.tell(&asked, released)
    }
}
