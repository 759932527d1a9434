use tributary_contracts::{
    accounts::AccountsEvent,
    codec::{DecodeError, read_event},
    envelope::EventEnvelope,
    record::Record,
};
use tributary_stream::StreamEvent;

/// What stands in `accounts.events`: the ledger's own events, and those of the runtime.
pub(super) type LedgerEvent = StreamEvent<AccountsEvent>;

/// Reads a record of that topic.
pub(super) fn read(record: &Record) -> Result<EventEnvelope<LedgerEvent>, DecodeError> {
    read_event(record)
}
