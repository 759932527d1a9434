//! A transactional producer by hand, for tests that need a transaction to stay open.

use tributary_contracts::record::Outgoing;

use super::clients::MemoryBroker;
use super::error::BrokerError;
use super::transactions::ProducerIdentity;

/// A transactional producer. A transaction begins with the first record or offset that is sent. Dropping it ends
/// nothing, as when a process dies.
pub struct MemoryProducer {
    broker: MemoryBroker,
    transactional_id: String,
    identity: ProducerIdentity,
}

impl MemoryProducer {
    /// Fences former producers of the same transactional id and aborts what they left open.
    ///
    /// # Errors
    /// [`BrokerError::ConcurrentTransactions`] while the last transaction is being completed.
    pub fn initialise(broker: &MemoryBroker, transactional_id: &str) -> Result<Self, BrokerError> {
        let identity = broker.lock().init_producer(transactional_id)?;
        Ok(Self {
            broker: broker.clone(),
            transactional_id: transactional_id.to_owned(),
            identity,
        })
    }

    /// Writes a record in the open transaction, and returns its offset.
    ///
    /// # Errors
    /// [`BrokerError::ProducerFenced`], [`BrokerError::ConcurrentTransactions`], and those of the topic.
    pub fn send(&self, record: Outgoing) -> Result<i64, BrokerError> {
        let mut broker = self.broker.lock();
        let now_ms = broker.now_ms;
        broker.produce(&self.transactional_id, self.identity, record, now_ms)
    }

    /// Sends next offsets of a group in the open transaction, without being a member of it.
    ///
    /// # Errors
    /// [`BrokerError::ProducerFenced`], [`BrokerError::ConcurrentTransactions`].
    pub fn send_offsets(&self, group: &str, next_inputs: &[(i32, i64)]) -> Result<(), BrokerError> {
        let mut broker = self.broker.lock();
        broker.send_offsets(&self.transactional_id, self.identity, group, None, next_inputs)
    }

    /// Commits the open transaction.
    ///
    /// # Errors
    /// [`BrokerError::ProducerFenced`]: nothing of it is or will be in the log.
    /// [`BrokerError::InvalidTxnState`]: none is open.
    pub fn commit(&self) -> Result<(), BrokerError> {
        self.end(true)
    }

    /// Aborts the open transaction.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn abort(&self) -> Result<(), BrokerError> {
        self.end(false)
    }

    fn end(&self, commit: bool) -> Result<(), BrokerError> {
        let mut broker = self.broker.lock();
        broker.end_transaction(&self.transactional_id, self.identity, commit, 0, usize::MAX)
    }
}
