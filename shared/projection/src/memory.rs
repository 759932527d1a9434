use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tributary_contracts::record::{Headers, Record};
use tributary_stream::log::Fault;

use crate::{EventSource, EventTopic, Offsets, SourceBatch};

/// A topic in memory, for tests of read models without a broker. Clones share it.
#[derive(Clone)]
pub struct MemoryTopic {
    name: &'static str,
    shared: Arc<Shared>,
}

struct Shared {
    log: Mutex<Log>,
    grown: Condvar,
}

struct Log {
    /// Per partition; `None` stands for what takes an offset and is never handed over: a control marker, an aborted
    /// record.
    partitions: Vec<Vec<Option<Record>>>,
    /// Faults that the next polls meet.
    faults: VecDeque<Fault>,
    /// How many offsets before its position a source hands over again, at each poll.
    redelivered: i64,
}

impl MemoryTopic {
    pub fn new(name: &'static str, partitions: usize) -> Self {
        let log = Log {
            partitions: vec![Vec::new(); partitions],
            faults: VecDeque::new(),
            redelivered: 0,
        };
        let shared = Shared {
            log: Mutex::new(log),
            grown: Condvar::new(),
        };
        Self {
            name,
            shared: Arc::new(shared),
        }
    }

    /// Appends a committed record; returns its offset. Panics where there is no such partition.
    pub fn append(
        &self,
        partition: i32,
        key: &[u8],
        headers: Headers,
        value: Vec<u8>,
        timestamp_ms: i64,
    ) -> i64 {
        self.push(partition, |offset| {
            Some(Record {
                partition,
                offset,
                timestamp_ms,
                key: key.to_vec(),
                headers,
                value,
            })
        })
    }

    /// Appends what takes an offset and is never handed over, as a transaction's end does.
    pub fn append_marker(&self, partition: i32) -> i64 {
        self.push(partition, |_| None)
    }

    /// Lets the next poll of any source fail.
    pub fn fail_next_poll(&self, fault: Fault) {
        self.shared.lock().faults.push_back(fault);
    }

    /// From now on each poll hands over so many offsets again that it handed over before.
    pub fn redeliver(&self, offsets: i64) {
        self.shared.lock().redelivered = offsets;
    }

    /// Changes a record in place, as a corrupt disk would. Returns whether there was one.
    pub fn tamper(&self, partition: i32, offset: i64, change: impl FnOnce(&mut Record)) -> bool {
        let mut log = self.shared.lock();
        let record = log.partitions[partition as usize]
            .get_mut(offset as usize)
            .and_then(Option::as_mut);
        record.map(change).is_some()
    }

    /// The offset after the last of each partition.
    pub fn end(&self) -> Offsets {
        let log = self.shared.lock();
        let ends = log.partitions.iter().map(|records| records.len() as i64);
        (0..).zip(ends).collect()
    }

    fn push(&self, partition: i32, record: impl FnOnce(i64) -> Option<Record>) -> i64 {
        let mut log = self.shared.lock();
        let records = &mut log.partitions[partition as usize];
        let offset = records.len() as i64;
        records.push(record(offset));
        self.shared.grown.notify_all();
        offset
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventTopic for MemoryTopic {
    fn name(&self) -> &str {
        self.name
    }

    fn partitions(&self) -> Result<Vec<i32>, Fault> {
        Ok((0..self.shared.lock().partitions.len() as i32).collect())
    }

    fn read(&self, from: &Offsets) -> Result<Box<dyn EventSource>, Fault> {
        Ok(Box::new(MemorySource {
            shared: Arc::clone(&self.shared),
            next: from.clone(),
        }))
    }
}

struct MemorySource {
    shared: Arc<Shared>,
    next: Offsets,
}

impl MemorySource {
    fn at_end(&self, log: &Log) -> bool {
        let mut positions = self.next.iter();
        positions.all(|(&partition, &next)| next >= log.partitions[partition as usize].len() as i64)
    }
}

impl EventSource for MemorySource {
    fn poll(&mut self, max_wait: Duration, records_max: usize) -> Result<SourceBatch, Fault> {
        let shared = Arc::clone(&self.shared);
        let waited = shared.grown.wait_timeout_while(shared.lock(), max_wait, |log| {
            log.faults.is_empty() && self.at_end(log)
        });
        let (mut log, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(fault) = log.faults.pop_front() {
            return Err(fault);
        }
        let mut records = Vec::new();
        let mut new = 0;
        for (&partition, next) in &mut self.next {
            let slots = &log.partitions[partition as usize];
            let from = match slots.len() as i64 > *next {
                true => (*next - log.redelivered).max(0),
                false => *next,
            };
            for (offset, slot) in (from..).zip(&slots[from as usize..]) {
                if offset >= *next {
                    if new == records_max {
                        break;
                    }
                    new += 1;
                }
                records.extend(slot.clone());
                *next = (*next).max(offset + 1);
            }
        }
        Ok(SourceBatch {
            records,
            next: self.next.clone(),
            at_end: self.at_end(&log),
        })
    }
}
