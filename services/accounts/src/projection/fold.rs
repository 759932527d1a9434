use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use tributary_contracts::accounts::{
    AccountOpened, AccountsEvent, Direction, EntryPosted, GlAccount, HoldAdjusted, HoldPlaced, HoldReleased,
    HoldSettlement, LedgerAccount,
};
use tributary_ids::{AccountId, HoldId};
use tributary_money::Currency;
use tributary_projection::{CopyRows, LoggedEvent, Payload, storable};

use super::{
    copy,
    rows::{AccountRow, HoldRow, HoldState, Opening},
};

/// What a batch does to the tables.
#[derive(Default)]
pub(super) struct Fold {
    /// Every account that the batch touches.
    pub(super) accounts: HashMap<AccountId, AccountRow>,
    /// Every hold that the batch touches.
    pub(super) holds: HashMap<(AccountId, HoldId), HoldRow>,
    pub(super) gl: BTreeMap<GlKey, GlChange>,
    pub(super) entries: CopyRows,
    pub(super) refusals: CopyRows,
}

/// Account, partition and currency: one row of `gl_parts`.
pub(super) type GlKey = (GlAccount, i32, Currency);

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GlChange {
    pub(super) movement: i128,
    pub(super) last_offset: i64,
}

/// An event contradicts the rows, or itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("it is of an account that was never opened")]
    AccountUnknown,
    #[error("it opens an account that exists")]
    AccountExists,
    #[error("its seq is {found} where {expected} comes next")]
    SequenceGap { expected: i64, found: u64 },
    #[error("its legs sum to {0}")]
    Unbalanced(i128),
    #[error("it has a leg of another customer")]
    ForeignLeg,
    #[error("its currency is not the account's")]
    CurrencyDiffers,
    #[error("balance_after is {found} where the legs give {expected}")]
    BalanceDiffers { expected: i128, found: i64 },
    #[error("the hold it changes is unknown, has ended, or has other amounts")]
    HoldDiffers,
}

impl Fault {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::AccountUnknown => "EVENT_ACCOUNT_UNKNOWN",
            Self::AccountExists => "EVENT_ACCOUNT_EXISTS",
            Self::SequenceGap { .. } => "EVENT_SEQUENCE_GAP",
            Self::Unbalanced(_) => "EVENT_UNBALANCED",
            Self::ForeignLeg => "EVENT_FOREIGN_LEG",
            Self::CurrencyDiffers => "EVENT_CURRENCY_DIFFERS",
            Self::BalanceDiffers { .. } => "EVENT_BALANCE_DIFFERS",
            Self::HoldDiffers => "EVENT_HOLD_DIFFERS",
        }
    }
}

impl Fold {
    pub(super) fn event(&mut self, event: &LoggedEvent<AccountsEvent>) -> Result<(), Fault> {
        copy::refusal(&mut self.refusals, event);
        let Payload::Service(data) = &event.envelope.data else {
            return Ok(());
        };
        if let AccountsEvent::AccountOpened(opened) = data {
            return self.opened(event, opened);
        }
        let Some((account_id, seq)) = data.seq() else {
            return Ok(());
        };
        let account = self.accounts.get_mut(&account_id).ok_or(Fault::AccountUnknown)?;
        let expected = account.seq + 1;
        if u64::try_from(expected) != Ok(seq) {
            return Err(Fault::SequenceGap { expected, found: seq });
        }
        account.seq = expected;
        account.last_offset = event.offset;
        match data {
            AccountsEvent::AccountClosed(closed) => account.closed_on = Some(closed.booking_date),
            AccountsEvent::AccountBlocked(blocked) => account.block = Some(blocked.scope),
            AccountsEvent::AccountUnblocked(_) => account.block = None,
            AccountsEvent::OverdraftLimitSet(set) => account.overdraft_limit = set.limit,
            AccountsEvent::HoldPlaced(placed) => return self.placed(event, placed),
            AccountsEvent::HoldAdjusted(adjusted) => return self.adjusted(event, adjusted),
            AccountsEvent::HoldReleased(released) => return self.released(event, released),
            AccountsEvent::EntryPosted(entry) => return self.posted(event, entry),
            AccountsEvent::AccountOpened(_)
            | AccountsEvent::NothingToDo(_)
            | AccountsEvent::TransferRefused(_)
            | AccountsEvent::DayClosed(_) => {}
        }
        Ok(())
    }

    fn opened(&mut self, event: &LoggedEvent<AccountsEvent>, opened: &AccountOpened) -> Result<(), Fault> {
        if opened.seq != 1 {
            let (expected, found) = (1, opened.seq);
            return Err(Fault::SequenceGap { expected, found });
        }
        let row = AccountRow {
            opening: Some(Opening {
                owner: opened.owner,
                product: storable(&opened.product),
                opened_on: opened.booking_date,
            }),
            currency: opened.currency,
            block: None,
            overdraft_limit: opened.overdraft_limit,
            closed_on: None,
            posted: 0,
            pending_out: 0,
            pending_in: 0,
            seq: 1,
            partition: event.partition,
            first_offset: event.offset,
            last_offset: event.offset,
        };
        match self.accounts.insert(opened.account_id, row) {
            None => Ok(()),
            Some(_) => Err(Fault::AccountExists),
        }
    }

    fn posted(&mut self, event: &LoggedEvent<AccountsEvent>, entry: &EntryPosted) -> Result<(), Fault> {
        if entry.imbalance() != 0 {
            return Err(Fault::Unbalanced(entry.imbalance()));
        }
        let mut movement = 0_i128;
        for leg in &entry.legs {
            match leg.account {
                LedgerAccount::Customer(account) if account == entry.account_id => {
                    movement += i128::from(leg.signed());
                }
                LedgerAccount::Customer(_) => return Err(Fault::ForeignLeg),
                LedgerAccount::Gl(account) => {
                    let key = (account, event.partition, entry.currency);
                    let change = self.gl.entry(key).or_default();
                    change.movement += i128::from(leg.signed());
                    change.last_offset = event.offset;
                }
            }
        }
        if let Some(settlement) = &entry.hold {
            self.settled(event, entry.account_id, settlement)?;
        }
        let account = self
            .accounts
            .get_mut(&entry.account_id)
            .ok_or(Fault::AccountUnknown)?;
        if account.currency != entry.currency {
            return Err(Fault::CurrencyDiffers);
        }
        let expected = i128::from(account.posted) + movement;
        let found = entry.balance_after;
        if expected != i128::from(found) {
            return Err(Fault::BalanceDiffers { expected, found });
        }
        // The difference of two 64-bit balances fits unless the leg itself would not have.
        let movement = i64::try_from(movement).map_err(|_| Fault::BalanceDiffers { expected, found })?;
        account.posted = found;
        copy::entry(&mut self.entries, event, entry, movement);
        Ok(())
    }

    fn placed(&mut self, event: &LoggedEvent<AccountsEvent>, placed: &HoldPlaced) -> Result<(), Fault> {
        let row = HoldRow {
            expires_ms: placed.expires_at,
            ..hold_row(event, placed.direction, placed.amount)
        };
        self.begin_hold((placed.account_id, placed.hold_id), row)?;
        self.change_pending(placed.account_id, placed.direction, i128::from(placed.amount))
    }

    fn adjusted(&mut self, event: &LoggedEvent<AccountsEvent>, adjusted: &HoldAdjusted) -> Result<(), Fault> {
        let hold = self.open_hold(event, (adjusted.account_id, adjusted.hold_id))?;
        if hold.open != adjusted.from {
            return Err(Fault::HoldDiffers);
        }
        let change = i128::from(adjusted.to) - i128::from(adjusted.from);
        hold.open = adjusted.to;
        hold.adjusted += change;
        let direction = hold.direction;
        self.change_pending(adjusted.account_id, direction, change)
    }

    fn released(&mut self, event: &LoggedEvent<AccountsEvent>, released: &HoldReleased) -> Result<(), Fault> {
        let key = (released.account_id, released.hold_id);
        if released.amount == 0 {
            let tombstone = HoldRow {
                state: HoldState::Released,
                ..hold_row(event, Direction::Out, 0)
            };
            return self.begin_hold(key, tombstone);
        }
        let hold = self.open_hold(event, key)?;
        if hold.open != released.amount {
            return Err(Fault::HoldDiffers);
        }
        hold.open = 0;
        hold.released += i128::from(released.amount);
        hold.state = match released.expired {
            true => HoldState::Expired,
            false => HoldState::Released,
        };
        let direction = hold.direction;
        self.change_pending(released.account_id, direction, -i128::from(released.amount))
    }

    fn settled(
        &mut self,
        event: &LoggedEvent<AccountsEvent>,
        account_id: AccountId,
        settlement: &HoldSettlement,
    ) -> Result<(), Fault> {
        let hold = self.open_hold(event, (account_id, settlement.hold_id))?;
        let used = i128::from(settlement.settled) + i128::from(settlement.released);
        if i128::from(hold.open) != used + i128::from(settlement.open) {
            return Err(Fault::HoldDiffers);
        }
        hold.open = settlement.open;
        hold.settled += i128::from(settlement.settled);
        hold.released += i128::from(settlement.released);
        if hold.open == 0 {
            hold.state = HoldState::Settled;
        }
        let direction = hold.direction;
        self.change_pending(account_id, direction, -used)
    }

    /// The ledger remembers an ended hold's id for a while only: later it may be used again.
    fn begin_hold(&mut self, key: (AccountId, HoldId), row: HoldRow) -> Result<(), Fault> {
        match self.holds.entry(key) {
            Entry::Vacant(place) => {
                place.insert(row);
            }
            Entry::Occupied(before) if before.get().state == HoldState::Open => {
                return Err(Fault::HoldDiffers);
            }
            Entry::Occupied(mut before) => {
                let is_stored = before.get().is_stored;
                before.insert(HoldRow { is_stored, ..row });
            }
        }
        Ok(())
    }

    fn open_hold(
        &mut self,
        event: &LoggedEvent<AccountsEvent>,
        key: (AccountId, HoldId),
    ) -> Result<&mut HoldRow, Fault> {
        let hold = self.holds.get_mut(&key).ok_or(Fault::HoldDiffers)?;
        if hold.state != HoldState::Open {
            return Err(Fault::HoldDiffers);
        }
        hold.last_offset = event.offset;
        Ok(hold)
    }

    fn change_pending(
        &mut self,
        account_id: AccountId,
        direction: Direction,
        change: i128,
    ) -> Result<(), Fault> {
        let account = self.accounts.get_mut(&account_id).ok_or(Fault::AccountUnknown)?;
        let pending = account.pending(direction);
        let after = i64::try_from(i128::from(*pending) + change).map_err(|_| Fault::HoldDiffers)?;
        if after < 0 {
            return Err(Fault::HoldDiffers);
        }
        *pending = after;
        Ok(())
    }
}

fn hold_row(event: &LoggedEvent<AccountsEvent>, direction: Direction, amount: i64) -> HoldRow {
    HoldRow {
        is_stored: false,
        direction,
        state: HoldState::Open,
        reserved: amount,
        open: amount,
        adjusted: 0,
        settled: 0,
        released: 0,
        expires_ms: None,
        partition: event.partition,
        first_offset: event.offset,
        last_offset: event.offset,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_code_is_documented() {
        let page = include_str!("../../../../docs/read-models.md");
        let texts = include_str!("fold.rs").split('"');
        let codes: Vec<&str> = texts
            .filter(|text| text.len() > 11 && text.starts_with("EVENT_"))
            .collect();
        assert!(codes.len() >= 7, "{codes:?}");
        for code in codes {
            assert!(page.contains(&format!("`{code}`")), "{code}");
        }
    }
}
