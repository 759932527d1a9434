//! What clients, analysts and operators want of payments.

use tributary_contracts::payments::{
    InitiateTransfer, PaymentsCommand, RefundPayment, ResumePayment, ReviewDecision, ReviewPayment,
};
use tributary_ids::{AccountId, CommandId, CustomerId, PaymentId};
use tributary_money::Currency;

use super::{Clients, customers::customer};
use crate::story::short;

/// Of so many of the latest payments a refund or a review is about one: that of another client is rarely of interest.
const RECENT: usize = 6;

/// A payment that clients know of.
pub(super) struct Known {
    pub(super) id: PaymentId,
    /// As it was sent first: the payment itself, or the order that it is of.
    pub(super) command: PaymentsCommand,
    pub(super) amount: &'static str,
    pub(super) currency: Currency,
}

impl Clients {
    pub(super) fn transfer(
        &mut self,
        number: u32,
        debtor: u32,
        creditor: u32,
        amount: &'static str,
    ) -> (PaymentsCommand, String) {
        let (from, to, currency) = (customer(debtor), customer(creditor), self.koruna);
        let command: PaymentsCommand = InitiateTransfer {
            payment_id: PaymentId::named(&format!("step/{number}")),
            customer: CustomerId::named(from),
            debtor: AccountId::named(from),
            creditor: AccountId::named(to),
            amount: amount.into(),
            currency,
            booking_date: self.today(currency),
            remittance: None,
            details: Default::default(),
            occurrence: None,
        }
        .into();
        self.payments.push(Known {
            id: PaymentId::named(&format!("step/{number}")),
            command: command.clone(),
            amount,
            currency,
        });
        (command, format!("{from} pays {to} {amount}"))
    }

    pub(super) fn pay_again(&self, which: u32) -> Option<(PaymentsCommand, String)> {
        let known = self.recent(which)?;
        let text = format!("payment {} once more", name(known.id));
        Some((known.command.clone(), text))
    }

    /// Refunds of one payment, at once.
    pub(super) fn refunds(&mut self, number: u32, which: u32, whole: bool, rivals: u32) -> Vec<usize> {
        let Some(&Known {
            id: payment_id,
            amount: all,
            currency,
            ..
        }) = self.recent(which)
        else {
            return Vec::new();
        };
        let amount = if whole { all } else { "1" };
        let refund = |rival: u32| {
            let name = format!("step/{number}/{rival}");
            let refund = RefundPayment {
                payment_id,
                refund_id: PaymentId::named(&name),
                amount: amount.into(),
                currency,
                booking_date: self.today(currency),
                reason: "DUPL".into(),
            };
            (CommandId::named(&name), refund)
        };
        let refunds: Vec<_> = (0..rivals).map(refund).collect();
        let text = format!("wants {amount} of payment {} back", self::name(payment_id));
        refunds
            .into_iter()
            .map(|(id, refund)| self.ask_payments(id, refund, text.clone()))
            .collect()
    }

    pub(super) fn review(&self, which: u32, approve: bool) -> Option<(PaymentsCommand, String)> {
        let decision = match approve {
            true => ReviewDecision::Approve,
            false => ReviewDecision::Reject,
        };
        let review = ReviewPayment {
            payment_id: self.recent(which)?.id,
            decision,
            reason: "looked-at".into(),
            confirms_fraud: decision == ReviewDecision::Reject,
        };
        Some((review.into(), format!("an analyst says {decision:?}")))
    }

    pub(super) fn resume(&self, which: u32) -> Option<(PaymentsCommand, String)> {
        Some(resume(self.recent(which)?.id))
    }

    fn recent(&self, which: u32) -> Option<&Known> {
        let recent = self.payments.len().min(RECENT);
        let back = (which as usize).checked_rem(recent)?;
        self.payments.iter().rev().nth(back)
    }
}

pub(super) fn resume(payment_id: PaymentId) -> (PaymentsCommand, String) {
    let text = format!("an operator lets payment {} go on", name(payment_id));
    (ResumePayment { payment_id }.into(), text)
}

pub(super) fn name(id: PaymentId) -> String {
    short(id.to_string().as_bytes())
}
