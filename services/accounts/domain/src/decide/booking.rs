//! How an entry is drawn up, for all that books one.

use chrono::Datelike;
use tributary_contracts::{
    accounts::{Details, Direction, EntryKind, EntryPosted, GlAccount, HoldSettlement},
    envelope::BusinessDate,
};
use tributary_ids::{AccountId, HoldId};

use crate::{Account, Books, Hold, HoldState, Rejection, entry::legs};

/// Years of dates that can be meant: a date outside of them is a mistake.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=9999;

pub(super) fn check_date(date: BusinessDate) -> Result<(), Rejection> {
    match YEARS.contains(&date.year()) {
        true => Ok(()),
        false => Err(Rejection::DateOutOfRange),
    }
}

/// In which day's books an entry stands, and from when it bears interest.
#[derive(Clone, Copy)]
pub(super) struct Dates {
    pub(super) booking: BusinessDate,
    pub(super) value: BusinessDate,
}

impl Dates {
    /// What comes late books into the open day, and keeps the value date that it asked for.
    pub(super) fn of(
        books: &Books,
        booking: BusinessDate,
        value: Option<BusinessDate>,
    ) -> Result<Self, Rejection> {
        let value = value.unwrap_or(booking);
        check_date(booking)?;
        check_date(value)?;
        let open = books.calendar.get().open_day();
        Ok(Self {
            booking: open.map_or(booking, |open| booking.max(open)),
            value,
        })
    }
}

/// What an entry shall do, before it has its place in the account's history.
pub(super) struct Posting {
    pub(super) account_id: AccountId,
    pub(super) kind: EntryKind,
    /// Minor units that go to the customer from the contra account; negative: the other way.
    pub(super) amount: i64,
    /// Minor units that the customer's balance moves by besides, against the rounding account.
    pub(super) rounding: i64,
    pub(super) contra: GlAccount,
    pub(super) dates: Dates,
}

impl Posting {
    /// Minor units by which the customer's balance moves.
    pub(super) fn movement(&self) -> Result<i64, Rejection> {
        self.amount
            .checked_add(self.rounding)
            .ok_or(Rejection::AmountOverflow)
    }

    /// The entry, marked where it needed force: see [`EntryPosted::forced`].
    pub(super) fn entry(self, account: &Account) -> Result<EntryPosted, Rejection> {
        self.entry_with(account, None, Details::default())
    }

    pub(super) fn entry_with(
        self,
        account: &Account,
        hold: Option<Settlement>,
        details: Details,
    ) -> Result<EntryPosted, Rejection> {
        let movement = self.movement()?;
        let balance_after = account
            .posted
            .checked_add(movement)
            .ok_or(Rejection::AmountOverflow)?;
        let still_pending = account.pending_out - hold.as_ref().map_or(0, Settlement::given_up_out);
        let short = movement < 0 && account.available_at(balance_after, still_pending) < 0;
        let contra = self.amount.checked_neg().ok_or(Rejection::AmountOverflow)?;
        let legs = legs((self.account_id, movement), (self.contra, contra), -self.rounding)
            .ok_or(Rejection::AmountOverflow)?;
        Ok(EntryPosted {
            account_id: self.account_id,
            seq: account.next_seq(),
            kind: self.kind,
            currency: account.currency,
            legs,
            booking_date: self.dates.booking,
            value_date: self.dates.value,
            balance_after,
            forced: short || account.blocks(movement),
            payment_id: None,
            counterparty: None,
            hold: hold.map(|hold| hold.settlement),
            reverses: None,
            import: None,
            details,
        })
    }
}

/// That a discretionary debit without a hold may be booked: no block, and enough available.
pub(super) fn check_discretionary(account: &Account, movement: i64) -> Result<(), Rejection> {
    account.unblocked_for(movement)?;
    match movement < 0 && account.available() + i128::from(movement) < 0 {
        true => Err(Rejection::InsufficientFunds),
        false => Ok(()),
    }
}

/// How an entry uses up a hold.
pub(super) struct Settlement {
    direction: Direction,
    settlement: HoldSettlement,
}

impl Settlement {
    /// Settles `amount` of an open hold; with `last` gives back the rest.
    pub(super) fn of(hold_id: HoldId, hold: &Hold, amount: i64, last: bool) -> Result<Self, Rejection> {
        if hold.state != HoldState::Open {
            return Err(Rejection::HoldNotOpen);
        }
        if amount > hold.open {
            return Err(Rejection::HoldExceeded);
        }
        let rest = hold.open - amount;
        let settlement = HoldSettlement {
            hold_id,
            settled: amount,
            released: if last { rest } else { 0 },
            open: if last { 0 } else { rest },
        };
        Ok(Self {
            direction: hold.direction,
            settlement,
        })
    }

    /// Minor units that are no longer kept from being spent.
    fn given_up_out(&self) -> i64 {
        match self.direction {
            Direction::Out => self.settlement.settled + self.settlement.released,
            Direction::In => 0,
        }
    }
}
