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
use tributary_projection::{ApplyError, LoggedEvent, Payload, ReadModel};
use uuid::Uuid;

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
        let mut rows = Rows::default();
        for event in events.iter().filter(|event| !is_replayed(&event.envelope)) {
            rows.push(event).map_err(|error| ApplyError::Corrupt {
                partition: event.partition,
                offset: event.offset,
                code: "EVENT_UNWRITABLE",
                detail: error.to_string(),
            })?;
        }
        rows.insert(database).await?;
        Ok(())
    }
}

fn is_replayed<D>(envelope: &EventEnvelope<D>) -> bool {
    let initiator = envelope.initiator.as_ref();
    initiator.is_some_and(|initiator| initiator.channel == Channel::Import)
}

/// Rows of `events`, column by column.
#[derive(Default)]
struct Rows {
    correlation_ids: Vec<Uuid>,
    partitions: Vec<i32>,
    offsets: Vec<i64>,
    command_offsets: Vec<i64>,
    command_ids: Vec<Uuid>,
    indexes: Vec<i32>,
    types: Vec<&'static str>,
    times: Vec<i64>,
    data: Vec<String>,
}

impl Rows {
    fn push<E: Message>(&mut self, event: &LoggedEvent<E>) -> Result<(), serde_json::Error> {
        let (ce_type, data) = match &event.envelope.data {
            Payload::Service(data) => (data.ce_type(), serde_json::to_string(data)?),
            Payload::Runtime(data) => (data.ce_type(), serde_json::to_string(data)?),
        };
        self.correlation_ids.push(event.envelope.correlation_id);
        self.partitions.push(event.partition);
        self.offsets.push(event.offset);
        self.command_offsets.push(event.envelope.origin.offset);
        self.command_ids.push(event.envelope.command_id.0);
        self.indexes
            .push(i32::try_from(event.envelope.index).unwrap_or(i32::MAX));
        self.types.push(ce_type);
        self.times.push(event.envelope.time);
        self.data.push(data);
        Ok(())
    }

    async fn insert(self, database: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.offsets.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO events (correlation_id, partition, event_offset, command_offset, command_id, event_index, type,
                                 recorded_ms, data)
             SELECT correlation_id, partition, event_offset, command_offset, command_id, event_index, type, recorded_ms,
                    data::json
             FROM UNNEST($1::uuid[], $2::int[], $3::bigint[], $4::bigint[], $5::uuid[], $6::int[], $7::text[],
                         $8::bigint[], $9::text[])
                  AS new (correlation_id, partition, event_offset, command_offset, command_id, event_index, type,
                          recorded_ms, data)",
        )
        .bind(self.correlation_ids)
        .bind(self.partitions)
        .bind(self.offsets)
        .bind(self.command_offsets)
        .bind(self.command_ids)
        .bind(self.indexes)
        .bind(self.types)
        .bind(self.times)
        .bind(self.data)
        .execute(database)
        .await?;
        Ok(())
    }
}
