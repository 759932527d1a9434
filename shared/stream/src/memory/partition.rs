//! One partition of a topic: entries by offset, what of them is undecided, and reading.

use std::collections::VecDeque;

use tributary_contracts::record::Record;

use super::error::BrokerError;

/// Most aborted records and markers that one read passes before it answers, as a fetch ends at its size.
const PASSED_MAX: usize = 1_000;

/// What stands at an offset.
pub(super) enum Slot {
    Record {
        record: Record,
        state: SlotState,
    },
    /// A control marker: a transaction of this producer ended here. It takes an offset and is never delivered (KIP-98).
    Marker {
        producer_id: i64,
        commit: bool,
    },
}

/// What a `read_committed` reader may know of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotState {
    /// Written outside of any transaction.
    Plain,
    /// Its transaction, of this producer, is undecided.
    Open(i64),
    Committed,
    Aborted,
}

/// A partition's log, without replicas: the high watermark is its end.
#[derive(Default)]
pub(super) struct PartitionLog {
    start: i64,
    slots: VecDeque<Slot>,
    /// Undecided transactions: producer id and first offset. In the order of the first offsets.
    open: Vec<(i64, i64)>,
}

impl PartitionLog {
    pub(super) fn start(&self) -> i64 {
        self.start
    }

    /// The high watermark: what comes next gets this offset.
    pub(super) fn end(&self) -> i64 {
        self.start + self.slots.len() as i64
    }

    /// Below it, everything is decided.
    pub(super) fn last_stable_offset(&self) -> i64 {
        // The prefix may have been dropped from under an open transaction.
        self.open
            .first()
            .map_or_else(|| self.end(), |&(_, first)| first.max(self.start))
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = (i64, &Slot)> {
        (self.start..).zip(&self.slots)
    }

    /// Appends a record and gives it the offset that it returns.
    pub(super) fn append(&mut self, mut record: Record, producer_id: Option<i64>) -> i64 {
        let offset = self.end();
        record.offset = offset;
        let state = match producer_id {
            None => SlotState::Plain,
            Some(producer_id) => {
                if !self.open.iter().any(|&(open, _)| open == producer_id) {
                    self.open.push((producer_id, offset));
                }
                SlotState::Open(producer_id)
            }
        };
        self.slots.push_back(Slot::Record { record, state });
        offset
    }

    /// Ends a producer's transaction in this partition by a marker.
    pub(super) fn mark(&mut self, producer_id: i64, commit: bool) {
        if let Some(place) = self.open.iter().position(|&(open, _)| open == producer_id) {
            let (_, first) = self.open.remove(place);
            let decided = if commit {
                SlotState::Committed
            } else {
                SlotState::Aborted
            };
            let from = (first - self.start).max(0) as usize;
            for slot in self.slots.range_mut(from..) {
                if let Slot::Record { state, .. } = slot
                    && *state == SlotState::Open(producer_id)
                {
                    *state = decided;
                }
            }
        }
        self.slots.push_back(Slot::Marker { producer_id, commit });
    }

    /// Drops what stands before an offset, as retention does.
    pub(super) fn truncate_before(&mut self, offset: i64) {
        let dropped = (offset.min(self.end()) - self.start).max(0);
        self.slots.drain(..dropped as usize);
        self.start += dropped;
    }

    /// Reads decided records from an offset on into a sink, and says where to go on.
    ///
    /// # Errors
    /// [`BrokerError::OffsetOutOfRange`] when the offset was dropped, or is beyond the end.
    pub(super) fn read_committed(&self, from: i64, sink: &mut Sink) -> Result<i64, BrokerError> {
        if from < self.start || from > self.end() {
            return Err(BrokerError::OffsetOutOfRange);
        }
        let mut next = from;
        let mut passed = 0;
        let stable = self.last_stable_offset();
        while next < stable && !sink.is_full() && passed < PASSED_MAX {
            match self.slots.get((next - self.start) as usize) {
                Some(Slot::Record {
                    record,
                    state: SlotState::Plain | SlotState::Committed,
                }) => sink.push(record),
                Some(_) => passed += 1,
                None => break,
            }
            next += 1;
        }
        Ok(next)
    }
}

/// Gathers records up to a number and a size.
pub(super) struct Sink {
    pub(super) records: Vec<Record>,
    records_max: usize,
    bytes_max: usize,
    bytes: usize,
}

impl Sink {
    pub(super) fn new(records_max: usize, bytes_max: usize) -> Self {
        Self {
            records: Vec::new(),
            records_max,
            bytes_max,
            bytes: 0,
        }
    }

    /// One record is always taken, however large, or a large one would block its partition (KIP-74).
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= self.records_max || (!self.records.is_empty() && self.bytes >= self.bytes_max)
    }

    fn push(&mut self, record: &Record) {
        self.bytes += record.key.len() + record.headers.size() + record.value.len();
        self.records.push(record.clone());
    }
}
