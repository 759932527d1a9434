//! Unwrapped keys, for a short while: what a key management service takes milliseconds and money for.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::{DataKey, Wrapped};

/// Most keys that are held.
const KEYS_MAX: usize = 1_024;

/// How long a key is held after it was unwrapped.
const HELD_FOR: Duration = Duration::from_secs(60);

struct Held {
    /// What the key was unwrapped from. The store is asked for it at each use, so a key that was erased, or wrapped anew, is
    /// never found here.
    from: Wrapped,
    key: DataKey,
    until: Instant,
}

#[derive(Default)]
pub(crate) struct Cache(HashMap<Uuid, Held>);

impl Cache {
    /// The key, if exactly this was unwrapped a short while ago. What was held for the subject from something else is let go.
    pub(crate) fn get(&mut self, subject: Uuid, wrapped: &Wrapped, now: Instant) -> Option<DataKey> {
        let held = self.0.get(&subject)?;
        if held.from == *wrapped && held.until > now {
            return Some(held.key.clone());
        }
        self.0.remove(&subject);
        None
    }

    pub(crate) fn hold(&mut self, subject: Uuid, from: Wrapped, key: DataKey, now: Instant) {
        self.sweep(now);
        if self.0.len() >= KEYS_MAX {
            let oldest = self.0.iter().min_by_key(|(_, held)| held.until);
            if let Some(oldest) = oldest.map(|(&subject, _)| subject) {
                self.0.remove(&oldest);
            }
        }
        let until = now + HELD_FOR;
        self.0.insert(subject, Held { from, key, until });
    }

    pub(crate) fn let_go(&mut self, subject: Uuid) {
        self.0.remove(&subject);
    }

    /// Lets go, and overwrites, what was held long enough.
    pub(crate) fn sweep(&mut self, now: Instant) {
        self.0.retain(|_, held| held.until > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(byte: u8) -> Wrapped {
        Wrapped {
            master: "m".to_owned(),
            bytes: vec![byte],
        }
    }

    #[test]
    fn a_key_is_held_for_what_it_was_unwrapped_from_and_not_for_long() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        let (subject, key) = (Uuid::from_u128(1), DataKey::generate().unwrap());
        cache.hold(subject, wrapped(1), key.clone(), now);
        let found = cache.get(subject, &wrapped(1), now + HELD_FOR / 2).unwrap();
        assert_eq!(found.bytes(), key.bytes());
        assert!(cache.get(subject, &wrapped(2), now).is_none());
        assert!(cache.0.is_empty(), "what was wrapped anew is let go");
        cache.hold(subject, wrapped(1), key, now);
        assert!(cache.get(subject, &wrapped(1), now + HELD_FOR).is_none());
        assert!(cache.0.is_empty());
    }

    #[test]
    fn no_more_than_so_many_are_held() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        for number in 0..KEYS_MAX as u128 + 10 {
            let at = now + Duration::from_millis(number as u64);
            let key = DataKey::generate().unwrap();
            cache.hold(Uuid::from_u128(number), wrapped(1), key, at);
        }
        assert_eq!(cache.0.len(), KEYS_MAX);
        assert!(!cache.0.contains_key(&Uuid::from_u128(9)), "the oldest went");
        assert!(cache.0.contains_key(&Uuid::from_u128(10)));
        cache.sweep(now + HELD_FOR * 2);
        assert!(cache.0.is_empty());
    }
}
