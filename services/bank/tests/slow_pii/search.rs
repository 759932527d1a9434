//! A search through all that a bank keeps.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use regex::bytes::{Regex, RegexBuilder};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

const WITHIN: Duration = Duration::from_secs(30);

/// What is searched for: a text in the ways that it might be written in.
pub(crate) struct Search(Regex);

/// Places by how many pieces of each were searched, and where the text was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) searched: BTreeMap<String, usize>,
    pub(crate) hits: Vec<String>,
}

impl Found {
    /// Whether one of the hits is in a place whose name begins so.
    pub(crate) fn is_in(&self, place: &str) -> bool {
        self.hits.iter().any(|hit| hit.starts_with(place))
    }
}

impl Search {
    /// Plain, in capitals, in small letters, in hexadecimal, in base64 of either alphabet at any alignment, and in UTF-16.
    pub(crate) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let utf16 = |order: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(order).collect() };
        let plain = [text.to_owned(), text.to_lowercase(), text.to_uppercase()];
        let written = plain.into_iter().chain([hex.to_uppercase(), hex]);
        let mut needles: Vec<Vec<u8>> = written.map(String::into_bytes).collect();
        needles.extend([utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)]);
        for before in 0..3 {
            let shifted = [&vec![0; before][..], bytes].concat();
            // Characters that hold bits of this text alone.
            let own = (before * 8).div_ceil(6)..shifted.len() * 8 / 6;
            for alphabet in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                needles.push(alphabet.encode(&shifted)[own.clone()].as_bytes().to_vec());
            }
        }
        let literal =
            |needle: &Vec<u8>| -> String { needle.iter().map(|byte| format!("\\x{byte:02x}")).collect() };
        let any: Vec<String> = needles.iter().map(literal).collect();
        let pattern = RegexBuilder::new(&any.join("|")).unicode(false).build();
        Self(pattern.unwrap())
    }

    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        self.0.is_match(bytes)
    }

    pub(crate) fn note(&self, found: &mut Found, place: &str, bytes: &[u8]) {
        *found.searched.entry(place.to_owned()).or_default() += 1;
        if self.is_in(bytes) {
            found.hits.push(place.to_owned());
        }
    }

    /// Every record of every topic that there is, whoever made it: declared or not, committed, aborted or open.
    pub(crate) fn topics(&self, brokers: &str, found: &mut Found) {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", "canary")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_uncommitted")
            .create()
            .unwrap();
        let metadata = consumer.fetch_metadata(None, WITHIN).unwrap();
        let mut from = TopicPartitionList::new();
        let mut ends = BTreeMap::new();
        for topic in metadata.topics() {
            found
                .searched
                .entry(format!("topic {}", topic.name()))
                .or_default();
            for partition in topic.partitions() {
                let (start, end) = consumer
                    .fetch_watermarks(topic.name(), partition.id(), WITHIN)
                    .unwrap();
                if start < end {
                    from.add_partition_offset(topic.name(), partition.id(), Offset::Offset(start))
                        .unwrap();
                    ends.insert((topic.name().to_owned(), partition.id()), end);
                }
            }
        }
        consumer.assign(&from).unwrap();
        let mut silent = 0;
        while !ends.is_empty() {
            match consumer.poll(Duration::from_millis(200)) {
                Some(message) => {
                    silent = 0;
                    let message = message.unwrap();
                    let place = format!("topic {}", message.topic());
                    for part in [message.key(), message.payload()].into_iter().flatten() {
                        self.note(found, &place, part);
                    }
                    for header in message.headers().into_iter().flat_map(|headers| headers.iter()) {
                        self.note(found, &place, header.value.unwrap_or_default());
                    }
                }
                None => silent += 1,
            }
            // Markers of transactions take offsets too: where the consumer stands says more than what it hands out.
            for place in consumer.position().unwrap().elements() {
                let key = (place.topic().to_owned(), place.partition());
                if let Offset::Offset(next) = place.offset()
                    && ends.get(&key).is_some_and(|end| next >= *end)
                {
                    ends.remove(&key);
                }
            }
            // A topic that ends in a marker never gets beyond it here.
            if silent > 5 {
                break;
            }
        }
    }

    /// Every row of every table, in every schema of every database.
    pub(crate) async fn tables(&self, server: &PgConnectOptions, found: &mut Found) {
        let mut connection = PgConnection::connect_with(server).await.unwrap();
        let databases: Vec<String> =
            sqlx::query_scalar("SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate")
                .fetch_all(&mut connection)
                .await
                .unwrap();
        for database in databases {
            let options = server.clone().database(&database);
            let mut connection = PgConnection::connect_with(&options).await.unwrap();
            let tables: Vec<String> = sqlx::query_scalar(
                "SELECT format('%I.%I', nspname, relname) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
                 WHERE relkind IN ('r', 'm', 'p')",
            )
            .fetch_all(&mut connection)
            .await
            .unwrap();
            for table in tables {
                let rows = AssertSqlSafe(format!("SELECT row::text FROM {table} AS row"));
                let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(&mut connection).await.unwrap();
                let place = format!("table {database}.{table}");
                found.searched.entry(place.clone()).or_default();
                for row in rows {
                    self.note(found, &place, row.as_bytes());
                }
            }
        }
    }

    /// Every file below a directory that was written since then, but for those below `except`.
    pub(crate) fn files(
        &self,
        directory: &Path,
        since: SystemTime,
        except: Option<&Path>,
        found: &mut Found,
    ) {
        let Ok(entries) = std::fs::read_dir(directory) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if except == Some(path.as_path()) {
                continue;
            }
            if path.is_dir() {
                self.files(&path, since, except, found);
                continue;
            }
            // PostgreSQL removes some while this looks.
            let Ok(bytes) = std::fs::metadata(&path).and_then(|data| match data.modified()? >= since {
                true => std::fs::read(&path),
                false => Ok(Vec::new()),
            }) else {
                continue;
            };
            *found.searched.entry("file".to_owned()).or_default() += 1;
            if self.is_in(&bytes) {
                found.hits.push(format!("file {}", path.display()));
            }
        }
    }
}
