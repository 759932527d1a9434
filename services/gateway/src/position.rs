//! Positions in the log, as the API shows and reads them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use tributary_contracts::topics;
use utoipa::ToSchema;

/// Most positions that one header or parameter may name.
const POSITIONS_MAX: usize = 64;

/// A record's place in the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub(crate) struct Position {
    #[schema(examples("payments.events"))]
    pub(crate) topic: &'static str,
    #[schema(minimum = 0)]
    pub(crate) partition: i32,
    #[schema(minimum = 0)]
    pub(crate) offset: i64,
}

impl Position {
    pub(crate) fn new(topic: &'static str, partition: i32, offset: i64) -> Self {
        Self {
            topic,
            partition,
            offset,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.topic, self.partition, self.offset)
    }
}

/// Places in several partitions, at most one in each: `payments.events/0@12,payments.events/1@7`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Positions(pub(crate) BTreeMap<(&'static str, i32), i64>);

impl Positions {
    /// Reads the text form. The error says what is wrong, without quoting the text.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut positions = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (place, offset) = part.split_once('@').ok_or("an offset follows an @")?;
            let (topic, partition) = place.split_once('/').ok_or("a partition follows a /")?;
            let topic = topics::find(topic).ok_or("there is no such topic")?;
            let partition = digits(partition)
                .and_then(|partition| i32::try_from(partition).ok())
                .ok_or("a partition is a number")?;
            let offset = digits(offset).ok_or("an offset is a number")?;
            if positions.insert((topic.name, partition), offset).is_some() {
                return Err("a partition is named once");
            }
            if positions.len() > POSITIONS_MAX {
                return Err("these are too many positions");
            }
        }
        Ok(Self(positions))
    }

    /// Of one topic: the offset that follows in each partition.
    pub(crate) fn after_last(topic: &'static str, next: &BTreeMap<i32, i64>) -> Self {
        Self(
            next.iter()
                .filter(|(_, next)| **next > 0)
                .map(|(partition, next)| ((topic, *partition), next - 1))
                .collect(),
        )
    }

    pub(crate) fn list(&self) -> Vec<Position> {
        self.0
            .iter()
            .map(|((topic, partition), offset)| Position::new(topic, *partition, *offset))
            .collect()
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, position) in self.list().iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{position}")?;
        }
        Ok(())
    }
}

/// Digits only, unlike `str::parse`, which takes a sign as well.
fn digits(text: &str) -> Option<i64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_they_are_written() {
        let text = "accounts.events/1@0,payments.events/0@12";
        let positions = Positions::parse(text).unwrap();
        assert_eq!(positions.to_string(), text);
        assert_eq!(
            Positions::parse(" payments.events/0@12 ,accounts.events/1@0,"),
            Ok(positions)
        );
        assert_eq!(Positions::parse(""), Ok(Positions::default()));
    }

    #[test]
    fn what_names_no_position_is_refused() {
        for text in [
            "payments.events",
            "payments.events/0",
            "payments.events/0@",
            "payments.events/0@-1",
            "payments.events/+0@1",
            "payments.events/x@1",
            "payments.events/0@99999999999999999999",
            "payments.events/99999999999@1",
            "nowhere/0@1",
            "payments.events/0@1,payments.events/0@2",
        ] {
            assert!(Positions::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_partition_that_holds_nothing_has_no_last_position() {
        let next = BTreeMap::from([(0, 3), (1, 0)]);
        assert_eq!(
            Positions::after_last("payments.events", &next).to_string(),
            "payments.events/0@2"
        );
    }
}
