//! Invariants 3 and 8 of an account: its numbers follow one another, its balance adds up, its life is a possible one,
//! and nothing discretionary takes what is available below zero.

use hashbrown::HashMap;
use tributary_contracts::accounts::{
    AccountOpened, AccountsEvent, BlockScope, Direction, EntryKind, EntryPosted,
};
use tributary_ids::AccountId;
use tributary_money::Currency;

use crate::violation::{At, Findings, Invariant};

/// An account as its events tell it.
#[derive(Clone, Debug)]
pub struct Account {
    pub partition: i32,
    pub currency: Currency,
    /// Number of its last event.
    pub seq: u64,
    /// Posted balance in minor units, credits positive: opening zero and all movements since.
    pub posted: i128,
    /// Minor units.
    pub overdraft_limit: i64,
    /// Minor units that open holds keep from being spent.
    pub pending_out: i128,
    /// Minor units that open holds announce.
    pub pending_in: i128,
    pub block: Option<BlockScope>,
    pub closed: bool,
}

impl Account {
    /// What discretionary debits may still take, in minor units.
    pub fn available(&self) -> i128 {
        self.posted + i128::from(self.overdraft_limit) - self.pending_out
    }

    fn blocks(&self, movement: i128) -> bool {
        match self.block {
            None => false,
            Some(BlockScope::Debits) => movement < 0,
            Some(BlockScope::All) => true,
        }
    }
}

/// All accounts of all partitions. Grows with the number of accounts.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    accounts: HashMap<AccountId, Account>,
}

impl Accounts {
    pub(super) fn get(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    pub(super) fn count(&self) -> u64 {
        self.accounts.len() as u64
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        self.accounts.iter().map(|(id, account)| (*id, account))
    }

    /// Gives the event its place in its account's history. `false`: the account isn't known here, and there is
    /// nothing to fold the event into.
    pub(super) fn take_seq(&mut self, event: &AccountsEvent, at: At, found: &mut Findings) -> bool {
        let Some((id, seq)) = event.seq() else { return true };
        found.check(Invariant::Sequence);
        if let AccountsEvent::AccountOpened(opened) = event {
            self.open(opened, at, found);
            return true;
        }
        let Some(account) = self.accounts.get_mut(&id) else {
            found.violate(Invariant::Sequence, "ACCOUNT_NEVER_OPENED", &[at], || {
                format!("account {id} has event {seq} but none that opens it")
            });
            return false;
        };
        if account.partition != at.partition {
            let home = account.partition;
            found.violate(Invariant::Sequence, "ACCOUNT_IN_TWO_PARTITIONS", &[at], || {
                format!("account {id} lives in partition {home}")
            });
        }
        let expected = account.seq + 1;
        if seq != expected {
            let code = if seq > expected { "SEQ_GAP" } else { "SEQ_REPEATED" };
            found.violate(Invariant::Sequence, code, &[at], || {
                format!("account {id}: event {seq} where {expected} follows")
            });
        }
        account.seq = seq;
        if account.closed && !may_follow_closing(event) {
            found.violate(Invariant::Sequence, "CLOSED_ACCOUNT_TOUCHED", &[at], || {
                format!("account {id}: event {seq} after its closing")
            });
        }
        true
    }

    fn open(&mut self, opened: &AccountOpened, at: At, found: &mut Findings) {
        let id = opened.account_id;
        if opened.seq != 1 {
            found.violate(Invariant::Sequence, "SEQ_GAP", &[at], || {
                format!("account {id} opens with event {} rather than 1", opened.seq)
            });
        }
        if self.accounts.contains_key(&id) {
            found.violate(Invariant::Sequence, "ACCOUNT_OPENED_TWICE", &[at], || {
                format!("account {id} is open already")
            });
            return;
        }
        self.accounts.insert(
            id,
            Account {
                partition: at.partition,
                currency: opened.currency,
                seq: opened.seq,
                posted: 0,
                overdraft_limit: opened.overdraft_limit,
                pending_out: 0,
                pending_in: 0,
                block: None,
                closed: false,
            },
        );
    }

    /// Folds what is neither an entry nor a hold.
    pub(super) fn live(&mut self, event: &AccountsEvent, at: At, found: &mut Findings) {
        let Some((id, _)) = event.seq() else { return };
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        match event {
            AccountsEvent::AccountClosed(_) => {
                if account.posted != 0 || account.pending_out != 0 || account.pending_in != 0 {
                    let (posted, out, into) = (account.posted, account.pending_out, account.pending_in);
                    found.violate(Invariant::Sequence, "CLOSED_WITH_MONEY", &[at], || {
                        format!(
                            "account {id} closed with balance {posted}, pending out {out}, pending in {into}"
                        )
                    });
                }
                account.closed = true;
            }
            AccountsEvent::AccountBlocked(blocked) => account.block = Some(blocked.scope),
            AccountsEvent::AccountUnblocked(_) => account.block = None,
            AccountsEvent::OverdraftLimitSet(set) => account.overdraft_limit = set.limit,
            _ => {}
        }
    }

    /// Moves what holds keep or announce, by minor units.
    pub(super) fn move_pending(&mut self, id: AccountId, direction: Direction, by: i128) {
        if let Some(account) = self.accounts.get_mut(&id) {
            match direction {
                Direction::Out => account.pending_out += by,
                Direction::In => account.pending_in += by,
            }
        }
    }

    /// A hold was placed or raised: the money must have been there, and no block in the way.
    pub(super) fn check_reserved(&self, id: AccountId, direction: Direction, at: At, found: &mut Findings) {
        let Some(account) = self.accounts.get(&id) else {
            return;
        };
        found.check(Invariant::Available);
        let movement = if direction == Direction::Out { -1 } else { 1 };
        if account.blocks(movement) {
            found.violate(Invariant::Available, "RESERVED_ON_BLOCKED", &[at], || {
                format!("account {id} is blocked")
            });
        }
        if direction == Direction::Out && account.available() < 0 {
            let available = account.available();
            found.violate(Invariant::Available, "RESERVED_BELOW_ZERO", &[at], || {
                format!("account {id}: a hold leaves {available} available")
            });
        }
    }

    /// Folds an entry's movement. The hold behind it was folded before: what it gave up is available again.
    pub(super) fn post(&mut self, entry: &EntryPosted, at: At, found: &mut Findings) {
        let id = entry.account_id;
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        let movement = super::entries::movement(entry);
        account.posted += movement;
        let posted = account.posted;
        if posted != i128::from(entry.balance_after) {
            let stated = entry.balance_after;
            found.violate(Invariant::Sequence, "BALANCE_WRONG", &[at], || {
                format!(
                    "account {id}: event {} states {stated}, its movements sum to {posted}",
                    entry.seq
                )
            });
            // The stated balance is what later events build on: else one fault would be told for all of them.
            account.posted = i128::from(entry.balance_after);
        }
        if account.currency != entry.currency {
            let currency = account.currency;
            found.violate(Invariant::Balanced, "CURRENCY_MIXED", &[at], || {
                format!(
                    "account {id} is kept in {currency}, the entry in {}",
                    entry.currency
                )
            });
        }
        check_force(account, entry, movement, at, found);
    }
}

/// That the mark of force stands where it must, and only there.
fn check_force(account: &Account, entry: &EntryPosted, movement: i128, at: At, found: &mut Findings) {
    found.check(Invariant::Available);
    let id = entry.account_id;
    let available = account.available();
    let short = movement < 0 && available < 0;
    let blocked = account.blocks(movement);
    match (entry.forced, short, blocked) {
        (false, true, _) => found.violate(Invariant::Available, "DISCRETIONARY_BELOW_ZERO", &[at], || {
            format!("account {id}: a debit that isn't marked as forced leaves {available} available")
        }),
        (false, false, true) => found.violate(Invariant::Available, "BOOKED_ON_BLOCKED", &[at], || {
            format!("account {id} is blocked and the entry isn't marked as forced")
        }),
        (true, false, false) => found.violate(Invariant::Available, "FORCED_WITHOUT_NEED", &[at], || {
            format!("account {id}: marked as forced, though {available} is available and no block stands")
        }),
        _ => {}
    }
    let may_be_forced = match entry.kind {
        EntryKind::TransferIn => false,
        // The hold had promised the money; without one a transfer is discretionary.
        EntryKind::TransferOut => entry.hold.is_some() && !blocked,
        _ => true,
    };
    if entry.forced && !may_be_forced {
        found.violate(Invariant::Available, "FORCED_THOUGH_DISCRETIONARY", &[at], || {
            format!("account {id}: an entry of kind {:?} can't be forced", entry.kind)
        });
    }
}

/// A return goes to suspense past a closed account, and a release finds no obstacle.
fn may_follow_closing(event: &AccountsEvent) -> bool {
    match event {
        AccountsEvent::EntryPosted(entry) => {
            entry.kind == EntryKind::TransferReturn && super::entries::movement(entry) == 0
        }
        AccountsEvent::HoldReleased(released) => released.amount == 0,
        _ => false,
    }
}
