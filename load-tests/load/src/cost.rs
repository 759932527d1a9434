//! What a payment costs beside processor time: transactions, records and bytes, by what broker and database count.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;
use sqlx::{Connection, PgConnection};
use tributary_contracts::topics::ALL;
use tributary_stream::kafka::{EventReader, Watermarks};

use crate::{LoadError, Target, clock::Start};

/// Where Kafka's transaction coordinators write down each transaction's states.
const TRANSACTION_STATE: &str = "__transaction_state";

/// The state that a transaction enters once when it commits: `PREPARE_COMMIT` of Kafka's `TransactionState`.
const PREPARE_COMMIT: u8 = 2;

/// Where the state stands in a `TransactionLogValue`, in every version so far: behind version, producer id, epoch, time-out.
const STATE_AT: usize = 2 + 8 + 2 + 4;

/// Where the transactional id stands in a `TransactionLogKey`: behind version and length.
const ID_AT: usize = 2 + 2;

/// How long the transactions' log may take to be read.
const READ_WITHIN: Duration = Duration::from_secs(20);

/// What all ended payments of a load cost, its warm-up included, each figure divided by their number.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Cost {
    /// Payments that ended.
    pub payments: u64,
    /// Kafka's transactions, by service.
    pub transactions: BTreeMap<String, f64>,
    /// Entries of the topics' logs: records, and the markers with which transactions end.
    pub log_entries: BTreeMap<String, f64>,
    /// Bytes of the logs on the broker's disk, compressed as they are; `__` for the coordinators' own. Only of a broker on
    /// this machine.
    pub log_bytes: BTreeMap<String, f64>,
    /// PostgreSQL's transactions: of the read models, and of whoever asks for them.
    pub database_transactions: f64,
    /// Bytes of PostgreSQL's write-ahead log.
    pub database_wal_bytes: f64,
}

/// Counters that only grow, at one moment.
pub(crate) struct Counters {
    ends: BTreeMap<&'static str, i64>,
    transactions_end: BTreeMap<i32, i64>,
    log_bytes: BTreeMap<String, u64>,
    database_transactions: i64,
    wal_bytes: i64,
}

impl Counters {
    pub(crate) fn read(target: &Target) -> Result<Self, LoadError> {
        let watermarks = Watermarks::connect(&target.brokers)?;
        let mut ends = BTreeMap::new();
        for topic in ALL {
            ends.insert(topic.name, watermarks.ends(topic.name)?.values().sum());
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (database_transactions, wal_bytes) = runtime.block_on(async {
            let mut database = PgConnection::connect(&target.database_url).await?;
            sqlx::query_as(
                "SELECT xact_commit, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint
                 FROM pg_stat_database WHERE datname = current_database()",
            )
            .fetch_one(&mut database)
            .await
        })?;
        Ok(Self {
            ends,
            // There is none as long as nobody has begun a transaction.
            transactions_end: watermarks.ends(TRANSACTION_STATE).unwrap_or_default(),
            log_bytes: target.log_dir.as_deref().map(log_bytes).unwrap_or_default(),
            database_transactions,
            wal_bytes,
        })
    }

    /// What was counted since then.
    pub(crate) fn since(self, before: &Self, target: &Target, payments: u64) -> Result<Cost, LoadError> {
        let each = |total: f64| total / (payments.max(1) as f64);
        let mut log_entries = BTreeMap::new();
        for (topic, end) in &self.ends {
            let grown = end - before.ends.get(topic).copied().unwrap_or(0);
            if grown > 0 {
                log_entries.insert((*topic).to_owned(), each(grown as f64));
            }
        }
        let mut bytes = BTreeMap::new();
        for (topic, size) in &self.log_bytes {
            let grown = size.saturating_sub(before.log_bytes.get(topic).copied().unwrap_or(0));
            if grown > 0 {
                bytes.insert(topic.clone(), each(grown as f64));
            }
        }
        let transactions = transactions(&target.brokers, &before.transactions_end, &self.transactions_end)?;
        Ok(Cost {
            payments,
            transactions: transactions
                .into_iter()
                .map(|(service, count)| (service, each(count as f64)))
                .collect(),
            log_entries,
            log_bytes: bytes,
            database_transactions: each((self.database_transactions - before.database_transactions) as f64),
            database_wal_bytes: each((self.wal_bytes - before.wal_bytes) as f64),
        })
    }
}

/// Sizes of the topics' log files.
fn log_bytes(log_dir: &Path) -> BTreeMap<String, u64> {
    let mut sizes = BTreeMap::new();
    for partition in entries(log_dir) {
        let name = partition.file_name().unwrap_or_default().to_string_lossy();
        // `<topic>-<partition>`
        let Some((topic, _)) = name.rsplit_once('-') else {
            continue;
        };
        let topic = if topic.starts_with("__") { "__" } else { topic };
        for file in entries(&partition) {
            if file.extension().is_some_and(|extension| extension == "log") {
                let size = fs::metadata(&file).map_or(0, |file| file.len());
                *sizes.entry(topic.to_owned()).or_default() += size;
            }
        }
    }
    sizes
}

fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

/// Committed transactions by the services that they are of, counted from the coordinators' own log.
fn transactions(
    brokers: &str,
    from: &BTreeMap<i32, i64>,
    to: &BTreeMap<i32, i64>,
) -> Result<BTreeMap<String, u64>, LoadError> {
    let mut counts = BTreeMap::new();
    if from.is_empty() {
        return Ok(counts);
    }
    let mut reader = EventReader::open(brokers, TRANSACTION_STATE, from)?;
    let since = Start::now();
    let is_behind = |reader: &EventReader| {
        let next = reader.next();
        to.iter()
            .any(|(partition, end)| next.get(partition).is_some_and(|next| next < end))
    };
    while is_behind(&reader) && since.elapsed() < READ_WITHIN {
        for record in reader.poll(Duration::from_millis(100), 10_000)?.records {
            let is_past = to.get(&record.partition).is_none_or(|end| record.offset >= *end);
            if !is_past && let Some(service) = committed_by(&record.key, &record.value) {
                *counts.entry(service).or_default() += 1;
            }
        }
    }
    Ok(counts)
}

/// The service whose transaction commits by this record of the coordinators' log, if one does: ids are
/// `<service>-<instance>-<worker>`.
fn committed_by(key: &[u8], value: &[u8]) -> Option<String> {
    if value.get(STATE_AT) != Some(&PREPARE_COMMIT) {
        return None;
    }
    let id = str::from_utf8(key.get(ID_AT..)?).ok()?;
    Some(id.rsplitn(3, '-').last()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_counts_once_for_its_service() {
        let key = [&[0, 0, 0, 12][..], b"payments-a-0"].concat();
        let mut value = vec![0; 30];
        assert_eq!(committed_by(&key, &value), None);
        value[STATE_AT] = PREPARE_COMMIT;
        assert_eq!(committed_by(&key, &value).as_deref(), Some("payments"));
        assert_eq!(committed_by(&key, &[]), None);
        assert_eq!(committed_by(&[0], &value), None);
    }
}
