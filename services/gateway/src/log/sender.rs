//! Commands on their way into the log: bounded, and acknowledged on the delivery report.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tributary_contracts::record::Outgoing;
use tributary_stream::kafka::{CommandProducer, Delivered};
use tributary_stream::log::Fault;

use crate::position::Position;

/// How long a delivery report is waited for. The record may be delivered later all the same.
const REPORT_WITHIN: Duration = Duration::from_secs(10);

/// How long a record may wait for company: about what a busy gateway's next requests take to come.
const LINGER: Duration = Duration::from_millis(1);

/// Why a command is not known to be in the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// It was not sent.
    #[error("as many commands are under way as may be")]
    Full,
    /// It may be in the log or not.
    #[error("no delivery report came within {} s", REPORT_WITHIN.as_secs())]
    Unreported,
    /// It may be in the log or not.
    #[error("{0}")]
    Fault(Fault),
}

/// A record under way. It holds its place among those that may be, until its report comes: also when nobody waits for it
/// any more.
struct UnderWay {
    report: oneshot::Sender<Result<(i32, i64), Fault>>,
    _place: OwnedSemaphorePermit,
}

#[derive(Default)]
struct Pending(Mutex<HashMap<usize, UnderWay>>);

impl Pending {
    fn take(&self, token: usize) -> Option<UnderWay> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&token)
    }
}

/// Sends commands.
pub(crate) struct Sender {
    producer: CommandProducer,
    pending: Arc<Pending>,
    places: Arc<Semaphore>,
    next: AtomicUsize,
}

impl Sender {
    pub(crate) fn connect(brokers: &str, in_flight_max: usize) -> Result<Self, Fault> {
        let pending = Arc::new(Pending::default());
        let reported = Arc::clone(&pending);
        let on_delivery = move |delivered: Delivered| {
            if let Some(under_way) = reported.take(delivered.token) {
                // Whoever waited may be gone.
                drop(under_way.report.send(delivered.result));
            }
        };
        // The producer blocks a sender that finds no room, and counts a record out just after its report: with twice the
        // room of ours it never comes to that, and may be called from an asynchronous task.
        let producer =
            CommandProducer::connect(brokers, LINGER, in_flight_max.saturating_mul(2), on_delivery)?;
        Ok(Self {
            producer,
            pending,
            places: Arc::new(Semaphore::new(in_flight_max)),
            next: AtomicUsize::new(0),
        })
    }

    /// Sends a record and waits for its delivery report: where it stands in the log.
    pub(crate) async fn send(&self, record: &Outgoing) -> Result<Position, SendError> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| SendError::Full)?;
        let token = self.next.fetch_add(1, Ordering::Relaxed);
        let (report, reported) = oneshot::channel();
        self.pending
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(
                token,
                UnderWay {
                    report,
                    _place: place,
                },
            );
        if let Err(fault) = self.producer.send(record, token) {
            drop(self.pending.take(token));
            return Err(SendError::Fault(fault));
        }
        match tokio::time::timeout(REPORT_WITHIN, reported).await {
            Ok(Ok(Ok((partition, offset)))) => Ok(Position::new(record.topic, partition, offset)),
            Ok(Ok(Err(fault))) => Err(SendError::Fault(fault)),
            Ok(Err(_)) | Err(_) => Err(SendError::Unreported),
        }
    }
}
