//! Labels, and their retraction.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use tributary_contracts::fraud::{
    ConfirmFraud, LabelSource, PayeesCommand, PayeesEvent, PaymentDecided, RetractFraud,
};
use tributary_contracts::topics::{FRAUD_PAYEES_EVENTS, FRAUD_PAYEES_INBOX};
use tributary_ids::PaymentId;

use super::ask::{Bank, event_of};

/// Labels a payment as fraud
///
/// It tells of the payee from 7 days after the payment on.
#[derive(Args, Debug)]
pub(crate) struct Label {
    /// The payment's id
    payment: PaymentId,
    /// Who says so
    #[arg(long, value_enum, default_value_t = By::Analyst)]
    by: By,
    #[command(flatten)]
    bank: Bank,
}

/// Takes a label back that was wrong
#[derive(Args, Debug)]
pub(crate) struct Retract {
    /// The payment's id
    payment: PaymentId,
    #[command(flatten)]
    bank: Bank,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Analyst,
    Chargeback,
}

impl Label {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let decided = decided(&self.bank, self.payment)?;
        let source = match self.by {
            By::Analyst => LabelSource::Analyst,
            By::Chargeback => LabelSource::Chargeback,
        };
        confirm(&self.bank, [(&decided, source)])?;
        println!("payment {} is labelled as fraud", self.payment);
        Ok(ExitCode::SUCCESS)
    }
}

impl Retract {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let decided = decided(&self.bank, self.payment)?;
        let retract = RetractFraud {
            payment_id: self.payment,
            creditor: decided.creditor,
        };
        ask(&self.bank, [retract.into()])?;
        println!("payment {} is labelled no more", self.payment);
        Ok(ExitCode::SUCCESS)
    }
}

/// Labels payments as fraud, by what their decisions say of them.
pub(crate) fn confirm<'d>(
    bank: &Bank,
    frauds: impl IntoIterator<Item = (&'d PaymentDecided, LabelSource)>,
) -> anyhow::Result<()> {
    let confirm = |(decided, source): (&PaymentDecided, _)| ConfirmFraud {
        payment_id: decided.payment_id,
        creditor: decided.creditor,
        counted_at_s: decided.payee_seen.counted_at_s,
        unusual: decided.customer_seen.unusual,
        source,
    };
    ask(bank, frauds.into_iter().map(|fraud| confirm(fraud).into()))
}

fn ask(bank: &Bank, commands: impl IntoIterator<Item = PayeesCommand>) -> anyhow::Result<()> {
    let asked = commands.into_iter().map(|command| (command.key(), command));
    let _told: Vec<PayeesEvent> = bank.ask(FRAUD_PAYEES_INBOX, FRAUD_PAYEES_EVENTS, asked)?;
    Ok(())
}

/// The payment's decision, by a look through the log.
fn decided(bank: &Bank, payment: PaymentId) -> anyhow::Result<PaymentDecided> {
    let mut found = None;
    bank.look_through(
        FRAUD_PAYEES_EVENTS,
        &bank.starts(FRAUD_PAYEES_EVENTS)?,
        |record| {
            if let Some(PayeesEvent::PaymentDecided(decided)) =
                event_of(&record, &["fraud.payment-decided.v1"])
                && decided.payment_id == payment
            {
                found = Some(decided);
            }
        },
    )?;
    found.with_context(|| format!("no decision on payment {payment} stands in the log"))
}
