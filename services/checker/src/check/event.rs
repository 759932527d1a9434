use tributary_contracts::{
    accounts::AccountsEvent,
    codec::{DecodeError, RawEvent},
    envelope::EventEnvelope,
    record::Record,
};
use tributary_stream::StreamEvent;

/// What stands in `accounts.events`: the ledger's own events, and those of the runtime.
pub(super) type LedgerEvent = StreamEvent<AccountsEvent>;

/// Reads a record of that topic.
pub(super) fn read(record: &Record) -> Result<EventEnvelope<LedgerEvent>, DecodeError> {
    let RawEvent { ce_type, envelope } = RawEvent::read(record)?;
    let event = LedgerEvent::decode(ce_type, envelope.data.get())?;
    Ok(envelope.with_data(event))
}
