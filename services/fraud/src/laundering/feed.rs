//! What tells the laundering service of the ledger's transfers.

use tributary_contracts::{
    accounts::{AccountsEvent, EntryKind, EntryPosted},
    codec::{self, CE_TYPE, Message, read_event},
    envelope::{Channel, CommandEnvelope, Initiator},
    laundering::{FEED, LaunderingCommand, ObserveTransfer, TransferSide},
    partition::partition_of,
    record::{Outgoing, Record},
    topics::{ACCOUNTS_EVENTS, LAUNDERING_INBOX, Topic},
};
use tributary_ids::CommandId;
use tributary_stream::{relay::Relay, service::Corrupt};

/// Type of the events that hold the ledger's entries. Others are not even read.
const ENTRY_POSTED: &str = "accounts.entry-posted.v1";

/// Passes on both sides of each transfer, each to the account whose entry it is. An account's records have one partition in every
/// topic, so they arrive in the order of the ledger, whichever partition is ahead.
pub struct LaunderingFeed;

impl Relay for LaunderingFeed {
    const NAME: &'static str = FEED;
    const FROM: Topic = ACCOUNTS_EVENTS;

    fn relay(record: &Record, partitions: i32) -> Result<Vec<Outgoing>, Corrupt> {
        if record.headers.text(CE_TYPE) != Some(ENTRY_POSTED) {
            return Ok(Vec::new());
        }
        let event = read_event::<AccountsEvent>(record).map_err(|error| Corrupt(error.to_string()))?;
        let AccountsEvent::EntryPosted(entry) = &event.data else {
            return Ok(Vec::new());
        };
        let Some(command) = observed(entry).map(LaunderingCommand::from) else {
            return Ok(Vec::new());
        };
        let key = command.key();
        let partition = partition_of(key.as_bytes(), partitions)
            .ok_or_else(|| Corrupt(format!("account {key} belongs to no partition")))?;
        let id = CommandId::named(&format!("{FEED}/{}", event.id()));
        let envelope = CommandEnvelope {
            id,
            correlation_id: event.correlation_id,
            causation_id: Some(event.id().to_string()),
            reply_to: None,
            not_after: None,
            initiator: Initiator {
                actor: FEED.into(),
                on_behalf_of: None,
                channel: Channel::System,
                branch: None,
            },
            data: &command,
        };
        let traceparent = record.headers.text(codec::TRACEPARENT);
        Ok(vec![Outgoing {
            topic: LAUNDERING_INBOX.name,
            partition,
            key: key.into_bytes(),
            headers: codec::headers(&id, FEED, command.ce_type(), traceparent),
            value: codec::encode(&envelope),
        }])
    }
}

fn observed(entry: &EntryPosted) -> Option<ObserveTransfer> {
    let side = match entry.kind {
        EntryKind::TransferOut => TransferSide::Sent,
        EntryKind::TransferIn => TransferSide::Received,
        EntryKind::TransferReturn => TransferSide::Returned,
        EntryKind::OpeningBalance
        | EntryKind::Credit
        | EntryKind::Debit
        | EntryKind::Settlement
        | EntryKind::Reversal => return None,
    };
    Some(ObserveTransfer {
        account: entry.account_id,
        seq: entry.seq,
        side,
        payment_id: entry.payment_id?,
        counterparty: entry.counterparty?,
        amount: entry.legs.first()?.amount,
        currency: entry.currency,
        date: entry.value_date,
    })
}
