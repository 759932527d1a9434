//! The group coordinator: static members, eager rebalance, range assignment, and committed offsets.
//!
//! Modelled after the classic protocol with `group.instance.id` set (KIP-345). Not modelled: members without that
//! name, several topics, the rebalance time-out (a member that lives always rejoins), and the delay of a first
//! rebalance.

use std::collections::BTreeMap;

use super::broker::Broker;
use super::error::BrokerError;
use crate::kafka::SESSION_TIMEOUT;

/// As the real consumer asks for it.
const SESSION_TIMEOUT_MS: i64 = SESSION_TIMEOUT.as_millis() as i64;

/// What a client knows of its membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    pub(super) instance: String,
    pub(super) member_id: u64,
    pub(super) generation: i32,
}

struct Member {
    id: u64,
    last_seen_ms: i64,
    /// Whether it takes part in the rebalance under way.
    rejoined: bool,
    assigned: Vec<i32>,
}

/// A committed offset, and its place in the order of commits.
#[derive(Clone, Copy)]
struct Committed {
    offset: i64,
    order: u64,
}

#[derive(Default)]
pub(super) struct Group {
    generation: i32,
    /// By `group.instance.id`; the assignor sorts by it as well.
    members: BTreeMap<String, Member>,
    rebalancing: bool,
    partitions: i32,
    committed: BTreeMap<i32, Committed>,
    /// Offsets of undecided transactions, by producer id.
    pending: BTreeMap<i64, BTreeMap<i32, Committed>>,
}

/// What a member is told when it shows up.
pub(super) enum Told {
    /// Nothing changed.
    Stable,
    /// It has to give back everything and wait for the others.
    Rebalancing(Membership),
    /// A rebalance is over: what it had is void, this is its own from now on.
    Assigned(Membership, Vec<i32>),
}

impl Group {
    /// Whether a transactional offset commit of this member may go on. During a rebalance the old generation is good
    /// until every member has rejoined (`ClassicGroup.validateOffsetCommit`).
    pub(super) fn validate(&self, membership: &Membership) -> Result<(), BrokerError> {
        let member = self
            .members
            .get(&membership.instance)
            .ok_or(BrokerError::UnknownMemberId)?;
        if member.id != membership.member_id {
            return Err(BrokerError::FencedInstanceId);
        }
        if self.generation != membership.generation {
            return Err(BrokerError::IllegalGeneration);
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn committed(&self, partition: i32) -> Option<i64> {
        self.committed.get(&partition).map(|committed| committed.offset)
    }

    /// As [`Self::committed`], unless an undecided transaction may change it (KIP-447).
    pub(super) fn stable(&self, partition: i32) -> Result<Option<i64>, BrokerError> {
        if self
            .pending
            .values()
            .any(|offsets| offsets.contains_key(&partition))
        {
            return Err(BrokerError::UnstableOffsetCommit);
        }
        Ok(self.committed(partition))
    }

    pub(super) fn add_pending(&mut self, producer_id: i64, order: u64, offsets: &[(i32, i64)]) {
        let pending = self.pending.entry(producer_id).or_default();
        pending.extend(
            offsets
                .iter()
                .map(|&(partition, offset)| (partition, Committed { offset, order })),
        );
    }

    pub(super) fn decide_pending(&mut self, producer_id: i64, commit: bool) {
        let pending = self.pending.remove(&producer_id).unwrap_or_default();
        if commit {
            for (partition, committed) in pending {
                self.commit(partition, committed);
            }
        }
    }

    pub(super) fn set_committed(&mut self, partition: i32, offset: i64, order: u64) {
        self.commit(partition, Committed { offset, order });
    }

    /// Of two commits, the one that was appended later counts, also when the earlier one is decided later.
    fn commit(&mut self, partition: i32, committed: Committed) {
        let newer = self
            .committed
            .get(&partition)
            .is_none_or(|current| current.order < committed.order);
        if newer {
            self.committed.insert(partition, committed);
        }
    }

    fn start_rebalance(&mut self) {
        if !self.rebalancing {
            self.rebalancing = true;
            for member in self.members.values_mut() {
                member.rejoined = false;
            }
        }
    }

    /// Ends the rebalance once all members take part.
    fn complete_rebalance(&mut self) {
        if !self.rebalancing || !self.members.values().all(|member| member.rejoined) {
            return;
        }
        self.rebalancing = false;
        self.generation += 1;
        let count = self.members.len() as i32;
        let mut first = 0;
        for (place, member) in (0..).zip(self.members.values_mut()) {
            // The range assignor: consecutive partitions, and the first members get those left over.
            let share = self.partitions / count + i32::from(place < self.partitions % count);
            member.assigned = (first..first + share).collect();
            first += share;
        }
    }

    fn remove(&mut self, instance: &str) {
        if self.members.remove(instance).is_some() {
            self.start_rebalance();
            // Of an empty group as well: its generation moves on.
            self.complete_rebalance();
        }
    }

    /// What the group says to a member that owns this generation's assignment, or to a client that joins.
    fn tell(&mut self, instance: &str, known: Option<&Membership>) -> Told {
        if self.rebalancing {
            if let Some(member) = self.members.get_mut(instance) {
                member.rejoined = true;
            }
            self.complete_rebalance();
        }
        let Some(member) = self.members.get(instance) else {
            return Told::Stable;
        };
        let membership = Membership {
            instance: instance.to_owned(),
            member_id: member.id,
            generation: self.generation,
        };
        if self.rebalancing {
            Told::Rebalancing(Membership {
                generation: known.map_or(-1, |known| known.generation),
                ..membership
            })
        } else if known == Some(&membership) {
            Told::Stable
        } else {
            Told::Assigned(membership, member.assigned.clone())
        }
    }
}

impl Broker {
    /// A member shows that it lives, and hears of changes. A client that isn't a member yet (`known` is `None`) joins;
    /// if the name is that of a member, it takes that one's place without a rebalance and fences it (KIP-345).
    ///
    /// # Errors
    /// [`BrokerError::FencedInstanceId`]: another took the member's place. [`BrokerError::UnknownMemberId`]: it was
    /// expelled, and may join anew.
    pub(super) fn attend(
        &mut self,
        group: &str,
        topic: &str,
        instance: &str,
        known: Option<&Membership>,
    ) -> Result<Told, BrokerError> {
        let partitions = self.topic(topic)?.partitions.len() as i32;
        let now_ms = self.now_ms;
        let group = self.groups.entry(group.to_owned()).or_default();
        group.partitions = partitions;
        match (group.members.get_mut(instance), known) {
            (Some(member), Some(known)) if member.id != known.member_id => {
                return Err(BrokerError::FencedInstanceId);
            }
            (Some(member), Some(_)) => member.last_seen_ms = now_ms,
            (None, Some(_)) => return Err(BrokerError::UnknownMemberId),
            (Some(member), None) => {
                self.members += 1;
                member.id = self.members;
                member.last_seen_ms = now_ms;
            }
            (None, None) => {
                self.members += 1;
                group.start_rebalance();
                group.members.insert(
                    instance.to_owned(),
                    Member {
                        id: self.members,
                        last_seen_ms: now_ms,
                        rejoined: true,
                        assigned: Vec::new(),
                    },
                );
            }
        }
        Ok(group.tell(instance, known))
    }

    /// Every member is seen to live at that time.
    pub(super) fn beat_all(&mut self, now_ms: i64) {
        for group in self.groups.values_mut() {
            for member in group.members.values_mut() {
                member.last_seen_ms = member.last_seen_ms.max(now_ms);
            }
        }
    }

    /// A heartbeat, without a look at what the group says.
    pub(super) fn heartbeat(&mut self, group: &str, known: &Membership) {
        let now_ms = self.now_ms;
        if let Some(group) = self.groups.get_mut(group)
            && let Some(member) = group.members.get_mut(&known.instance)
            && member.id == known.member_id
        {
            member.last_seen_ms = now_ms;
        }
    }

    /// Gives a member another id, which it isn't told.
    pub(super) fn rename_member(&mut self, group: &str, instance: &str) {
        self.members += 1;
        let id = self.members;
        if let Some(group) = self.groups.get_mut(group)
            && let Some(member) = group.members.get_mut(instance)
        {
            member.id = id;
        }
    }

    /// Throws out a member as if its session had timed out.
    pub(super) fn expel(&mut self, group: &str, instance: &str) {
        if let Some(group) = self.groups.get_mut(group) {
            group.remove(instance);
        }
    }

    pub(super) fn expel_silent_members(&mut self) {
        let seen_max_ms = self.now_ms - SESSION_TIMEOUT_MS;
        for group in self.groups.values_mut() {
            let silent: Vec<String> = group
                .members
                .iter()
                .filter(|(_, member)| member.last_seen_ms <= seen_max_ms)
                .map(|(instance, _)| instance.clone())
                .collect();
            for instance in silent {
                group.remove(&instance);
            }
        }
    }
}
