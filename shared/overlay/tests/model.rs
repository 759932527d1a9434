//! Any sequence of changes, savepoints, undos and commits gives what three plain maps would give.

use std::collections::HashMap;

use proptest::prelude::*;
use tributary_overlay::{Layered, OverlayMap, Revert};

#[derive(Clone, Debug)]
enum Step {
    Insert(u8, u32),
    Change(u8, u32),
    InsertIfAbsent(u8, u32),
    /// By a difference, that the value itself takes back.
    Add(u8, u32),
    Remove(u8),
    Savepoint,
    UndoToSavepoint,
    UndoAll,
    Commit,
}

struct Added {
    number: u32,
    sum: u32,
}

fn add(value: &mut u32, number: u32) -> Added {
    *value = value.wrapping_add(number);
    Added { number, sum: *value }
}

impl Revert<Added> for u32 {
    fn revert(&mut self, added: Added) {
        assert_eq!(
            *self, added.sum,
            "a change is taken back from the value that it has left"
        );
        *self = self.wrapping_sub(added.number);
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..6u8, any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
        4 => (0..6u8, any::<u32>()).prop_map(|(key, value)| Step::Change(key, value)),
        2 => (0..6u8, any::<u32>()).prop_map(|(key, value)| Step::InsertIfAbsent(key, value)),
        4 => (0..6u8, any::<u32>()).prop_map(|(key, value)| Step::Add(key, value)),
        3 => (0..6u8).prop_map(Step::Remove),
        3 => Just(Step::Savepoint),
        2 => Just(Step::UndoToSavepoint),
        1 => Just(Step::UndoAll),
        1 => Just(Step::Commit),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn undo_gives_back_exactly_what_was_there(steps in steps()) {
        let mut map = OverlayMap::<u8, u32, Added>::default();
        let (mut now, mut saved, mut committed) = (HashMap::new(), HashMap::new(), HashMap::new());
        for step in steps {
            match step {
                Step::Insert(key, value) => {
                    map.insert(key, value);
                    now.insert(key, value);
                }
                Step::Change(key, value) => {
                    if let Some(slot) = map.get_mut(&key) {
                        *slot = value;
                    }
                    now.entry(key).and_modify(|slot| *slot = value);
                }
                Step::InsertIfAbsent(key, value) => {
                    let got = *map.get_or_insert_with(key, || value);
                    prop_assert_eq!(got, *now.entry(key).or_insert(value));
                }
                Step::Add(key, number) => {
                    let is_new = map.change(key, || 7, |value| add(value, number));
                    prop_assert_eq!(is_new, !now.contains_key(&key));
                    let value = now.entry(key).or_insert(7);
                    *value = value.wrapping_add(number);
                }
                Step::Remove(key) => prop_assert_eq!(map.remove(&key).copied(), now.remove(&key)),
                Step::Savepoint => {
                    map.set_savepoint();
                    saved.clone_from(&now);
                }
                Step::UndoToSavepoint => {
                    map.undo_to_savepoint();
                    now.clone_from(&saved);
                }
                Step::UndoAll => {
                    map.undo_all();
                    now.clone_from(&committed);
                    saved.clone_from(&committed);
                }
                Step::Commit => {
                    map.commit();
                    committed.clone_from(&now);
                    saved.clone_from(&now);
                }
            }
            let held: HashMap<u8, u32> = map.iter().map(|(key, value)| (*key, *value)).collect();
            prop_assert_eq!(&held, &now);
        }
    }
}

#[test]
fn a_change_that_panics_half_way_is_told_of_since_no_undo_takes_it_back() {
    let mut map = OverlayMap::<u8, u32, Added>::default();
    map.insert(1, 10);
    map.commit();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        map.change(
            1,
            || 0,
            |value| {
                let added = add(value, 5);
                assert!(*value < 10, "half-way");
                added
            },
        )
    }));
    assert!(panicked.is_err() && map.is_torn());
    map.undo_all();
    assert!(map.is_torn(), "{:?}", map.get(&1));
    let whole = OverlayMap::<u8, u32>::default();
    assert!(!whole.is_torn());
}
