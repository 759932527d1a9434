use tributary_contracts::{
    codec::{DecodeError, Message, RawEvent},
    envelope::EventEnvelope,
    record::Record,
    runtime::RuntimeEvent,
};

/// An event and where in its topic it stands: what every row is traced back to.
#[derive(Clone, Debug)]
pub struct LoggedEvent<E> {
    pub partition: i32,
    pub offset: i64,
    pub envelope: EventEnvelope<Payload<E>>,
}

/// A service's topic holds its own events and those of the stream runtime.
#[derive(Clone, Debug)]
pub enum Payload<E> {
    Service(E),
    Runtime(RuntimeEvent),
}

/// Reads an event record.
///
/// # Errors
/// What can't be decoded, or is of no known type and version: nobody may fold past it.
pub fn decode<E: Message>(record: &Record) -> Result<LoggedEvent<E>, DecodeError> {
    let RawEvent { ce_type, envelope } = RawEvent::read(record)?;
    let data = envelope.data.get();
    let payload = match RuntimeEvent::TYPES.contains(&ce_type) {
        true => Payload::Runtime(RuntimeEvent::decode(ce_type, data)?),
        false => Payload::Service(E::decode(ce_type, data)?),
    };
    Ok(LoggedEvent {
        partition: record.partition,
        offset: record.offset,
        envelope: envelope.with_data(payload),
    })
}
