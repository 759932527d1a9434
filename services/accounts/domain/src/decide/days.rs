//! Closing a business day.

use tributary_contracts::accounts::{CloseDay, DayClosed};

use super::{Context, Decision, booking::check_date};
use crate::{Books, Rejection};

/// Closing a day closes those before it: weekends need no closing of their own.
pub(super) fn close(books: &Books, command: &CloseDay, context: &Context) -> Result<Decision, Rejection> {
    if command.partition != context.partition {
        return Err(Rejection::WrongPartition);
    }
    check_date(command.date)?;
    // After the last day of the calendar there would be none left to book into.
    check_date(command.date.succ_opt().ok_or(Rejection::DateOutOfRange)?)?;
    match books.calendar.get().last_closed {
        Some(last) if command.date == last => return Err(Rejection::DayAlreadyClosed),
        Some(last) if command.date < last => return Err(Rejection::DayOutOfOrder),
        _ => {}
    }
    Ok(Decision::event(DayClosed {
        partition: command.partition,
        date: command.date,
    }))
}
