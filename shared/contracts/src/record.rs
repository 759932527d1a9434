//! A record as it stands in a log, apart from any client library.

use smallvec::SmallVec;

use crate::codec::{CE_TYPE, DecodeError};

/// Headers in one buffer: a record has five or six, and an allocation for each would cost more than decoding them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    bytes: Vec<u8>,
    /// End of the name and end of the value in `bytes`, per header.
    ends: SmallVec<[(u32, u32); 6]>,
}

impl Headers {
    /// With room for so many bytes of names and values.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ends: SmallVec::new(),
        }
    }

    pub fn push(&mut self, name: &str, value: &[u8]) {
        self.bytes.extend_from_slice(name.as_bytes());
        let name_end = self.bytes.len() as u32;
        self.bytes.extend_from_slice(value);
        self.ends.push((name_end, self.bytes.len() as u32));
    }

    /// The last header of that name: a later one overrides an earlier one, as in Kafka's own `lastHeader`.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.slices()
            .filter(|(header, _)| *header == name.as_bytes())
            .last()
            .map(|(_, value)| value)
    }

    /// The header as text; `None` as well when it isn't UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        // Names come in as `&str` only.
        self.slices()
            .map(|(name, value)| (std::str::from_utf8(name).unwrap_or_default(), value))
    }

    fn slices(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |&(name_end, value_end)| {
            let name = &self.bytes[start..name_end as usize];
            start = value_end as usize;
            (name, &self.bytes[name_end as usize..start])
        })
    }

    /// Bytes of names and values, as they count towards a record's size.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(
                self.iter()
                    .map(|(name, value)| (name, String::from_utf8_lossy(value))),
            )
            .finish()
    }
}

/// A record read from a partition of a topic that the reader knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since the Unix epoch; the broker's append time on inbox topics.
    pub timestamp_ms: i64,
    pub key: Vec<u8>,
    pub headers: Headers,
    pub value: Vec<u8>,
}

impl Record {
    /// The CloudEvents type of the message.
    pub fn ce_type(&self) -> Result<&str, DecodeError> {
        self.headers.text(CE_TYPE).ok_or(DecodeError::NoType)
    }
}

/// A record to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub topic: &'static str,
    pub partition: i32,
    pub key: Vec<u8>,
    pub headers: Headers,
    pub value: Vec<u8>,
}

impl Outgoing {
    /// Bytes of key, headers and value: what the limits on a record and on a transaction count.
    pub fn size(&self) -> usize {
        self.key.len() + self.headers.size() + self.value.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_order_and_the_last_of_a_name_counts() {
        let mut headers = Headers::default();
        headers.push("a", b"1");
        headers.push("b", b"");
        headers.push("a", b"2");
        assert_eq!(headers.get("a"), Some(&b"2"[..]));
        assert_eq!(headers.get("b"), Some(&b""[..]));
        assert_eq!(headers.get("c"), None);
        assert_eq!(
            headers.iter().collect::<Vec<_>>(),
            [("a", &b"1"[..]), ("b", b""), ("a", b"2")]
        );
    }
}
