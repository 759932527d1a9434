//! Settings of the Kafka clients, each with its reason. What was measured stands in `docs/librdkafka.md`.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use tributary_contracts::topics::RECORD_BYTES_MAX;

/// How long the group waits for a heartbeat before it gives a worker's partitions to another.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(6);

/// How long a transaction may stay open before the broker aborts it. Everybody whose inbox its worker wrote into waits
/// that long when the worker dies for good or hangs, so it is a hundred times what a commit takes, and no more; longer where
/// the broker proves slow (`patience.rs`).
pub const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest that a transaction may stay open, on a broker that is slow (cold, disk saturated: a commit was seen to
/// take 8.8 s).
pub const TRANSACTION_TIMEOUT_MAX: Duration = Duration::from_secs(10);

/// How long a request may go unanswered before the connection counts as broken. A broker that only is slow must stay
/// below it. librdkafka wants it no longer than a transaction, so a worker's producer has a shorter one.
pub(super) const REQUEST_TIMEOUT: Duration = TRANSACTION_TIMEOUT_MAX;

/// How long one blocking call to the broker may take before it is given up as [`FaultKind::Transient`]. Above
/// [`REQUEST_TIMEOUT`], so that one lost request can be seen and repeated.
///
/// [`FaultKind::Transient`]: crate::log::FaultKind::Transient
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Largest record batch that a producer sends, above the largest record by what framing takes, below the topics'
/// `max.message.bytes`.
const MESSAGE_BYTES_MAX: usize = RECORD_BYTES_MAX + 50_000;

/// Who a worker is, and what it reads and writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// `host:port,...`
    pub brokers: String,
    /// The service's name; also its consumer group.
    pub service: String,
    pub inbox: String,
    pub events: String,
    /// Name of this instance among the service's instances, stable over restarts.
    pub instance: String,
    /// Number of this worker among the instance's workers.
    pub worker: u32,
}

impl KafkaSettings {
    /// `{service}-{instance}-{worker}`: the transactional id, and the name of the group's static member. Stable, so
    /// that a restarted worker aborts its own past at once and gets its own partitions back without a rebalance.
    pub fn member(&self) -> String {
        format!("{}-{}-{}", self.service, self.instance, self.worker)
    }
}

fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("socket.timeout.ms", millis(REQUEST_TIMEOUT))
        // A restarted broker is to be found within a second of its coming up; the default backs off to 10 s.
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        // A lost connection with at most one request in flight is told by a log line of level info and by nothing
        // else (rdkafka_broker.c, rd_kafka_broker_conn_closed), and a commit must know of it.
        .set_log_level(RDKafkaLogLevel::Info);
    config
}

fn consumer(brokers: &str) -> ClientConfig {
    let mut config = client(brokers);
    config
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // Nobody may start anywhere but where he was told to.
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        // A long poll answers when the last stable offset moves; a shorter wait only burns CPU.
        .set("fetch.wait.max.ms", "500")
        .set("fetch.error.backoff.ms", "50")
        // Back-pressure: fetching stops above this. The default wait before it looks again, 1 s, stalls a fast reader.
        .set("queued.max.messages.kbytes", "32768")
        .set("fetch.queue.backoff.ms", "5");
    config
}

/// The consumer of the inbox, a static member of the service's group.
pub(super) fn group_consumer(settings: &KafkaSettings) -> ClientConfig {
    let mut config = consumer(&settings.brokers);
    config
        .set("group.id", &settings.service)
        .set("group.instance.id", settings.member())
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "range")
        .set("session.timeout.ms", millis(SESSION_TIMEOUT))
        // How soon to look again whether committed offsets have become stable.
        .set("retry.backoff.ms", "20")
        .set("retry.backoff.max.ms", "100")
        // A member learns of a rebalance from the answer to a heartbeat.
        .set("heartbeat.interval.ms", "500");
    config
}

/// A consumer of given partitions. librdkafka wants a group even when none is joined and nothing committed.
pub(super) fn partition_reader(brokers: &str) -> ClientConfig {
    let mut config = consumer(brokers);
    config
        .set("group.id", "tributary-reader")
        .set("enable.partition.eof", "true");
    config
}

/// A client that asks for high watermarks, where a `read_committed` one would be told last stable offsets.
pub(super) fn uncommitted(brokers: &str) -> ClientConfig {
    let mut config = client(brokers);
    config.set("isolation.level", "read_uncommitted");
    config
}

/// A consumer that looks up and commits offsets of a group without joining it.
pub(super) fn offsets_of(brokers: &str, group: &str) -> ClientConfig {
    let mut config = consumer(brokers);
    config.set("group.id", group);
    config
}

/// An administrator's client.
pub(super) fn admin(brokers: &str) -> ClientConfig {
    client(brokers)
}

fn producer(brokers: &str) -> ClientConfig {
    let mut config = client(brokers);
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.type", "lz4")
        .set("message.max.bytes", MESSAGE_BYTES_MAX.to_string())
        // What bounds the queue is whoever sends: a transaction's limits, a command producer's in-flight limit.
        .set("queue.buffering.max.messages", "0")
        // A retriable answer, as while a new partition enters the transaction, waits this long; the default of 100 ms
        // is most of a transaction's time (10 ms: 14 ms a transaction, 1 ms: 3.4 ms).
        .set("retry.backoff.ms", "1")
        .set("retry.backoff.max.ms", "5");
    config
}

/// The transactional producer of a worker. `timeout`: how long a transaction may stay open.
pub(super) fn transactional_producer(settings: &KafkaSettings, timeout: Duration) -> ClientConfig {
    let mut config = producer(&settings.brokers);
    config
        .set("transactional.id", settings.member())
        .set("transaction.timeout.ms", millis(timeout))
        .set("socket.timeout.ms", millis(timeout))
        // A transaction's records are handed over at once and awaited: waiting for more would only add to it.
        .set("linger.ms", "0");
    config
}

/// A plain idempotent producer.
pub(super) fn command_producer(brokers: &str, linger: Duration) -> ClientConfig {
    let mut config = producer(brokers);
    config.set("linger.ms", millis(linger));
    config
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}
