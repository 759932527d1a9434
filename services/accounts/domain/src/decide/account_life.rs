//! Opening, closing, blocking an account, and its overdraft limit.

use tributary_contracts::accounts::{
    AccountBlocked, AccountClosed, AccountOpened, AccountUnblocked, BlockAccount, CloseAccount, EntryKind,
    GlAccount, OpenAccount, OverdraftLimitSet, SetOverdraftLimit, UnblockAccount,
};

use super::{
    Decision,
    booking::{Dates, Posting},
};
use crate::{
    Account, Books, Rejection,
    account::{Name, Terms},
    amount, field,
};

pub(super) fn open(books: &Books, command: &OpenAccount) -> Result<Decision, Rejection> {
    let overdraft_limit = amount::limit(&command.overdraft_limit, command.currency)?;
    let opening_balance = amount::signed(&command.opening_balance, command.currency)?;
    field::name("product", &command.product)?;
    let dates = Dates::of(books, command.booking_date, None)?;
    let terms = Terms {
        owner: command.owner,
        product: Name::from(&command.product).map_err(|_| Rejection::FieldTooLong {
            field: "product",
            bytes_max: crate::account::NAME_BYTES_MAX,
        })?,
        currency: command.currency,
        overdraft_limit,
        opening_balance,
    };
    match books.terms(command.account_id) {
        Some(agreed) if *agreed == terms => return Ok(Decision::nothing_to_do("ACCOUNT_EXISTS")),
        Some(_) => return Err(Rejection::AccountConflict),
        None => {}
    }
    let decision = Decision::event(AccountOpened {
        account_id: command.account_id,
        seq: 1,
        owner: command.owner,
        product: command.product.clone(),
        currency: command.currency,
        overdraft_limit,
        booking_date: dates.booking,
    });
    if opening_balance == 0 {
        return Ok(decision);
    }
    let account = Account::opened(command.currency, overdraft_limit);
    let posting = Posting {
        account_id: command.account_id,
        kind: EntryKind::OpeningBalance,
        amount: opening_balance,
        rounding: 0,
        contra: GlAccount::OPENING_BALANCES,
        dates,
    };
    Ok(decision.and(posting.entry(&account)?))
}

/// A blocked account isn't closed: what blocks it is settled first.
pub(super) fn close(books: &Books, command: &CloseAccount) -> Result<Decision, Rejection> {
    let dates = Dates::of(books, command.booking_date, None)?;
    let account = books.known(command.account_id)?;
    account.not_closed()?;
    if account.block.is_some() {
        return Err(Rejection::AccountBlocked);
    }
    if account.posted != 0 {
        return Err(Rejection::BalanceNotZero);
    }
    if account.open_holds > 0 {
        return Err(Rejection::HoldsOpen);
    }
    Ok(Decision::event(AccountClosed {
        account_id: command.account_id,
        seq: account.next_seq(),
        booking_date: dates.booking,
    }))
}

/// Recorded also when the account is blocked as much already: the reason may be another.
pub(super) fn block(books: &Books, command: &BlockAccount) -> Result<Decision, Rejection> {
    field::code("reason", &command.reason)?;
    let account = books.known(command.account_id)?;
    account.not_closed()?;
    Ok(Decision::event(AccountBlocked {
        account_id: command.account_id,
        seq: account.next_seq(),
        scope: command.scope,
        reason: command.reason.clone(),
    }))
}

pub(super) fn unblock(books: &Books, command: &UnblockAccount) -> Result<Decision, Rejection> {
    let account = books.known(command.account_id)?;
    account.not_closed()?;
    if account.block.is_none() {
        return Ok(Decision::nothing_to_do("ACCOUNT_NOT_BLOCKED"));
    }
    Ok(Decision::event(AccountUnblocked {
        account_id: command.account_id,
        seq: account.next_seq(),
    }))
}

/// May be set below what is overdrawn already: then nothing discretionary leaves the account until it is covered.
pub(super) fn set_overdraft_limit(books: &Books, command: &SetOverdraftLimit) -> Result<Decision, Rejection> {
    let limit = amount::limit(&command.limit, command.currency)?;
    let account = books.known(command.account_id)?;
    account.ready(command.currency)?;
    if account.overdraft_limit == limit {
        return Ok(Decision::nothing_to_do("LIMIT_UNCHANGED"));
    }
    Ok(Decision::event(OverdraftLimitSet {
        account_id: command.account_id,
        seq: account.next_seq(),
        limit,
    }))
}
