//! Transactions and labels as records of the inboxes.

use std::collections::HashMap;

use tributary_contracts::{
    codec::{self, Message},
    envelope::{Channel, CommandEnvelope, Initiator},
    fraud::{AssessPayment, ConfirmFraud, FraudCommand, LabelSource, PayeesCommand, PaymentDecided},
    partition::partition_of,
    record::Outgoing,
    topics::{FRAUD_INBOX, FRAUD_PAYEES_INBOX, Topic},
};
use tributary_fraud_training::handbook::Transaction;
use tributary_ids::{AccountId, CommandId, CustomerId, PaymentId};
use tributary_money::Currency;
use tributary_stream::driver::wall_clock_ms;
use uuid::Uuid;

/// Set in the correlation id of a label, beside its row.
const LABEL: u64 = 1 << 63;

/// For how long a label is worth something, in milliseconds.
const LABEL_TTL_MS: i64 = 300_000;

/// Makes the records of one run. Customers, terminals and payments have the ids that their numbers name, whatever the run; what
/// follows from a record is known by the run's number and the row in its correlation id.
pub(crate) struct Records {
    run: u64,
    partitions: i32,
    currency: Currency,
    customers: HashMap<u32, (CustomerId, AccountId)>,
    terminals: HashMap<u32, AccountId>,
}

/// What an event follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Payment(usize),
    Label(usize),
}

pub(crate) fn payment_id(transaction: &Transaction) -> PaymentId {
    PaymentId::named(&format!("handbook/{}", transaction.id))
}

impl Records {
    pub(crate) fn new(run: u64, partitions: i32, currency: Currency) -> Self {
        Self {
            run,
            partitions,
            currency,
            customers: HashMap::new(),
            terminals: HashMap::new(),
        }
    }

    /// What an event of this correlation id follows from; none: something that this run hasn't sent.
    pub(crate) fn cause(run: u64, correlation_id: Uuid) -> Option<Of> {
        let (of_run, row) = correlation_id.as_u64_pair();
        let place = usize::try_from(row & !LABEL).ok()?;
        (of_run == run).then_some(match row & LABEL {
            0 => Of::Payment(place),
            _ => Of::Label(place),
        })
    }

    pub(crate) fn assess(&mut self, row: usize, of: &Transaction) -> Outgoing {
        let (customer, debtor) = *self.customers.entry(of.customer).or_insert_with(|| {
            let name = format!("handbook/customer/{}", of.customer);
            (CustomerId::named(&name), AccountId::named(&name))
        });
        let creditor = *self
            .terminals
            .entry(of.terminal)
            .or_insert_with(|| AccountId::named(&format!("handbook/terminal/{}", of.terminal)));
        let command = FraudCommand::from(AssessPayment {
            payment_id: payment_id(of),
            customer,
            debtor,
            creditor,
            amount: smol_str::format_smolstr!("{}.{:02}", of.amount_minor / 100, of.amount_minor % 100),
            currency: self.currency,
            initiated_at: of.at_s * 1_000,
            // The file's clock has no zone.
            utc_offset_s: 0,
        });
        let correlation = Uuid::from_u64_pair(self.run, row as u64);
        self.record(FRAUD_INBOX, correlation, command.key(), None, &command)
    }

    pub(crate) fn label(&self, row: usize, decided: &PaymentDecided) -> Outgoing {
        let command = PayeesCommand::from(ConfirmFraud {
            payment_id: decided.payment_id,
            creditor: decided.creditor,
            counted_at_s: decided.payee_seen.counted_at_s,
            unusual: decided.customer_seen.unusual,
            source: LabelSource::Analyst,
        });
        let correlation = Uuid::from_u64_pair(self.run, row as u64 | LABEL);
        let not_after = Some(wall_clock_ms() + LABEL_TTL_MS);
        self.record(
            FRAUD_PAYEES_INBOX,
            correlation,
            command.key(),
            not_after,
            &command,
        )
    }

    fn record(
        &self,
        topic: Topic,
        correlation_id: Uuid,
        key: String,
        not_after: Option<i64>,
        command: &impl Message,
    ) -> Outgoing {
        // Unique among runs and rows, as the correlation id is.
        let id = CommandId(correlation_id);
        let envelope = CommandEnvelope {
            id,
            correlation_id,
            causation_id: None,
            reply_to: None,
            not_after,
            initiator: Initiator {
                actor: "handbook".into(),
                on_behalf_of: None,
                channel: Channel::Import,
                branch: None,
            },
            data: command,
        };
        Outgoing {
            topic: topic.name,
            partition: partition_of(key.as_bytes(), self.partitions).unwrap_or_default(),
            key: key.into_bytes(),
            headers: codec::headers(&id, "handbook", command.ce_type(), None),
            value: codec::encode(&envelope),
        }
    }
}
