//! Records to and from librdkafka's messages.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rdkafka::Message;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Header, Headers as _, OwnedHeaders};
use tributary_contracts::record::{Headers, Record};

/// Room for the headers of most records.
const HEADER_BYTES: usize = 256;

/// What Kafka gives a record that has no timestamp.
const NO_TIMESTAMP: i64 = -1;

/// A message as a record. A null key or value is an empty one: no contract uses the difference.
pub(super) fn record(message: &BorrowedMessage<'_>) -> Record {
    Record {
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis().unwrap_or(NO_TIMESTAMP),
        key: message.key().unwrap_or_default().to_vec(),
        headers: message.headers().map(headers).unwrap_or_default(),
        value: message.payload().unwrap_or_default().to_vec(),
    }
}

/// A message's headers; none when a name isn't UTF-8, which rdkafka answers with a panic. Anyone who may write to an
/// inbox can send such a record, and it must be dead-lettered as one without type, not stop the partition.
fn headers(borrowed: &BorrowedHeaders) -> Headers {
    catch_unwind(AssertUnwindSafe(|| {
        let mut headers = Headers::with_capacity(HEADER_BYTES);
        for header in borrowed.iter() {
            headers.push(header.key, header.value.unwrap_or_default());
        }
        headers
    }))
    .unwrap_or_default()
}

pub(super) fn owned_headers(headers: &Headers) -> OwnedHeaders {
    headers.iter().fold(OwnedHeaders::new(), |owned, (key, value)| {
        owned.insert(Header {
            key,
            value: Some(value),
        })
    })
}

/// Bytes of key, headers and value, as [`crate::log::Poll::bytes_max`] counts them.
pub(super) fn size(record: &Record) -> usize {
    record.key.len() + record.headers.size() + record.value.len()
}
