use serde::Deserializer;
use tributary_contracts::{
    codec::{DecodeError, Message, Typed, read_event},
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

impl<E: Message> Typed for Payload<E> {
    fn knows(ce_type: &str) -> Result<(), DecodeError> {
        match RuntimeEvent::TYPES.contains(&ce_type) {
            true => Ok(()),
            false => E::knows(ce_type),
        }
    }

    fn read<'d, D: Deserializer<'d>>(ce_type: &str, data: D) -> Result<Self, D::Error> {
        match RuntimeEvent::TYPES.contains(&ce_type) {
            true => RuntimeEvent::read(ce_type, data).map(Self::Runtime),
            false => E::read(ce_type, data).map(Self::Service),
        }
    }
}

/// Reads an event record.
///
/// # Errors
/// What can't be decoded, or is of no known type and version: nobody may fold past it.
pub fn decode<E: Message>(record: &Record) -> Result<LoggedEvent<E>, DecodeError> {
    Ok(LoggedEvent {
        partition: record.partition,
        offset: record.offset,
        envelope: read_event(record)?,
    })
}
