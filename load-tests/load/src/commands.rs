//! The records that a load sends.

use tributary_contracts::{
    accounts::{AccountsCommand, OpenAccount},
    codec::{self, Message},
    envelope::{BusinessDate, Channel, CommandEnvelope, Initiator, TTL_MS_MAX},
    partition::partition_of,
    payments::{InitiateTransfer, PaymentsCommand},
    record::Outgoing,
    topics::{ACCOUNTS_INBOX, PAYMENTS_INBOX, Topic},
};
use tributary_ids::{CommandId, PaymentId};
use tributary_money::Currency;

use crate::{Population, clock::wall_ms};

/// What every record of a load has in common.
#[derive(Clone, Debug)]
pub(crate) struct Commands {
    pub(crate) population: Population,
    pub(crate) partitions: i32,
    pub(crate) currency: Currency,
    pub(crate) booking_date: BusinessDate,
}

impl Commands {
    /// Opens an account with ten million units, so that it is never empty.
    pub(crate) fn open(&self, number: u32) -> Outgoing {
        let account_id = self.population.account(number);
        let command = AccountsCommand::from(OpenAccount {
            account_id,
            owner: self.population.owner(number),
            product: "current".into(),
            currency: self.currency,
            overdraft_limit: "0".into(),
            booking_date: self.booking_date,
            opening_balance: "10000000".into(),
        });
        let id = CommandId::named(&format!("open/{account_id}"));
        self.record(ACCOUNTS_INBOX, id, command.key(), &command)
    }

    /// A payment of one unit, and its command's id.
    pub(crate) fn pay(&self, payment_id: PaymentId, (debtor, creditor): (u32, u32)) -> (CommandId, Outgoing) {
        let command = PaymentsCommand::from(InitiateTransfer {
            payment_id,
            customer: self.population.owner(debtor),
            debtor: self.population.account(debtor),
            creditor: self.population.account(creditor),
            amount: "1".into(),
            currency: self.currency,
            booking_date: self.booking_date,
            remittance: None,
            details: Default::default(),
            occurrence: None,
        });
        let id = CommandId::named(&format!("pay/{payment_id}"));
        (id, self.record(PAYMENTS_INBOX, id, command.key(), &command))
    }

    /// The same as a request's body.
    pub(crate) fn request(&self, (debtor, creditor): (u32, u32)) -> String {
        serde_json::json!({
            "customer": self.population.owner(debtor),
            "debtor": self.population.account(debtor),
            "creditor": self.population.account(creditor),
            "amount": "1",
            "currency": self.currency,
            "booking_date": self.booking_date,
        })
        .to_string()
    }

    fn record(&self, topic: Topic, id: CommandId, key: String, command: &impl Message) -> Outgoing {
        let envelope = CommandEnvelope {
            id,
            correlation_id: id.0,
            causation_id: None,
            reply_to: None,
            not_after: Some(wall_ms() + TTL_MS_MAX / 2),
            initiator: Initiator {
                actor: "load".into(),
                on_behalf_of: None,
                channel: Channel::Online,
                branch: None,
            },
            data: command,
        };
        Outgoing {
            topic: topic.name,
            // Without a partition for the key, the first: the service then says that it is the wrong one.
            partition: partition_of(key.as_bytes(), self.partitions).unwrap_or(0),
            key: key.into_bytes(),
            headers: codec::headers(&id, "load", command.ce_type(), None),
            value: codec::encode(&envelope),
        }
    }
}
