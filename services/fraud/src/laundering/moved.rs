//! What the rules speak of, as it stands in messages, and back. Exact both ways.

use chrono::{DateTime, NaiveTime};
use smol_str::SmolStr;
use tributary_contracts::{
    envelope::BusinessDate,
    laundering::{
        AlertRaised, FollowProbe, LaunderingCommand, MovedPayment, TellCycle, TransferObserved, TransferSide,
    },
};
use tributary_fraud_laundering::{Account, Alert, Message, Payment, PaymentId, PaymentRefused, Rule};
use tributary_ids::AccountId;
use tributary_money::Currency;
use uuid::Uuid;

pub(super) fn account(account: Account) -> AccountId {
    AccountId(Uuid::from_u128(account.0))
}

fn of_account(id: AccountId) -> Account {
    Account(id.0.as_u128())
}

/// Event time is a day's first second: the ledger's entries bear days.
fn at_s(date: BusinessDate) -> i64 {
    date.and_time(NaiveTime::MIN).and_utc().timestamp()
}

/// Of a payment's time, which lies in the years that there are dates for.
fn date(at_s: i64) -> BusinessDate {
    DateTime::from_timestamp(at_s, 0).unwrap_or_default().date_naive()
}

pub(super) fn payment(moved: &MovedPayment) -> Result<Payment, PaymentRefused> {
    Payment::try_new(
        PaymentId(moved.payment_id.0.as_u128()),
        at_s(moved.date),
        of_account(moved.debtor),
        of_account(moved.creditor),
        moved.amount,
    )
}

fn moved(payment: &Payment) -> MovedPayment {
    MovedPayment {
        payment_id: tributary_ids::PaymentId(Uuid::from_u128(payment.id().0)),
        debtor: account(payment.debtor()),
        creditor: account(payment.creditor()),
        amount: payment.amount_minor(),
        date: date(payment.at_s()),
    }
}

/// What the account is told by one side of a transfer.
pub(super) fn observed(observed: &TransferObserved) -> Result<Message, PaymentRefused> {
    let (debtor, creditor) = match observed.side {
        TransferSide::Sent | TransferSide::Returned => (observed.account, observed.counterparty),
        TransferSide::Received => (observed.counterparty, observed.account),
    };
    let payment = payment(&MovedPayment {
        payment_id: observed.payment_id,
        debtor,
        creditor,
        amount: observed.amount,
        date: observed.date,
    })?;
    Ok(match observed.side {
        TransferSide::Sent => Message::Sent(payment),
        TransferSide::Received => Message::Received(payment),
        TransferSide::Returned => Message::Returned(payment),
    })
}

/// What another account has to be told; nothing but the ledger tells of payments.
pub(super) fn command(message: &Message, currency: Currency) -> Option<LaunderingCommand> {
    let account = account(message.account());
    match message {
        Message::Probe(probe) => Some(LaunderingCommand::from(FollowProbe {
            account,
            currency,
            path: probe.path().iter().map(moved).collect(),
            budget: probe.budget(),
        })),
        Message::Cycle(alert) => Some(LaunderingCommand::from(TellCycle {
            account,
            currency,
            payments: alert.payments.iter().map(moved).collect(),
        })),
        Message::Sent(_) | Message::Received(_) | Message::Returned(_) => None,
    }
}

pub(super) fn raised(alert: &Alert, currency: Currency) -> AlertRaised {
    AlertRaised {
        account: account(alert.subject),
        rule: SmolStr::new_static(alert.rule.name()),
        version: alert.version,
        accounts: alert.accounts.iter().copied().map(account).collect(),
        currency,
        payments: alert.payments.iter().map(moved).collect(),
        from: date(alert.from_s),
        to: date(alert.to_s),
        in_order: alert.rule == Rule::Cycle && alert.runs_in_order(),
    }
}

/// The alert of an event; none where it names no rule that there is or was, or payments that can't be.
pub(super) fn alert(raised: &AlertRaised) -> Option<Alert> {
    Some(Alert {
        rule: Rule::ALL.into_iter().find(|rule| rule.name() == raised.rule)?,
        version: raised.version,
        subject: of_account(raised.account),
        accounts: raised.accounts.iter().copied().map(of_account).collect(),
        payments: raised
            .payments
            .iter()
            .map(payment)
            .collect::<Result<_, _>>()
            .ok()?,
        from_s: at_s(raised.from),
        to_s: at_s(raised.to),
    })
}
