//! The commands by which steps are asked.

use smallvec::SmallVec;
use smol_str::ToSmolStr;
use tributary_contracts::{
    accounts::{Direction, Release, Reserve, TransferOut},
    fraud::AssessPayment,
};
use tributary_ids::{CommandId, PaymentId};
use tributary_saga::Progress;

use super::{Command, Send};
use crate::{Payment, calendar};

/// The id of a step's command, the same for every attempt.
pub fn command_id(payment: PaymentId, step: &str) -> CommandId {
    CommandId::named(&format!("payment/{payment}/{step}"))
}

/// The commands of the steps that are asked now. An analyst is asked by none: open reviews stand in the read model.
pub(super) fn commands(id: PaymentId, payment: &Payment, progress: &Progress) -> SmallVec<[Send; 2]> {
    let send = |step: &str| {
        command(id, payment, step).map(|command| Send {
            id: command_id(id, step),
            command,
            awaited: true,
        })
    };
    progress.asked.iter().filter_map(|ask| send(&ask.step)).collect()
}

fn command(id: PaymentId, payment: &Payment, step: &str) -> Option<Command> {
    let amount = payment.money().to_decimal().to_smolstr();
    let currency = payment.currency;
    Some(match step {
        "reserve" => Command::Accounts(
            Reserve {
                account_id: payment.debtor,
                hold_id: payment.hold_id,
                direction: Direction::Out,
                amount,
                currency,
                expires_at: Some(payment.hold_expires_at),
            }
            .into(),
        ),
        "fraud" => Command::Fraud(
            AssessPayment {
                payment_id: id,
                customer: payment.customer,
                debtor: payment.debtor,
                creditor: payment.creditor,
                amount,
                currency,
                initiated_at: payment.initiated_at,
                utc_offset_s: calendar::of(payment.currency)
                    .map_or(0, |calendar| calendar.utc_offset_s(payment.initiated_at)),
            }
            .into(),
        ),
        "settle" => Command::Accounts(
            TransferOut {
                account_id: payment.debtor,
                payment_id: id,
                creditor: payment.creditor,
                amount,
                currency,
                hold_id: Some(payment.hold_id),
                booking_date: payment.booking_date,
                value_date: None,
                import: None,
                details: payment.details.clone(),
            }
            .into(),
        ),
        "release" => Command::Accounts(
            Release {
                account_id: payment.debtor,
                hold_id: payment.hold_id,
            }
            .into(),
        ),
        _ => return None,
    })
}
