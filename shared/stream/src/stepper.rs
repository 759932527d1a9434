//! A service without log, threads or clock, record by record: for tests that choose the order in which things happen.

use tributary_contracts::record::{Outgoing, Record};
use tributary_overlay::Layered;

use crate::{
    process::{Processor, timer_record},
    service::{Corrupt, Service},
    state::PartitionState,
};

/// Most timers that one look at the clock brings up.
const TIMERS_MAX: usize = 1_000;

/// All partitions of one service. Every record is a transaction of its own that commits. What the service writes,
/// timers' records included, is given back: to be looked at, or fed to the stepper of whoever reads that topic.
pub struct Stepper<S: Service> {
    partitions: Vec<PartitionState<S>>,
    now_ms: i64,
}

impl<S: Service> Stepper<S> {
    /// With empty partitions, at that time in milliseconds since the epoch.
    pub fn new(partitions: i32, now_ms: i64) -> Self {
        Self {
            partitions: (0..partitions).map(PartitionState::new).collect(),
            now_ms,
        }
    }

    /// The time that the next record bears.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Handles a record of the service's inbox, as it would be handled behind all that were fed before.
    ///
    /// # Errors
    /// What would stop the partition.
    ///
    /// # Panics
    /// When the record's partition is none of the stepper's.
    pub fn feed(&mut self, record: Outgoing) -> Result<Vec<Outgoing>, Corrupt> {
        let partitions = self.partitions.len() as i32;
        let state = &mut self.partitions[record.partition as usize];
        let record = Record {
            partition: record.partition,
            offset: state.next_input(),
            timestamp_ms: self.now_ms,
            key: record.key,
            headers: record.headers,
            value: record.value,
        };
        let mut out = Vec::new();
        let mut processor = Processor {
            state,
            partitions,
            out: &mut out,
            told: &mut Vec::new(),
        };
        processor.handle(&record)?;
        self.partitions[record.partition as usize].commit();
        Ok(out)
    }

    /// Lets time pass, and gives back the records of the timers that came due, which come through the inbox.
    pub fn advance(&mut self, ms: i64) -> Vec<Outgoing> {
        self.now_ms += ms;
        let mut out = Vec::new();
        for (number, state) in self.partitions.iter_mut().enumerate() {
            for timer in state.due_timers(self.now_ms, TIMERS_MAX) {
                out.push(timer_record::<S>(number as i32, &timer));
                state.timer_sent(timer);
            }
        }
        out
    }

    /// The service's state in each partition.
    pub fn states(&self) -> impl Iterator<Item = &S::State> {
        self.partitions.iter().map(PartitionState::service)
    }
}
