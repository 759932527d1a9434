//! The transaction coordinator (KIP-98, KIP-447, and the broker's half of KIP-890).
//!
//! Clients are of transaction version 1, as librdkafka's are: the epoch is the same from one transaction of a producer
//! to the next, and changes with an initialisation or a time-out only. So a request to end a transaction that arrives
//! late can hit the next one of the same epoch, here as there.

use std::collections::{BTreeMap, VecDeque};

use tributary_contracts::record::Outgoing;

use super::broker::{Broker, PartitionId};
use super::error::BrokerError;
use super::groups::Membership;
use crate::kafka::TRANSACTION_TIMEOUT;

/// As the real producer asks for it.
pub(super) const TRANSACTION_TIMEOUT_MS: i64 = TRANSACTION_TIMEOUT.as_millis() as i64;

/// Epochs above this make way for a new producer id; one is kept for fencing.
const EPOCH_MAX: i16 = i16::MAX - 2;

/// Who a producer is after initialisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProducerIdentity {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

/// What takes part in a transaction, and gets a marker at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Participant {
    Partition(PartitionId),
    /// The partition of the offsets topic that keeps this group.
    Offsets(String),
}

pub(super) enum Status {
    /// None was begun, or the last one is complete: committed or not.
    Complete { commit: bool },
    Ongoing {
        since_ms: i64,
        participants: Vec<Participant>,
    },
    /// Decided for good, but not every participant has its marker yet.
    Prepared {
        commit: bool,
        pending: VecDeque<Participant>,
        due_ms: i64,
    },
}

pub(super) struct TransactionalId {
    pub(super) identity: ProducerIdentity,
    pub(super) status: Status,
}

/// A request to commit that is still on its way.
struct DelayedCommit {
    due_ms: i64,
    transactional_id: String,
    identity: ProducerIdentity,
}

#[derive(Default)]
pub(super) struct Coordinator {
    pub(super) ids: BTreeMap<String, TransactionalId>,
    producer_ids: i64,
    delayed: Vec<DelayedCommit>,
    /// No marker is written while this is set, but by [`Broker::write_marker`].
    pub(super) markers_held: bool,
}

impl Coordinator {
    fn next_producer_id(&mut self) -> ProducerIdentity {
        self.producer_ids += 1;
        ProducerIdentity {
            id: self.producer_ids,
            epoch: 0,
        }
    }

    /// The state behind a transactional id, for the producer that owns it now.
    fn owned(&mut self, id: &str, identity: ProducerIdentity) -> Result<&mut TransactionalId, BrokerError> {
        match self.ids.get_mut(id) {
            Some(state) if state.identity == identity => Ok(state),
            _ => Err(BrokerError::ProducerFenced),
        }
    }
}

impl Broker {
    /// InitProducerId: fences former producers, aborts what they left open; the new one may start once what they had
    /// prepared is complete.
    pub(super) fn init_producer(&mut self, id: &str) -> Result<ProducerIdentity, BrokerError> {
        if !self.coordinator.ids.contains_key(id) {
            let identity = self.coordinator.next_producer_id();
            let status = Status::Complete { commit: true };
            self.coordinator
                .ids
                .insert(id.to_owned(), TransactionalId { identity, status });
            return Ok(identity);
        }
        self.fence_and_abort(id);
        let exhausted = self
            .coordinator
            .ids
            .get(id)
            .is_some_and(|state| state.identity.epoch >= EPOCH_MAX);
        let fresh = exhausted.then(|| self.coordinator.next_producer_id());
        match self.coordinator.ids.get_mut(id) {
            Some(state) if matches!(state.status, Status::Complete { .. }) => {
                let bumped = ProducerIdentity {
                    id: state.identity.id,
                    epoch: state.identity.epoch.saturating_add(1),
                };
                state.identity = fresh.unwrap_or(bumped);
                Ok(state.identity)
            }
            _ => Err(BrokerError::ConcurrentTransactions),
        }
    }

    /// Aborts an open transaction under a newer epoch, so that its producer can't go on.
    fn fence_and_abort(&mut self, id: &str) {
        if let Some(state) = self.coordinator.ids.get_mut(id)
            && matches!(state.status, Status::Ongoing { .. })
        {
            state.identity.epoch += 1;
            self.prepare(id, false, 0, usize::MAX);
        }
    }

    /// AddPartitionsToTxn and AddOffsetsToTxn: begins the transaction with its first participant.
    fn add_to_transaction(
        &mut self,
        id: &str,
        identity: ProducerIdentity,
        participant: Participant,
    ) -> Result<(), BrokerError> {
        let now_ms = self.now_ms;
        let state = self.coordinator.owned(id, identity)?;
        match &mut state.status {
            Status::Prepared { .. } => return Err(BrokerError::ConcurrentTransactions),
            Status::Complete { .. } => {
                state.status = Status::Ongoing {
                    since_ms: now_ms,
                    participants: vec![participant],
                };
            }
            Status::Ongoing { participants, .. } => {
                if !participants.contains(&participant) {
                    participants.push(participant);
                }
            }
        }
        Ok(())
    }

    /// Appends a record to the producer's transaction, which begins with the first.
    pub(super) fn produce(
        &mut self,
        id: &str,
        identity: ProducerIdentity,
        outgoing: Outgoing,
        created_ms: i64,
    ) -> Result<i64, BrokerError> {
        let partition = self.partition_id(outgoing.topic, outgoing.partition)?;
        self.add_to_transaction(id, identity, Participant::Partition(partition))?;
        self.append(outgoing, created_ms, Some(identity.id))
    }

    /// TxnOffsetCommit: next offsets of a group that count once the transaction is committed. The broker checks member
    /// and generation, not who owns the partitions (KIP-447).
    pub(super) fn send_offsets(
        &mut self,
        id: &str,
        identity: ProducerIdentity,
        group: &str,
        member: Option<&Membership>,
        offsets: &[(i32, i64)],
    ) -> Result<(), BrokerError> {
        self.add_to_transaction(id, identity, Participant::Offsets(group.to_owned()))?;
        self.offset_commits += 1;
        let order = self.offset_commits;
        let group = self.groups.entry(group.to_owned()).or_default();
        if let Some(member) = member {
            group.validate(member)?;
        }
        group.add_pending(identity.id, order, offsets);
        Ok(())
    }

    /// EndTxn. It is answered once the decision is in the coordinator's log; of the markers, `at_once` are written by
    /// then and the others at `markers_due_ms`.
    pub(super) fn end_transaction(
        &mut self,
        id: &str,
        identity: ProducerIdentity,
        commit: bool,
        markers_due_ms: i64,
        at_once: usize,
    ) -> Result<(), BrokerError> {
        match &self.coordinator.owned(id, identity)?.status {
            Status::Ongoing { .. } => {}
            // The same request again.
            Status::Complete { commit: ended } if *ended == commit => return Ok(()),
            Status::Complete { .. } => return Err(BrokerError::InvalidTxnState),
            Status::Prepared { .. } => return Err(BrokerError::ConcurrentTransactions),
        }
        self.prepare(id, commit, markers_due_ms, at_once);
        Ok(())
    }

    /// Whether this producer has a transaction open.
    pub(super) fn is_ongoing(&mut self, id: &str, identity: ProducerIdentity) -> Result<bool, BrokerError> {
        let state = self.coordinator.owned(id, identity)?;
        Ok(matches!(state.status, Status::Ongoing { .. }))
    }

    /// Lets the offsets of an open transaction get the first of its markers.
    pub(super) fn mark_offsets_first(&mut self, id: &str) {
        if let Some(state) = self.coordinator.ids.get_mut(id)
            && let Status::Ongoing { participants, .. } = &mut state.status
        {
            participants.sort_by_key(|participant| !matches!(participant, Participant::Offsets(_)));
        }
    }

    /// Decides an open transaction, and writes markers.
    fn prepare(&mut self, id: &str, commit: bool, markers_due_ms: i64, at_once: usize) {
        let held = self.coordinator.markers_held;
        let Some(state) = self.coordinator.ids.get_mut(id) else {
            return;
        };
        let Status::Ongoing { participants, .. } = &mut state.status else {
            return;
        };
        state.status = Status::Prepared {
            commit,
            pending: std::mem::take(participants).into(),
            due_ms: markers_due_ms,
        };
        let mut left = if held { 0 } else { at_once };
        while left > 0 && self.write_marker_of(id) {
            left -= 1;
        }
    }

    /// Writes the next marker of a decided transaction; `false` when there is none to write.
    fn write_marker_of(&mut self, id: &str) -> bool {
        let Some(state) = self.coordinator.ids.get_mut(id) else {
            return false;
        };
        let Status::Prepared { commit, pending, .. } = &mut state.status else {
            return false;
        };
        let (commit, producer_id) = (*commit, state.identity.id);
        let participant = pending.pop_front();
        if pending.is_empty() {
            state.status = Status::Complete { commit };
        }
        match participant {
            None => return false,
            Some(Participant::Partition(partition)) => {
                if let Ok(log) = self.log_mut(partition) {
                    log.mark(producer_id, commit);
                }
            }
            Some(Participant::Offsets(group)) => {
                if let Some(group) = self.groups.get_mut(&group) {
                    group.decide_pending(producer_id, commit);
                }
            }
        }
        true
    }

    /// Writes one marker of any decided transaction, due or held; `false` when there is none to write.
    pub(super) fn write_marker(&mut self) -> bool {
        let prepared = self
            .coordinator
            .ids
            .iter()
            .find(|(_, state)| matches!(state.status, Status::Prepared { .. }))
            .map(|(id, _)| id.clone());
        prepared.is_some_and(|id| self.write_marker_of(&id))
    }

    pub(super) fn write_due_markers(&mut self) {
        if self.coordinator.markers_held {
            return;
        }
        let now_ms = self.now_ms;
        for id in
            self.ids_where(|status| matches!(status, Status::Prepared { due_ms, .. } if *due_ms <= now_ms))
        {
            while self.write_marker_of(&id) {}
        }
    }

    /// The coordinator ends what is open for too long, and fences its producer by a newer epoch (KIP-360).
    pub(super) fn abort_timed_out(&mut self) {
        let begun_max_ms = self.now_ms - TRANSACTION_TIMEOUT_MS;
        for id in self.ids_where(
            |status| matches!(status, Status::Ongoing { since_ms, .. } if *since_ms <= begun_max_ms),
        ) {
            self.fence_and_abort(&id);
        }
    }

    fn ids_where(&self, holds: impl Fn(&Status) -> bool) -> Vec<String> {
        // Mostly none, which allocates nothing.
        self.coordinator
            .ids
            .iter()
            .filter(|(_, state)| holds(&state.status))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Lets a request to commit arrive at a later time.
    pub(super) fn delay_commit(&mut self, id: &str, identity: ProducerIdentity, due_ms: i64) {
        self.coordinator.delayed.push(DelayedCommit {
            due_ms,
            transactional_id: id.to_owned(),
            identity,
        });
    }

    /// Lets delayed requests arrive that are due; nobody is there to read the answers.
    pub(super) fn deliver_delayed_commits(&mut self) {
        let now_ms = self.now_ms;
        let due: Vec<DelayedCommit> = self
            .coordinator
            .delayed
            .extract_if(.., |delayed| delayed.due_ms <= now_ms)
            .collect();
        for delayed in due {
            let _unread =
                self.end_transaction(&delayed.transactional_id, delayed.identity, true, 0, usize::MAX);
        }
    }

    pub(super) fn delayed_commits(&self) -> usize {
        self.coordinator.delayed.len()
    }
}
