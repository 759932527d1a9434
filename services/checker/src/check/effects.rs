//! Invariants 5 and 9, from both topics: the effect is the one that was asked for, and "nothing to do" is true.
//!
//! Written from what the commands mean, not from how the ledger decides: an entry on another account, of another
//! amount or against another contra account than the command names is wrong, however well it balances.

use smallvec::SmallVec;
use tributary_contracts::{
    accounts::{
        AccountsCommand as C, AccountsEvent as E, EntryKind, EntryPosted, GlAccount, LedgerAccount,
        NothingToDo,
    },
    envelope::BusinessDate,
    runtime::{RuntimeEvent, TimerId},
};
use tributary_ids::AccountId;
use tributary_money::{Currency, Money};

use super::{
    LedgerEvent, Past,
    entries::{movement, signed},
};
use crate::{
    flow::{self, Ledger, What},
    violation::{Findings, Invariant},
};

type Asked = flow::Asked<Ledger>;
type Answer = flow::Answer<Ledger>;

/// Compares an input record with its answer. `past` tells whether what a "nothing to do" refers to is known.
pub(super) fn compare(asked: &Asked, answer: &Answer, past: &Past<'_>, found: &mut Findings) {
    if !flow::is_answered_as_itself(asked, answer, found) {
        return;
    }
    match &asked.what {
        What::Command(command) => compare_command(command, asked, answer, past, found),
        What::Timer(timer) => compare_timer(timer, asked, answer, found),
        What::Answer | What::Unreadable => flow::has_no_effect(asked, answer, found),
    }
}

fn compare_command(command: &C, asked: &Asked, answer: &Answer, past: &Past<'_>, found: &mut Findings) {
    let both = [asked.at, answer.at];
    let id = answer.command_id;
    let accounts: SmallVec<[&E; 2]> = answer.events.iter().filter_map(accounts_event).collect();
    match accounts.as_slice() {
        [] => {
            if matches!(
                answer.events.first(),
                Some(LedgerEvent::Runtime(
                    RuntimeEvent::TimerIgnored(_) | RuntimeEvent::TimerRearmed(_)
                ))
            ) {
                found.violate(Invariant::OneEffect, "EFFECT_NOT_AS_ASKED", &both, || {
                    format!("command {id} is answered as a timer")
                });
            }
        }
        [E::NothingToDo(NothingToDo { code })] => {
            if !past.did_before(command, code) {
                found.violate(Invariant::OneEffect, "EFFECT_MISSING", &both, || {
                    format!("command {id}: {code}, but nothing before it did what it asks")
                });
            }
        }
        events => {
            if let Err(difference) = fits(command, events, answer.open_day) {
                found.violate(Invariant::OneEffect, "EFFECT_NOT_AS_ASKED", &both, || {
                    format!("command {id}: {difference} differs from what was asked")
                });
            }
        }
    }
}

fn accounts_event(event: &LedgerEvent) -> Option<&E> {
    match event {
        LedgerEvent::Service(event) => Some(event),
        LedgerEvent::Runtime(_) => None,
    }
}

fn compare_timer(timer: &TimerId, asked: &Asked, answer: &Answer, found: &mut Findings) {
    let both = [asked.at, answer.at];
    let swallowed = match answer.events.first() {
        Some(LedgerEvent::Service(E::HoldReleased(released))) => {
            let same = released.account_id.to_string() == timer.aggregate
                && timer.name.ends_with(&released.hold_id.to_string());
            !(released.expired && same && answer.events.len() == 1)
        }
        Some(LedgerEvent::Runtime(RuntimeEvent::TimerRearmed(rearmed))) => {
            rearmed.timer != *timer || timer.due <= answer.time
        }
        Some(LedgerEvent::Runtime(RuntimeEvent::TimerIgnored(ignored))) => ignored.timer != *timer,
        Some(LedgerEvent::Runtime(RuntimeEvent::DeadLettered(_))) => false,
        _ => true,
    };
    if swallowed {
        found.violate(Invariant::Holds, "TIMER_NOT_HONOURED", &both, || {
            format!(
                "timer {} of {}, due {}, is answered by something else",
                timer.name, timer.aggregate, timer.due
            )
        });
    }
}

type Fit = Result<(), &'static str>;

fn same<T: PartialEq>(asked: T, done: T, what: &'static str) -> Fit {
    match asked == done {
        true => Ok(()),
        false => Err(what),
    }
}

/// Minor units of a command's amount. What can't be read can't have had an effect.
fn minor(text: &str, currency: Currency) -> Result<i64, &'static str> {
    Money::parse(text, currency)
        .map(|money| money.minor)
        .map_err(|_| "amount")
}

/// That these events are what the command asks for.
fn fits(command: &C, events: &[&E], open_day: Option<BusinessDate>) -> Fit {
    let dated = |date: BusinessDate| open_day.map_or(date, |open| date.max(open));
    match (command, events) {
        (C::OpenAccount(c), [E::AccountOpened(e), opening @ ..]) => {
            same(c.account_id, e.account_id, "account")?;
            same((c.owner, &c.product), (e.owner, &e.product), "owner or product")?;
            same(c.currency, e.currency, "currency")?;
            same(
                minor(&c.overdraft_limit, c.currency)?,
                e.overdraft_limit,
                "overdraft limit",
            )?;
            same(dated(c.booking_date), e.booking_date, "booking date")?;
            match (minor(&c.opening_balance, c.currency)?, opening) {
                (0, []) => Ok(()),
                (balance, [E::EntryPosted(entry)]) if balance != 0 => {
                    let moved = Moved::of(c.account_id, EntryKind::OpeningBalance, balance);
                    moved.against(GlAccount::OPENING_BALANCES).fits(entry, c.currency)
                }
                _ => Err("opening balance"),
            }
        }
        (C::CloseAccount(c), [E::AccountClosed(e)]) => {
            same(c.account_id, e.account_id, "account")?;
            same(dated(c.booking_date), e.booking_date, "booking date")
        }
        (C::BlockAccount(c), [E::AccountBlocked(e)]) => same(
            (c.account_id, c.scope, &c.reason),
            (e.account_id, e.scope, &e.reason),
            "block",
        ),
        (C::UnblockAccount(c), [E::AccountUnblocked(e)]) => same(c.account_id, e.account_id, "account"),
        (C::SetOverdraftLimit(c), [E::OverdraftLimitSet(e)]) => same(
            (c.account_id, minor(&c.limit, c.currency)?),
            (e.account_id, e.limit),
            "limit",
        ),
        (C::CloseDay(c), [E::DayClosed(e)]) => same((c.partition, c.date), (e.partition, e.date), "day"),
        (C::Reserve(_) | C::AdjustHold(_) | C::Release(_), [event]) => hold_fits(command, event),
        (C::TransferIn(c), [E::TransferRefused(e)]) => {
            same(
                (c.account_id, c.payment_id),
                (e.account_id, e.payment_id),
                "payment",
            )?;
            same(
                (c.debtor, c.currency),
                (e.debtor, e.currency),
                "debtor or currency",
            )?;
            same(minor(&c.amount, c.currency)?, e.amount, "amount")
        }
        (_, [E::EntryPosted(entry)]) => {
            let booking = entry_fits(command, entry)?;
            same(dated(booking.0), entry.booking_date, "booking date")?;
            match booking.1 {
                Some(value) => same(value, entry.value_date, "value date"),
                None => Ok(()),
            }
        }
        _ => Err("kind of event"),
    }
}

fn hold_fits(command: &C, event: &E) -> Fit {
    match (command, event) {
        (C::Reserve(c), E::HoldPlaced(e)) => {
            same((c.account_id, c.hold_id), (e.account_id, e.hold_id), "hold")?;
            same(
                (c.direction, c.expires_at),
                (e.direction, e.expires_at),
                "direction or expiry",
            )?;
            same(minor(&c.amount, c.currency)?, e.amount, "amount")
        }
        (C::AdjustHold(c), E::HoldAdjusted(e)) => {
            same((c.account_id, c.hold_id), (e.account_id, e.hold_id), "hold")?;
            same(minor(&c.amount, c.currency)?, e.to, "amount")
        }
        (C::Release(c), E::HoldReleased(e)) => {
            same((c.account_id, c.hold_id), (e.account_id, e.hold_id), "hold")?;
            same(false, e.expired, "expiry")
        }
        _ => Err("kind of event"),
    }
}

/// Booking date as asked, and the value date, where the command determines it.
type Dates = (BusinessDate, Option<BusinessDate>);

/// That an entry is what the command asks for, dates apart.
fn entry_fits(command: &C, entry: &EntryPosted) -> Result<Dates, &'static str> {
    match command {
        C::Credit(_) | C::Debit(_) | C::Settle(_) => posting_fits(command, entry),
        C::TransferOut(_) | C::TransferIn(_) | C::ReturnTransfer(_) => transfer_fits(command, entry),
        C::Reverse(c) => {
            same(c.account_id, entry.account_id, "account")?;
            same(EntryKind::Reversal, entry.kind, "kind of entry")?;
            same(Some(&c.entry_id), entry.reverses.as_ref(), "entry")?;
            same(&c.import, &entry.import, "import")?;
            // Its value date is the original's.
            Ok((c.booking_date, None))
        }
        _ => Err("kind of event"),
    }
}

/// Without a value date of its own an entry bears interest from the day it was asked to be booked on.
fn dates(booking: BusinessDate, value: Option<BusinessDate>) -> Result<Dates, &'static str> {
    Ok((booking, Some(value.unwrap_or(booking))))
}

/// An entry against a general ledger account that the command names.
fn posting_fits(command: &C, entry: &EntryPosted) -> Result<Dates, &'static str> {
    let origin = (entry.import.as_ref(), &entry.details);
    match command {
        C::Credit(c) => {
            let amount = minor(&c.amount, c.currency)?;
            let moved = Moved::of(c.account_id, EntryKind::Credit, amount).against(c.contra);
            let rounding = minor(c.rounding.as_deref().unwrap_or("0"), c.currency)?;
            moved.rounded(rounding).fits(entry, c.currency)?;
            same((c.import.as_ref(), &c.details), origin, "import or details")?;
            dates(c.booking_date, c.value_date)
        }
        C::Debit(c) => {
            let amount = minor(&c.amount, c.currency)?;
            let moved = Moved::of(c.account_id, EntryKind::Debit, -amount).against(c.contra);
            let rounding = minor(c.rounding.as_deref().unwrap_or("0"), c.currency)?;
            moved.rounded(rounding).fits(entry, c.currency)?;
            same((c.import.as_ref(), &c.details), origin, "import or details")?;
            if entry.forced && !c.forced {
                return Err("force");
            }
            dates(c.booking_date, c.value_date)
        }
        C::Settle(c) => {
            let amount = minor(&c.amount, c.currency)?;
            // Which way is the hold's to say, and checked with the holds.
            let direction = movement(entry).signum() as i64;
            let moved = Moved::of(c.account_id, EntryKind::Settlement, direction * amount).against(c.contra);
            moved.fits(entry, c.currency)?;
            let settled = entry.hold.map(|hold| (hold.hold_id, hold.settled));
            same(Some((c.hold_id, amount)), settled, "hold")?;
            if c.last && entry.hold.is_some_and(|hold| hold.open != 0) {
                return Err("last settlement");
            }
            same((c.import.as_ref(), &c.details), origin, "import or details")?;
            dates(c.booking_date, c.value_date)
        }
        _ => Err("kind of event"),
    }
}

/// A step of a transfer, against payments in transit.
fn transfer_fits(command: &C, entry: &EntryPosted) -> Result<Dates, &'static str> {
    let parties = (entry.payment_id, entry.counterparty);
    match command {
        C::TransferOut(c) => {
            let amount = minor(&c.amount, c.currency)?;
            transfer(c.account_id, EntryKind::TransferOut, -amount).fits(entry, c.currency)?;
            same(
                (Some(c.payment_id), Some(c.creditor)),
                parties,
                "payment or creditor",
            )?;
            same(c.hold_id, entry.hold.map(|hold| hold.hold_id), "hold")?;
            same(
                (&c.import, &c.details),
                (&entry.import, &entry.details),
                "import or details",
            )?;
            dates(c.booking_date, c.value_date)
        }
        C::TransferIn(c) => {
            let amount = minor(&c.amount, c.currency)?;
            transfer(c.account_id, EntryKind::TransferIn, amount).fits(entry, c.currency)?;
            same((Some(c.payment_id), Some(c.debtor)), parties, "payment or debtor")?;
            same(&c.details, &entry.details, "details")?;
            dates(c.booking_date, c.value_date)
        }
        C::ReturnTransfer(c) => {
            let amount = minor(&c.amount, c.currency)?;
            let returned = transfer(c.account_id, EntryKind::TransferReturn, amount);
            match movement(entry) {
                0 => returned.into_suspense().fits(entry, c.currency)?,
                _ => returned.fits(entry, c.currency)?,
            }
            same(
                (Some(c.payment_id), Some(c.creditor)),
                parties,
                "payment or creditor",
            )?;
            dates(c.booking_date, c.value_date)
        }
        _ => Err("kind of event"),
    }
}

/// What an entry must have moved, minor units with credits positive.
struct Moved {
    account: AccountId,
    kind: EntryKind,
    own: i128,
    contra: GlAccount,
    contra_moved: i128,
    rounding: i128,
}

fn transfer(account: AccountId, kind: EntryKind, amount: i64) -> Moved {
    Moved::of(account, kind, amount).against(GlAccount::IN_TRANSIT)
}

impl Moved {
    fn of(account: AccountId, kind: EntryKind, own: i64) -> Self {
        Self {
            account,
            kind,
            own: i128::from(own),
            contra: GlAccount::SUSPENSE,
            contra_moved: -i128::from(own),
            rounding: 0,
        }
    }

    fn against(self, contra: GlAccount) -> Self {
        Self { contra, ..self }
    }

    /// The account moves by that much more, against the rounding account.
    fn rounded(self, by: i64) -> Self {
        let by = i128::from(by);
        Self {
            own: self.own + by,
            rounding: -by,
            ..self
        }
    }

    /// The account is closed: its part went to suspense.
    fn into_suspense(self) -> Self {
        Self { own: 0, ..self }
    }

    fn fits(&self, entry: &EntryPosted, currency: Currency) -> Fit {
        same(self.account, entry.account_id, "account")?;
        same(self.kind, entry.kind, "kind of entry")?;
        same(currency, entry.currency, "currency")?;
        same(self.own, movement(entry), "amount")?;
        let on = |account: GlAccount| {
            let legs = entry
                .legs
                .iter()
                .filter(|leg| leg.account == LedgerAccount::Gl(account));
            legs.map(signed).sum::<i128>()
        };
        if self.contra == GlAccount::ROUNDING {
            return same(
                self.contra_moved + self.rounding,
                on(GlAccount::ROUNDING),
                "rounding",
            );
        }
        same(self.contra_moved, on(self.contra), "contra account")?;
        same(self.rounding, on(GlAccount::ROUNDING), "rounding")
    }
}
