use crate::{LoggedEvent, Offsets};

/// A stretch of a topic, decoded.
#[derive(Debug)]
pub struct EventBatch<E> {
    /// Where each partition's stretch begins.
    pub from: Offsets,
    /// Where each partition goes on after it.
    pub next: Offsets,
    /// In offset order per partition.
    pub events: Vec<LoggedEvent<E>>,
    /// Whether nothing stood after it when it was read.
    pub at_end: bool,
}

/// A partition's offset that moves with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) partition: i32,
    pub(crate) expected: i64,
    pub(crate) next: i64,
}

impl<E> EventBatch<E> {
    /// Whether something that stands between these offsets and the batch isn't in it.
    pub(crate) fn leaves_gap_after(&self, offsets: &Offsets) -> bool {
        self.from
            .iter()
            .any(|(partition, &from)| offsets.get(partition).is_none_or(|&offset| offset < from))
    }

    /// Drops what was applied before: a source, or another instance, may have handed it over already.
    pub(crate) fn drop_applied(&mut self, offsets: &Offsets) {
        self.events.retain(|event| {
            offsets
                .get(&event.partition)
                .is_some_and(|&offset| event.offset >= offset)
        });
    }

    /// The offsets that the batch moves, in order of partitions.
    pub(crate) fn moves(&self, offsets: &Offsets) -> Vec<Move> {
        let moved = self.next.iter().filter_map(|(&partition, &next)| {
            let expected = *offsets.get(&partition)?;
            (next > expected).then_some(Move {
                partition,
                expected,
                next,
            })
        });
        moved.collect()
    }

    /// Takes in the stretch that comes right after.
    pub(crate) fn extend(&mut self, following: Self) {
        self.events.extend(following.events);
        self.next = following.next;
        self.at_end = following.at_end;
    }
}
