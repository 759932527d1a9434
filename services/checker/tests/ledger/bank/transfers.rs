//! Transfers through transit.

use tributary_contracts::{
    accounts::{
        AccountsCommand, Details, EntryKind, GlAccount, ReturnTransfer, TransferIn, TransferOut,
        TransferRefused,
    },
    codec::Message,
};
use tributary_ids::{AccountId, PaymentId};

use super::{Asked, Bank, Place, czk, text};

impl Bank {
    /// The first half of a transfer: debtor to transit. The follow-up waits in the creditor's inbox.
    pub(crate) fn send(
        &mut self,
        from: AccountId,
        to: AccountId,
        amount: i64,
    ) -> Option<(PaymentId, Asked, Place)> {
        let payment_id = PaymentId::named(&format!("payment/{}", self.commands));
        let asked = self.ask(TransferOut {
            account_id: from,
            payment_id,
            creditor: to,
            amount: text(amount),
            currency: czk(),
            hold_id: None,
            booking_date: self.today,
            value_date: None,
            import: None,
            details: Details::default(),
        });
        if self.available(from) < amount || self.accounts[&from].blocked {
            self.refuse(&asked, "INSUFFICIENT_FUNDS");
            return None;
        }
        let mut entry = self.entry(from, EntryKind::TransferOut, -amount, GlAccount::IN_TRANSIT);
        entry.payment_id = Some(payment_id);
        entry.counterparty = Some(to);
        let place = self.tell(&asked, entry);
        let follow_up = AccountsCommand::from(TransferIn {
            account_id: to,
            payment_id,
            debtor: from,
            amount: text(amount),
            currency: czk(),
            booking_date: self.today,
            value_date: None,
            details: Details::default(),
        });
        let asked = self.follow_up(&asked, follow_up);
        Some((payment_id, asked, place))
    }

    fn follow_up(&mut self, cause: &Asked, command: AccountsCommand) -> Asked {
        self.put(
            command.key().as_bytes(),
            command.ce_type(),
            cause.id.follow_up(0),
            None,
            command,
        )
    }

    /// The second half: transit to creditor.
    pub(crate) fn receive(
        &mut self,
        asked: &Asked,
        payment: PaymentId,
        from: AccountId,
        to: AccountId,
        amount: i64,
    ) -> Place {
        let mut entry = self.entry(to, EntryKind::TransferIn, amount, GlAccount::IN_TRANSIT);
        entry.payment_id = Some(payment);
        entry.counterparty = Some(from);
        self.tell(asked, entry)
    }

    /// The other second half: the creditor refuses; the return waits in the debtor's inbox.
    pub(crate) fn refuse_transfer(
        &mut self,
        asked: &Asked,
        payment_id: PaymentId,
        from: AccountId,
        to: AccountId,
        amount: i64,
    ) -> Asked {
        let refused = TransferRefused {
            account_id: to,
            payment_id,
            debtor: from,
            amount,
            currency: czk(),
            code: "ACCOUNT_BLOCKED".into(),
        };
        self.tell(asked, refused);
        let back = AccountsCommand::from(ReturnTransfer {
            account_id: from,
            payment_id,
            creditor: to,
            amount: text(amount),
            currency: czk(),
            reason: "ACCOUNT_BLOCKED".into(),
            booking_date: self.today,
            value_date: None,
        });
        self.follow_up(asked, back)
    }

    pub(crate) fn give_back(
        &mut self,
        asked: &Asked,
        payment: PaymentId,
        from: AccountId,
        to: AccountId,
        amount: i64,
    ) -> Place {
        let mut entry = self.entry(from, EntryKind::TransferReturn, amount, GlAccount::IN_TRANSIT);
        entry.payment_id = Some(payment);
        entry.counterparty = Some(to);
        self.tell(asked, entry)
    }

    /// A whole transfer: the entries of both sides, or none where it was refused.
    pub(crate) fn transfer(&mut self, from: AccountId, to: AccountId, amount: i64) -> Option<(Place, Place)> {
        let (payment, asked, out) = self.send(from, to, amount)?;
        let into = self.receive(&asked, payment, from, to, amount);
        Some((out, into))
    }

    /// A transfer that the creditor refuses and that goes back: the entries out and back.
    pub(crate) fn transfer_refused(
        &mut self,
        from: AccountId,
        to: AccountId,
        amount: i64,
    ) -> Option<(Place, Place)> {
        let (payment, asked, out) = self.send(from, to, amount)?;
        let back = self.refuse_transfer(&asked, payment, from, to, amount);
        let back = self.give_back(&back, payment, from, to, amount);
        Some((out, back))
    }
}
