//! The transactional producer: begins, writes, sends offsets and commits as one, and knows how certain the outcome is.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};
use tributary_contracts::record::Outgoing;

use super::clock::Deadline;
use super::faults::{classify, fault, is_fencing, is_refusal, kind_of};
use super::settings::{CALL_TIMEOUT, KafkaSettings, TRANSACTION_TIMEOUT_MAX, transactional_producer};
use super::{records, report};
use crate::log::{Ended, Fault, FaultKind};

/// How long no delivery report may come while some are due. librdkafka fails a record by itself when the transaction's
/// time is over, so only a client that is stuck gets here.
const DELIVERY_PROGRESS_MAX: Duration = Duration::from_secs(TRANSACTION_TIMEOUT_MAX.as_secs() + 5);

/// How often to look whether librdkafka let go of the last delivery report. It does within microseconds after that
/// was handed over, and tells nobody.
const LET_GO_CHECK: Duration = Duration::from_micros(20);

/// Stands for a record whose delivery wasn't reported.
const UNDELIVERED: i64 = -1;

/// Delivery reports of the open transaction, and whatever went wrong with the connection.
#[derive(Default)]
struct Deliveries {
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Default)]
struct State {
    /// Per record of the transaction.
    offsets: Vec<i64>,
    outstanding: usize,
    /// The first failed delivery.
    failed: Option<KafkaError>,
    /// The first error, disconnect or time-out since the producer was initialised.
    trouble: Option<String>,
}

impl Deliveries {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self, trouble: impl FnOnce() -> String) {
        self.lock().trouble.get_or_insert_with(trouble);
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        report::log(level, facility, message);
        if report::is_trouble(facility, message) {
            self.trouble(|| format!("{facility}: {message}"));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        report::error(&error, reason);
        // Being fenced, or fatal for another reason, is the broker's answer: nothing got lost on the way.
        let answered = |code| code == Code::Fatal || is_fencing(code);
        if !error.rdkafka_error_code().is_some_and(answered) && !report::never_connected(reason) {
            self.trouble(|| format!("{error}: {reason}"));
        }
    }
}

impl ProducerContext for Deliveries {
    /// The record's place in the transaction.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, place: usize) {
        let mut state = self.lock();
        match result {
            Ok(message) => {
                if let Some(offset) = state.offsets.get_mut(place) {
                    *offset = message.offset();
                }
            }
            Err((error, _)) => {
                state.failed.get_or_insert_with(|| error.clone());
            }
        }
        state.outstanding = state.outstanding.saturating_sub(1);
        if state.outstanding == 0 {
            self.over.notify_all();
        }
    }
}

/// How far a transaction had come when something failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nobody can have committed it.
    Writing,
    /// The commit was asked for.
    Committing,
}

struct Failure {
    phase: Phase,
    /// None when nothing failed, but trouble was reported.
    error: Option<KafkaError>,
    what: &'static str,
}

/// A producer that was initialised, and is thrown away once anything about it is unclear.
pub(super) struct TransactionalProducer {
    producer: ThreadedProducer<Deliveries>,
}

impl TransactionalProducer {
    /// Fences former producers of the same transactional id, and ends what they left open. `timeout`: how long each of
    /// its transactions may stay open.
    pub(super) fn initialise(settings: &KafkaSettings, timeout: Duration) -> Result<Self, Fault> {
        let what = "initialising transactions";
        let producer: ThreadedProducer<Deliveries> = transactional_producer(settings, timeout)
            .create_with_context(Deliveries::default())
            .map_err(|error| classify(what, &error))?;
        producer
            .init_transactions(CALL_TIMEOUT)
            .map_err(|error| classify(what, &error))?;
        // What went wrong before was overcome: nothing of this producer can be pending yet.
        producer.client().context().lock().trouble = None;
        Ok(Self { producer })
    }

    /// Writes all or nothing. When the second value is false, the producer must not be used again.
    pub(super) fn commit(
        &self,
        records: &[Outgoing],
        offsets: &TopicPartitionList,
        group: &ConsumerGroupMetadata,
    ) -> (Ended, bool) {
        match self.write(records, offsets, group) {
            Ok(offsets) => match self.trouble() {
                None => (Ended::Committed { offsets }, true),
                Some(trouble) => (
                    Ended::InDoubt(Fault::transient(format!("committed amid trouble: {trouble}"))),
                    false,
                ),
            },
            Err(failure) => self.settle(failure),
        }
    }

    fn write(
        &self,
        records: &[Outgoing],
        offsets: &TopicPartitionList,
        group: &ConsumerGroupMetadata,
    ) -> Result<Vec<i64>, Failure> {
        let failed = |phase, what| {
            move |error| Failure {
                phase,
                error: Some(error),
                what,
            }
        };
        self.expect_no_trouble("before the transaction")?;
        self.producer
            .begin_transaction()
            .map_err(failed(Phase::Writing, "beginning a transaction"))?;
        self.produce(records)
            .map_err(failed(Phase::Writing, "writing records"))?;
        self.await_deliveries()
            .map_err(failed(Phase::Writing, "writing records"))?;
        self.producer
            .send_offsets_to_transaction(offsets, group, CALL_TIMEOUT)
            .map_err(failed(Phase::Writing, "sending offsets"))?;
        self.expect_no_trouble("before the commit")?;
        self.await_let_go();
        self.producer
            .commit_transaction(CALL_TIMEOUT)
            .map_err(failed(Phase::Committing, "committing"))?;
        // What librdkafka has to tell is told through the same queue.
        self.await_let_go();
        Ok(std::mem::take(&mut self.deliveries().lock().offsets))
    }

    /// After trouble a commit could only end in doubt, so it isn't begun.
    fn expect_no_trouble(&self, what: &'static str) -> Result<(), Failure> {
        match self.trouble() {
            None => Ok(()),
            Some(_) => Err(Failure {
                phase: Phase::Writing,
                error: None,
                what,
            }),
        }
    }

    fn produce(&self, records: &[Outgoing]) -> Result<(), KafkaError> {
        {
            let mut state = self.deliveries().lock();
            state.offsets = vec![UNDELIVERED; records.len()];
            state.outstanding = records.len();
            state.failed = None;
        }
        for (place, record) in records.iter().enumerate() {
            let sent = BaseRecord::with_opaque_to(record.topic, place)
                .partition(record.partition)
                .key(&record.key)
                .payload(&record.value)
                .headers(records::owned_headers(&record.headers));
            if let Err((error, _)) = self.producer.send(sent) {
                // Those not sent bring no report.
                self.deliveries().lock().outstanding -= records.len() - place;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Waits until every record was reported, and fails with the first that failed.
    fn await_deliveries(&self) -> Result<(), KafkaError> {
        let deliveries = self.deliveries();
        let mut state = deliveries.lock();
        while state.outstanding > 0 {
            let before = state.outstanding;
            let (after, waited) = deliveries
                .over
                .wait_timeout(state, DELIVERY_PROGRESS_MAX)
                .unwrap_or_else(PoisonError::into_inner);
            state = after;
            if waited.timed_out() && state.outstanding == before {
                return Err(KafkaError::MessageProduction(Code::OperationTimedOut));
            }
        }
        match state.failed.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Waits until librdkafka counts nothing as in flight. Else `commit_transaction` flushes, with a poll of 100 ms.
    fn await_let_go(&self) {
        let deadline = Deadline::after(CALL_TIMEOUT);
        while self.producer.in_flight_count() > 0 && !deadline.passed() {
            thread::sleep(LET_GO_CHECK);
        }
    }

    /// Ends a transaction that failed, and says what is certain about it.
    fn settle(&self, failure: Failure) -> (Ended, bool) {
        let Failure { phase, error, what } = failure;
        let code = error.as_ref().and_then(KafkaError::rdkafka_error_code);
        if let Some(trouble) = self.trouble() {
            let told = error.map_or_else(|| what.to_owned(), |error| format!("{what}: {error}"));
            let fault = Fault::transient(format!("{told}, trouble was reported: {trouble}"));
            // As long as no commit was asked for, being fenced is certain.
            let fenced = phase == Phase::Writing && code.is_some_and(is_fencing);
            return (
                if fenced {
                    Ended::Fenced(fault)
                } else {
                    Ended::InDoubt(fault)
                },
                false,
            );
        }
        let Some(error) = error else {
            return (Ended::InDoubt(Fault::transient(what)), false);
        };
        if code.is_some_and(is_fencing) || self.is_fenced() {
            return (Ended::Fenced(fault(FaultKind::Transient, what, &error)), false);
        }
        if phase == Phase::Committing {
            let kind = if abortable(&error) {
                FaultKind::Transient
            } else {
                classify(what, &error).kind
            };
            return (Ended::InDoubt(fault(kind, what, &error)), false);
        }
        if !code.is_some_and(is_refusal) {
            // What timed out may still be on its way to the log, and arrive there after an abort's marker.
            return (Ended::InDoubt(fault(FaultKind::Transient, what, &error)), false);
        }
        self.abort(what, &error)
    }

    fn abort(&self, what: &str, error: &KafkaError) -> (Ended, bool) {
        let kind = error.rdkafka_error_code().map_or(FaultKind::Transient, kind_of);
        let aborted =
            self.producer
                .abort_transaction(CALL_TIMEOUT)
                .and_then(|()| match self.await_deliveries() {
                    // Those that were purged.
                    Err(KafkaError::MessageProduction(Code::OperationTimedOut)) => {
                        Err(KafkaError::MessageProduction(Code::OperationTimedOut))
                    }
                    _ => Ok(()),
                });
        match aborted {
            Ok(()) if self.trouble().is_none() => (Ended::Aborted(fault(kind, what, error)), true),
            Ok(()) => (Ended::InDoubt(fault(kind, what, error)), false),
            Err(unaborted) if self.is_fenced() || unaborted.rdkafka_error_code().is_some_and(is_fencing) => {
                (Ended::Fenced(fault(kind, what, error)), false)
            }
            Err(unaborted) => {
                let message = format!("{what}: {error}, and then aborting: {unaborted}");
                (Ended::InDoubt(Fault { kind, message }), false)
            }
        }
    }

    fn deliveries(&self) -> &Deliveries {
        self.producer.client().context()
    }

    fn trouble(&self) -> Option<String> {
        self.deliveries().lock().trouble.clone()
    }

    fn is_fenced(&self) -> bool {
        self.producer
            .client()
            .fatal_error()
            .is_some_and(|(code, _)| is_fencing(code))
    }
}

fn abortable(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.txn_requires_abort() || error.is_retriable())
}

/// The next input of each partition, as librdkafka wants it.
pub(super) fn offsets_of(inbox: &str, next_inputs: &[(i32, i64)]) -> Result<TopicPartitionList, Fault> {
    let mut offsets = TopicPartitionList::with_capacity(next_inputs.len());
    for &(partition, next) in next_inputs {
        offsets
            .add_partition_offset(inbox, partition, Offset::Offset(next))
            .map_err(|error| classify("can't name an offset", &error))?;
    }
    Ok(offsets)
}
