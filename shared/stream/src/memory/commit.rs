//! A transaction from begin to commit, and how certain its end is.

use tributary_contracts::record::Outgoing;

use super::error::BrokerError;
use super::faults::{FaultPoint, InjectedFault};
use super::log::MemoryLog;
use super::transactions::ProducerIdentity;
use crate::log::{Ended, Fault, Transaction};

/// Why a transaction wasn't committed.
enum Stopped {
    /// To be aborted, after which the producer can go on.
    Abort(Fault),
    /// Another took over.
    Fenced(Fault),
    /// Left as it is.
    Doubt(Fault),
}

impl From<BrokerError> for Stopped {
    fn from(error: BrokerError) -> Self {
        if error.is_fencing() {
            Self::Fenced(error.into())
        } else {
            Self::Abort(error.into())
        }
    }
}

impl MemoryLog {
    pub(super) fn commit(&mut self, transaction: Transaction) -> Ended {
        let Some(identity) = self.producer else {
            return Ended::InDoubt(Fault::transient("the producer is not initialised"));
        };
        let ended = match self.write(identity, transaction) {
            Ok(offsets) => return Ended::Committed { offsets },
            Err(Stopped::Doubt(fault)) => Ended::InDoubt(fault),
            Err(Stopped::Abort(fault)) => match self.abort(identity) {
                Ok(()) => return Ended::Aborted(fault),
                Err(error) => Ended::Fenced(error.into()),
            },
            Err(Stopped::Fenced(fault)) => {
                // Whoever was fenced by the group can still abort; who was fenced as a producer was aborted already.
                let _aborted_either_way = self.abort(identity);
                Ended::Fenced(fault)
            }
        };
        self.producer = None;
        ended
    }

    /// Aborts what is open; a client knows by itself whether it has begun anything.
    fn abort(&self, identity: ProducerIdentity) -> Result<(), BrokerError> {
        let mut broker = self.broker.lock();
        if broker.is_ongoing(&self.name, identity)? {
            broker.end_transaction(&self.name, identity, false, 0, usize::MAX)?;
        }
        Ok(())
    }

    fn write(&mut self, identity: ProducerIdentity, transaction: Transaction) -> Result<Vec<i64>, Stopped> {
        // The broker wouldn't notice: it checks the generation, not who owns a partition.
        for (partition, _) in &transaction.next_inputs {
            if !self.assigned.contains_key(partition) {
                let message = format!("partition {partition} is not assigned to this worker");
                return Err(Stopped::Fenced(Fault::transient(message)));
            }
        }
        self.strike_writing(FaultPoint::Begin)?;
        let mut offsets = Vec::with_capacity(transaction.records.len());
        for (n, record) in transaction.records.into_iter().enumerate() {
            offsets.push(self.produce(identity, record)?);
            self.strike_writing(FaultPoint::Produced { n })?;
        }
        self.strike_writing(FaultPoint::Offsets)?;
        self.broker.lock().send_offsets(
            &self.name,
            identity,
            &self.settings.service,
            self.membership.as_ref(),
            &transaction.next_inputs,
        )?;
        self.end(identity)?;
        match self.strike(FaultPoint::Prepared).map_err(Stopped::Doubt)? {
            None => Ok(offsets),
            Some(fault) => Err(Stopped::Doubt(Fault::transient(format!(
                "{} while committing",
                fault.kind()
            )))),
        }
    }

    fn produce(&self, identity: ProducerIdentity, record: Outgoing) -> Result<i64, BrokerError> {
        let mut broker = self.broker.lock();
        let created_ms = broker.now_ms + self.settings.clock_skew_ms;
        broker.produce(&self.name, identity, record, created_ms)
    }

    fn strike_writing(&mut self, at: FaultPoint) -> Result<(), Stopped> {
        match self.strike(at).map_err(Stopped::Doubt)? {
            None => Ok(()),
            Some(InjectedFault::Refused) => {
                Err(Stopped::Abort(Fault::transient(format!("refused at {at:?}"))))
            }
            Some(fault) => Err(Stopped::Doubt(Fault::transient(format!(
                "{} at {at:?}",
                fault.kind()
            )))),
        }
    }

    /// Asks for the commit.
    fn end(&mut self, identity: ProducerIdentity) -> Result<(), Stopped> {
        let struck = self.strike(FaultPoint::Commit).map_err(Stopped::Doubt)?;
        let mut broker = self.broker.lock();
        let (due_ms, at_once) = match struck {
            None => (0, usize::MAX),
            Some(InjectedFault::MarkersDelayed { ms, at_once }) => (broker.now_ms + ms, at_once),
            Some(InjectedFault::OffsetsFirst { ms }) => {
                broker.mark_offsets_first(&self.name);
                (broker.now_ms + ms, 1)
            }
            Some(InjectedFault::Refused) => {
                return Err(Stopped::Abort(Fault::transient("refused at the commit")));
            }
            Some(fault) => {
                if let InjectedFault::CommitDelayed { ms } = fault {
                    let due_ms = broker.now_ms + ms;
                    broker.delay_commit(&self.name, identity, due_ms);
                }
                return Err(Stopped::Doubt(Fault::transient("disconnected at the commit")));
            }
        };
        broker.end_transaction(&self.name, identity, true, due_ms, at_once)?;
        Ok(())
    }
}
