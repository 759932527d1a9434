//! What followed from one wish, in every service: each event with its topic, partition, offset and time.
//!
//! One instance a service, each with a schema of its own; whoever asks for a wish reads them all. Correlation ids tie them
//! together: every follow-up of a command carries the one that the wish came with.

use std::marker::PhantomData;

use sqlx::PgConnection;
use tributary_contracts::{
    codec::Message,
    envelope::{Channel, EventEnvelope},
};
use tributary_projection::{ApplyError, CopyRows, LoggedEvent, Payload, ReadModel};

/// The timeline of the service whose events are `E`.
#[derive(Clone, Copy, Debug)]
pub struct Timeline<E>(PhantomData<fn() -> E>);

impl<E> Default for Timeline<E> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E: Message + Send + Sync + 'static> ReadModel for Timeline<E> {
    type Event = E;

    const NAME: &'static str = "timeline";
    const VERSION: i32 = 1;
    const DDL: &'static str = include_str!("schema.sql");

    async fn apply(
        &mut self,
        database: &mut PgConnection,
        events: &[LoggedEvent<E>],
    ) -> Result<(), ApplyError> {
        let mut rows = CopyRows::default();
        for event in events.iter().filter(|event| !is_replayed(&event.envelope)) {
            copy(&mut rows, event).map_err(|error| ApplyError::Corrupt {
                partition: event.partition,
                offset: event.offset,
                code: "EVENT_UNWRITABLE",
                detail: error.to_string(),
            })?;
        }
        rows.copy_into(database, "events", COLUMNS).await?;
        Ok(())
    }
}

fn is_replayed<D>(envelope: &EventEnvelope<D>) -> bool {
    let initiator = envelope.initiator.as_ref();
    initiator.is_some_and(|initiator| initiator.channel == Channel::Import)
}

/// Columns of `events`, as [`copy`] writes them.
const COLUMNS: &str = "partition, event_offset, command_offset, command_id, correlation_id, event_index, type, \
    recorded_ms, data";

fn copy<E: Message>(rows: &mut CopyRows, event: &LoggedEvent<E>) -> Result<(), serde_json::Error> {
    let (ce_type, data) = match &event.envelope.data {
        Payload::Service(data) => (data.ce_type(), serde_json::to_string(data)?),
        Payload::Runtime(data) => (data.ce_type(), serde_json::to_string(data)?),
    };
    let mut row = rows.row();
    row.position(event);
    row.uuid(Some(event.envelope.correlation_id));
    row.number(event.envelope.index);
    row.text(Some(ce_type));
    row.number(event.envelope.time);
    row.text(Some(&data));
    row.end();
    Ok(())
}
