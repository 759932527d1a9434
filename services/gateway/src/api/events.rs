//! `/v1/events`: what happens, as server-sent events.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tributary_contracts::codec::CE_TYPE;
use tributary_stream::kafka::{EventReader, Watermarks};
use tributary_stream::log::Fault;
use utoipa::{IntoParams, ToSchema};

use super::document::ReadProblems;
use crate::app::{App, Shared};
use crate::extract::Parameters;
use crate::log::{Seen, Tail};
use crate::position::{Position, Positions};
use crate::problem::{Code, Problem};

/// Events that are ready for a client which has not read them yet.
const READY_MAX: usize = 64;

/// How often a line is sent when nothing happens, so that neither side takes the other for gone.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// Longest wait of a reader of the past before it looks whether its client is still there.
const POLL: Duration = Duration::from_millis(200);

/// Most events of one poll of the past.
const POLL_RECORDS_MAX: usize = 200;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// `payments.events`, unless `accounts.events` is asked for.
    #[param(inline)]
    topic: Option<EventsTopic>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
enum EventsTopic {
    #[default]
    #[serde(rename = "payments.events")]
    Payments,
    #[serde(rename = "accounts.events")]
    Accounts,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documents what the handler reads")]
struct Resumed {
    /// The id of the last event that was read: the stream goes on after it.
    #[param(rename = "Last-Event-ID")]
    last_event_id: Option<String>,
}

/// The data of an event in the stream.
#[derive(Debug, Serialize, ToSchema)]
struct Told<'s> {
    position: &'s Position,
    #[serde(rename = "type")]
    kind: &'s str,
    /// The event's envelope as it stands in the log.
    #[schema(value_type = Object)]
    event: &'s RawValue,
}

/// Listens to committed events, from now on or from after `Last-Event-ID`.
///
/// Each event's `id` names its place, and where the stream stands in the other partitions: any of them can be resumed from, and
/// waited for. A client that does not read is cut off, and resumes.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", operation_id = "listen",
    params(Which, Resumed),
    responses((status = 200, description = "The events.", body = String, content_type = "text/event-stream"), ReadProblems)
)]
pub(crate) async fn listen(
    State(app): State<Shared>,
    Parameters(which): Parameters<Which>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let place = Arc::clone(&app.streams)
        .try_acquire_owned()
        .map_err(|_| Problem::new(Code::Overloaded, "as many clients listen as may").retry_after(5))?;
    let tail = Arc::clone(match which.topic.unwrap_or_default() {
        EventsTopic::Payments => &app.payments,
        EventsTopic::Accounts => &app.accounts,
    });
    let from = match headers.get("last-event-id") {
        None => tail.next(),
        Some(id) => resumed(&app, &tail, id.to_str().unwrap_or("?")).await?,
    };
    let (events, mut ready) = mpsc::channel(READY_MAX);
    let feed = Feed {
        app: Arc::clone(&app),
        tail,
        from,
        events,
        _place: place,
    };
    tokio::spawn(feed.run());
    let events = futures::stream::poll_fn(move |context| ready.poll_recv(context));
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::new().interval(ALIVE_EVERY))
        .into_response())
}

/// Where each partition goes on after the event of this id.
async fn resumed(app: &App, tail: &Tail, id: &str) -> Result<BTreeMap<i32, i64>, Problem> {
    let invalid = |what: &str| Problem::new(Code::ParameterInvalid, format!("Last-Event-ID: {what}"));
    let positions = Positions::parse(id).map_err(invalid)?;
    // A partition that isn't named held nothing then.
    let mut from: BTreeMap<i32, i64> = tail.next().keys().map(|partition| (*partition, 0)).collect();
    for ((topic, partition), offset) in positions.0 {
        match from.get_mut(&partition) {
            Some(next) if topic == tail.topic => *next = offset + 1,
            Some(_) => return Err(invalid("it is of another topic")),
            None => return Err(invalid("there is no such partition")),
        }
    }
    let (brokers, topic) = (app.brokers.clone(), tail.topic);
    let bounds = tokio::task::spawn_blocking(move || {
        let watermarks = Watermarks::connect(&brokers)?;
        Ok::<_, Fault>((watermarks.starts(topic)?, watermarks.ends(topic)?))
    });
    let (starts, ends) = bounds
        .await
        .map_err(|_| Problem::new(Code::Internal, "a task broke off"))?
        .map_err(|_| {
            Problem::new(Code::NotReady, "Kafka doesn't say where the log begins and ends").retry_after(1)
        })?;
    for (partition, next) in &mut from {
        let start = starts.get(partition).copied().unwrap_or_default();
        if ends.get(partition).is_none_or(|end| *next > *end) {
            return Err(invalid("the log doesn't reach that far"));
        }
        if *next > 0 && *next < start {
            return Err(invalid("the log doesn't hold that any more"));
        }
        *next = (*next).max(start);
    }
    Ok(from)
}

/// Brings one client its events.
struct Feed {
    app: Shared,
    tail: Arc<Tail>,
    /// Where each partition goes on.
    from: BTreeMap<i32, i64>,
    events: mpsc::Sender<Result<Event, Infallible>>,
    _place: OwnedSemaphorePermit,
}

impl Feed {
    /// Until the client is gone, or the gateway stops.
    async fn run(mut self) {
        let mut stopping = self.app.stopping.clone();
        let gone = self.events.clone();
        tokio::select! {
            () = self.bring() => {}
            () = gone.closed() => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }

    async fn bring(&mut self) {
        loop {
            // In this order: what was handed out before we listen stands before `next`.
            let mut live = self.tail.listen();
            let next = self.tail.next();
            let behind = next
                .iter()
                .any(|(partition, next)| self.from.get(partition).is_some_and(|from| from < next));
            if behind && self.read_past(next).await.is_none() {
                return;
            }
            loop {
                match live.recv().await {
                    Ok(seen) => {
                        if self.tell(&seen).await.is_none() {
                            return;
                        }
                    }
                    // What is missing is read from the log.
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    /// Hands over an event that was not handed over yet. None: the client is gone.
    async fn tell(&mut self, seen: &Seen) -> Option<()> {
        match self.event(seen) {
            Some(event) => self.events.send(Ok(event)).await.ok(),
            None => Some(()),
        }
    }

    fn event(&mut self, seen: &Seen) -> Option<Event> {
        let next = self.from.get_mut(&seen.position.partition)?;
        if seen.position.offset < *next {
            return None;
        }
        *next = seen.position.offset + 1;
        let kind = seen.record.headers.text(CE_TYPE)?;
        // A field of the stream ends with its line.
        if !kind.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let envelope: &RawValue = serde_json::from_slice(&seen.record.value).ok()?;
        let told = Told {
            position: &seen.position,
            kind,
            event: envelope,
        };
        let data = serde_json::to_string(&told).ok()?;
        if data.contains(['\r', '\n']) {
            return None;
        }
        let id = Positions::after_last(self.tail.topic, &self.from).to_string();
        Some(Event::default().id(id).event(kind).data(data))
    }

    /// Reads from the log up to where each partition goes on live. Not many do so at once: each has a consumer and its
    /// buffers. None: the client is gone, or the log is.
    async fn read_past(&mut self, until: BTreeMap<i32, i64>) -> Option<()> {
        let _place = Arc::clone(&self.app.past).acquire_owned().await.ok()?;
        let (brokers, topic, from) = (self.app.brokers.clone(), self.tail.topic, self.from.clone());
        let (records, mut past) = mpsc::channel::<Seen>(READY_MAX);
        let read = tokio::task::spawn_blocking(move || read_past(&brokers, topic, &from, &until, &records));
        while let Some(seen) = past.recv().await {
            self.tell(&seen).await?;
        }
        match read.await {
            Ok(Ok(())) => Some(()),
            Ok(Err(fault)) => {
                tracing::warn!(topic, %fault, "a listener's past can't be read");
                None
            }
            Err(_) => None,
        }
    }
}

/// Ends early when nobody takes the records any more.
fn read_past(
    brokers: &str,
    topic: &'static str,
    from: &BTreeMap<i32, i64>,
    until: &BTreeMap<i32, i64>,
    records: &mpsc::Sender<Seen>,
) -> Result<(), Fault> {
    let mut reader = EventReader::open(brokers, topic, from)?;
    loop {
        let batch = reader.poll(POLL, POLL_RECORDS_MAX)?;
        for record in batch.records {
            // One that can't be read is left out here as it is in the tail.
            if let Ok(seen) = Seen::read(topic, record)
                && records.blocking_send(seen).is_err()
            {
                return Ok(());
            }
        }
        let reached = until
            .iter()
            .all(|(partition, until)| batch.next.get(partition).is_none_or(|next| next >= until));
        if reached || records.is_closed() {
            return Ok(());
        }
    }
}
