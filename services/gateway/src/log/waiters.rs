//! Who waits for which events.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use smallvec::SmallVec;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Seen;

/// Events that one waiter may leave unread. A payment has some ten; whoever gets more (the same key posted over and over)
/// is left to look the outcome up.
const UNREAD_MAX: usize = 64;

#[derive(Default)]
struct Registry {
    /// By command, and by the payment or account that a record is keyed by. Ids of different kinds never meet: they are
    /// derived in different namespaces.
    by_id: HashMap<Uuid, SmallVec<[u64; 2]>>,
    waiters: HashMap<u64, mpsc::Sender<Arc<Seen>>>,
    next: u64,
}

/// Everybody who waits for events of one topic.
#[derive(Default)]
pub(crate) struct Waiters(Mutex<Registry>);

impl Waiters {
    /// Waits, from now on, for events of the command and of the aggregate.
    pub(crate) fn register(self: &Arc<Self>, ids: [Uuid; 2]) -> Waiting {
        let (sender, events) = mpsc::channel(UNREAD_MAX);
        let mut registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = registry.next;
        registry.next += 1;
        registry.waiters.insert(number, sender);
        for id in ids {
            registry.by_id.entry(id).or_default().push(number);
        }
        Waiting {
            events,
            ids,
            number,
            waiters: Arc::clone(self),
        }
    }

    /// Whether nobody waits.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        let registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        registry.waiters.is_empty()
    }

    /// Hands an event to those who wait for one of its ids, once each.
    pub(crate) fn tell(&self, event: &Arc<Seen>) {
        let mut registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = SmallVec::<[u64; 4]>::new();
        for id in [Some(event.command_id.0), event.key] {
            let waiting = id.and_then(|id| registry.by_id.get(&id));
            told.extend(waiting.into_iter().flatten().copied());
        }
        told.sort_unstable();
        told.dedup();
        for number in told {
            let full = registry
                .waiters
                .get(&number)
                .is_some_and(|waiter| waiter.try_send(Arc::clone(event)).is_err());
            if full {
                // A gap must not be taken for silence: the waiter sees its channel closed.
                registry.waiters.remove(&number);
            }
        }
    }
}

/// A place among the waiters, left when it is dropped.
pub(crate) struct Waiting {
    events: mpsc::Receiver<Arc<Seen>>,
    ids: [Uuid; 2],
    number: u64,
    waiters: Arc<Waiters>,
}

impl Waiting {
    /// The next event; none when too many came to be kept.
    pub(crate) async fn next(&mut self) -> Option<Arc<Seen>> {
        self.events.recv().await
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut registry = self.waiters.0.lock().unwrap_or_else(PoisonError::into_inner);
        registry.waiters.remove(&self.number);
        for id in self.ids {
            if let Some(numbers) = registry.by_id.get_mut(&id) {
                numbers.retain(|number| *number != self.number);
                if numbers.is_empty() {
                    registry.by_id.remove(&id);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tributary_ids::CommandId;

    use super::*;

    fn seen(command: u128, key: u128) -> Arc<Seen> {
        Arc::new(Seen::for_tests(
            CommandId(Uuid::from_u128(command)),
            Some(Uuid::from_u128(key)),
        ))
    }

    #[test]
    fn an_event_comes_once_to_each_who_waits_for_its_command_or_its_key() {
        let waiters = Arc::new(Waiters::default());
        let mut by_both = waiters.register([Uuid::from_u128(1), Uuid::from_u128(2)]);
        let mut by_key = waiters.register([Uuid::from_u128(9), Uuid::from_u128(2)]);
        waiters.tell(&seen(1, 2));
        waiters.tell(&seen(3, 4));
        assert!(by_both.events.try_recv().is_ok());
        assert!(by_both.events.try_recv().is_err());
        assert!(by_key.events.try_recv().is_ok());
        assert!(by_key.events.try_recv().is_err());
    }

    #[test]
    fn who_left_takes_no_room() {
        let waiters = Arc::new(Waiters::default());
        drop(waiters.register([Uuid::from_u128(1), Uuid::from_u128(1)]));
        assert!(waiters.is_empty());
        assert!(waiters.0.lock().unwrap().by_id.is_empty());
    }

    #[test]
    fn who_leaves_too_much_unread_is_told_by_the_end() {
        let waiters = Arc::new(Waiters::default());
        let mut waiting = waiters.register([Uuid::from_u128(1), Uuid::from_u128(2)]);
        for _ in 0..=UNREAD_MAX {
            waiters.tell(&seen(1, 2));
        }
        for _ in 0..UNREAD_MAX {
            assert!(waiting.events.try_recv().is_ok());
        }
        assert_eq!(
            waiting.events.try_recv().err(),
            Some(mpsc::error::TryRecvError::Disconnected)
        );
    }
}
