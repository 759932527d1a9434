//! What happened, line by line, in plain words. Nobody pays for a story that isn't told.

use std::fmt::Write as _;

use tributary_contracts::{
    codec,
    record::{Outgoing, Record},
};

/// The story so far, or none.
#[derive(Debug, Default)]
pub(crate) struct Story {
    text: Option<String>,
    /// Since when time is told, milliseconds since the epoch.
    begins_ms: i64,
}

impl Story {
    pub(crate) fn told(begins_ms: i64) -> Self {
        Self {
            text: Some(String::new()),
            begins_ms,
        }
    }

    pub(crate) fn is_told(&self) -> bool {
        self.text.is_some()
    }

    pub(crate) fn tell(&mut self, now_ms: i64, line: impl FnOnce() -> String) {
        if let Some(text) = &mut self.text {
            let since = now_ms - self.begins_ms;
            // Writing to a string doesn't fail.
            let _ = writeln!(text, "{:>9}.{:03}s  {}", since / 1000, since % 1000, line());
        }
    }

    /// A line without a time: where a step begins.
    pub(crate) fn heading(&mut self, line: impl FnOnce() -> String) {
        if let Some(text) = &mut self.text {
            let _ = writeln!(text, "{}", line());
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.text.unwrap_or_default()
    }
}

/// A record's type without what every type has.
pub(crate) fn kind(headers: &tributary_contracts::record::Headers) -> &str {
    let ce_type = headers.text(codec::CE_TYPE).unwrap_or("no type");
    let name = ce_type.strip_prefix("tributary.").unwrap_or(ce_type);
    name.split_once(".v").map_or(name, |(name, _)| name)
}

/// Where a record stands, what it is and about whom.
pub(crate) fn read(topic: &str, record: &Record) -> String {
    let Record {
        partition, offset, ..
    } = record;
    format!(
        "{topic}/{partition}:{offset} {} of {}",
        kind(&record.headers),
        short(&record.key)
    )
}

pub(crate) fn written(record: &Outgoing) -> (&'static str, i32, String) {
    let what = format!("{} of {}", kind(&record.headers), short(&record.key));
    (record.topic, record.partition, what)
}

/// The first characters of an id tell it from others in one run.
pub(crate) fn short(key: &[u8]) -> String {
    let text = String::from_utf8_lossy(key);
    text.chars().take(8).collect()
}
