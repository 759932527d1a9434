//! A plain idempotent producer, for whoever sends commands to inboxes from outside a transaction.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use tributary_contracts::record::Outgoing;

use super::faults::classify;
use super::settings::command_producer;
use super::{records, report};
use crate::log::Fault;

/// How long nothing may be delivered while a send waits for room, or a flush for the rest, before the log counts as
/// away. A broker that was killed is back within ten seconds.
const PROGRESS_MAX: Duration = Duration::from_secs(30);

/// Where a record went, or why it may not have.
#[derive(Debug)]
pub struct Delivered {
    /// What the sender called it.
    pub token: usize,
    /// Partition and offset. After a fault the record may be in the log all the same.
    pub result: Result<(i32, i64), Fault>,
}

/// Called on the producer's own thread: must not block.
type OnDelivery = Box<dyn Fn(Delivered) + Send + Sync>;

struct Deliveries {
    on_delivery: OnDelivery,
    in_flight: Mutex<usize>,
    in_flight_max: usize,
    fewer: Condvar,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        report::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        report::error(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, token: usize) {
        let result = match result {
            Ok(message) => placed(message.partition(), message.offset()),
            Err((error, _)) => Err(classify("writing a record", error)),
        };
        (self.on_delivery)(Delivered { token, result });
        self.leave();
    }
}

/// Where a record is that the broker took. A broker that had taken it before, and whose first answer was lost, says so
/// but doesn't say where; librdkafka then calls it delivered at an offset that is none.
fn placed(partition: i32, offset: i64) -> Result<(i32, i64), Fault> {
    if offset >= 0 {
        return Ok((partition, offset));
    }
    Err(Fault::transient(format!(
        "the broker had taken a record of partition {partition} before, and doesn't say where it is"
    )))
}

impl Deliveries {
    /// How few must be under way before a sender that found no room goes on: waking it for every single delivery would
    /// cost more than the delivery.
    fn room(&self) -> usize {
        self.in_flight_max - (self.in_flight_max / 4).max(1)
    }

    fn leave(&self) {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        *in_flight = in_flight.saturating_sub(1);
        if *in_flight == self.room() || *in_flight == 0 {
            self.fewer.notify_all();
        }
    }
}

/// Sends records in order per partition, each once, with a bound on how many are under way.
pub struct CommandProducer {
    producer: ThreadedProducer<Deliveries>,
}

impl CommandProducer {
    /// `linger` is how long a record may wait for company. `on_delivery` learns of every record sent, once, on a thread
    /// of the producer, and must not block.
    pub fn connect(
        brokers: &str,
        linger: Duration,
        in_flight_max: usize,
        on_delivery: impl Fn(Delivered) + Send + Sync + 'static,
    ) -> Result<Self, Fault> {
        let deliveries = Deliveries {
            on_delivery: Box::new(on_delivery),
            in_flight: Mutex::new(0),
            in_flight_max: in_flight_max.max(1),
            fewer: Condvar::new(),
        };
        let producer = command_producer(brokers, linger)
            .create_with_context(deliveries)
            .map_err(|error| classify("can't create a producer", &error))?;
        Ok(Self { producer })
    }

    /// Hands a record over, after waiting for room. A fault means that the record was not taken, and brings no delivery.
    pub fn send(&self, record: &Outgoing, token: usize) -> Result<(), Fault> {
        self.enter()?;
        let sent = BaseRecord::with_opaque_to(record.topic, token)
            .partition(record.partition)
            .key(&record.key)
            .payload(&record.value)
            .headers(records::owned_headers(&record.headers));
        self.producer.send(sent).map_err(|(error, _)| {
            self.deliveries().leave();
            classify("sending a record", &error)
        })
    }

    /// How many records are under way.
    pub fn in_flight(&self) -> usize {
        *self
            .deliveries()
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every record sent so far was delivered or given up.
    pub fn flush(&self) -> Result<(), Fault> {
        let in_flight = self
            .deliveries()
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.await_at_most(0, in_flight).map(drop)
    }

    fn enter(&self) -> Result<(), Fault> {
        let deliveries = self.deliveries();
        let mut in_flight = deliveries
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while *in_flight >= deliveries.in_flight_max {
            in_flight = self.await_at_most(deliveries.room(), in_flight)?;
        }
        *in_flight += 1;
        Ok(())
    }

    fn await_at_most<'a>(
        &'a self,
        count: usize,
        mut in_flight: MutexGuard<'a, usize>,
    ) -> Result<MutexGuard<'a, usize>, Fault> {
        while *in_flight > count {
            let before = *in_flight;
            let (after, waited) = self
                .deliveries()
                .fewer
                .wait_timeout(in_flight, PROGRESS_MAX)
                .unwrap_or_else(PoisonError::into_inner);
            in_flight = after;
            if waited.timed_out() && *in_flight >= before {
                return Err(Fault::transient(format!(
                    "no record was delivered for {} s",
                    PROGRESS_MAX.as_secs()
                )));
            }
        }
        Ok(in_flight)
    }

    fn deliveries(&self) -> &Deliveries {
        self.producer.client().context()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_was_taken_before_is_nowhere_that_can_be_told() {
        assert_eq!(placed(1, 0).ok(), Some((1, 0)));
        assert!(placed(1, -1001).is_err_and(|fault| fault.message.contains("partition 1")));
    }
}
