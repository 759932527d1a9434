//! Sums over true sliding windows of one key, in event time.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// How much earlier than its customer's newest payment one may be and still count at its own time, in seconds. One that is
/// earlier yet counts at that boundary. As far may event time be ahead of the clock.
pub const SKEW_S: i64 = 3_600;

/// Most entries that a key holds. A key with more merges what lies close together, see [`Sliding::count`].
pub const ENTRIES_MAX: usize = 4_096;

/// Seconds within which payments are merged: all of a second always, the others only for keys with too many entries. By
/// the hour the longest windows have 900 entries.
const GRAINS_S: [i64; 4] = [1, 60, 600, 3_600];

/// What is summed.
pub(crate) trait Tally: Copy + Default {
    fn add(&mut self, other: &Self);

    /// Takes back what was added before.
    fn subtract(&mut self, other: &Self);
}

/// Three windows (t - delay - length, t - delay].
pub(crate) struct Spec {
    pub(crate) delay_s: i64,
    /// Ascending.
    pub(crate) lengths_s: [i64; 3],
    /// How much earlier than the newest payment one may be and still count at its own time. One that is earlier yet counts
    /// at that boundary.
    pub(crate) late_s: i64,
}

impl Spec {
    /// How far back anything counts, for a payment that is as late as may be too.
    const fn reach_s(&self) -> i64 {
        self.delay_s + self.lengths_s[2] + self.late_s
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry<T> {
    pub(crate) at_s: i64,
    pub(crate) tally: T,
}

/// What happened at one key, and the sums over three windows as they are at its newest payment.
///
/// A payment that comes in order costs O(1), since each entry enters and leaves each window once; a late one costs a walk
/// over the entries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sliding<T> {
    /// In order of time, no two of the same time.
    entries: VecDeque<Entry<T>>,
    /// Entries before this one lie at or before newest - delay.
    matured: usize,
    /// First entry of each window.
    begins: [usize; 3],
    sums: [T; 3],
    newest_s: i64,
    grain: u8,
}

/// Where the windows stand among the entries, and what lies in them.
#[derive(Clone, Copy, Debug)]
struct Stand<T> {
    matured: usize,
    begins: [usize; 3],
    sums: [T; 3],
}

impl<T: Tally> Stand<T> {
    /// Lets time go on to `now_s`; `matures` gets each entry that reaches now - delay, in order.
    fn advance(
        &mut self,
        entries: &VecDeque<Entry<T>>,
        spec: &Spec,
        now_s: i64,
        mut matures: impl FnMut(&Entry<T>),
    ) {
        let edge_s = now_s - spec.delay_s;
        while let Some(entry) = entries.get(self.matured).filter(|entry| entry.at_s <= edge_s) {
            for sum in &mut self.sums {
                sum.add(&entry.tally);
            }
            matures(entry);
            self.matured += 1;
        }
        for ((begin, sum), length_s) in self.begins.iter_mut().zip(&mut self.sums).zip(spec.lengths_s) {
            while *begin < self.matured && entries[*begin].at_s <= edge_s - length_s {
                sum.subtract(&entries[*begin].tally);
                *begin += 1;
            }
        }
    }
}

/// What counting a payment has replaced.
#[derive(Clone, Debug)]
pub(crate) struct Replaced<T> {
    stand: Stand<T>,
    newest_s: i64,
    grain: u8,
    entries: Entries<T>,
}

#[derive(Clone, Debug)]
enum Entries<T> {
    One {
        /// Where the payment was counted, before those in front were forgotten.
        index: usize,
        /// None: the entry was inserted.
        before: Option<Entry<T>>,
        /// In order.
        forgotten: Vec<Entry<T>>,
    },
    /// They were merged.
    All(VecDeque<Entry<T>>),
}

impl<T: Tally> Default for Sliding<T> {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            matured: 0,
            begins: [0; 3],
            sums: [T::default(); 3],
            newest_s: i64::MIN / 2,
            grain: 0,
        }
    }
}

impl<T: Tally> Sliding<T> {
    /// When a payment of `at_s` counts: then, or at the boundary when it is later than anything may be.
    pub(crate) fn effective(&self, spec: &Spec, at_s: i64) -> i64 {
        at_s.max(self.newest_s - spec.late_s)
    }

    pub(crate) fn newest_s(&self) -> i64 {
        self.newest_s
    }

    /// Counts `tally` at `at_s`, which [`Sliding::effective`] has given, and lets time go on to then. `matures` gets each entry
    /// that reaches newest - delay, `forgets` each that counts nowhere any more, in order.
    ///
    /// Beyond [`ENTRIES_MAX`] entries those of a minute, then of ten, then of an hour become one at the latest time among
    /// them: windows of such a key end to within that, and its memory stays bounded.
    pub(crate) fn count(
        &mut self,
        spec: &Spec,
        at_s: i64,
        tally: &T,
        matures: impl FnMut(&Entry<T>),
        forgets: impl FnMut(&Entry<T>),
    ) -> Replaced<T> {
        let (stand, newest_s, grain) = (self.stand(), self.newest_s, self.grain);
        let found = self.find(at_s);
        let merges = found.is_err() && self.entries.len() >= ENTRIES_MAX;
        let all = merges.then(|| self.entries.clone());
        let (index, before) = match found {
            Ok(index) => (index, Some(self.entries[index].clone())),
            Err(index) => {
                self.insert(spec, index, at_s);
                (index, None)
            }
        };
        self.add_to(index, at_s, tally);
        if merges {
            self.coarsen(spec);
        }
        let forgotten = self.advance(spec, at_s, matures, forgets);
        Replaced {
            stand,
            newest_s,
            grain,
            entries: match all {
                Some(all) => Entries::All(all),
                None => Entries::One {
                    index,
                    before,
                    forgotten,
                },
            },
        }
    }

    /// Takes back what was counted last.
    pub(crate) fn revert(&mut self, replaced: Replaced<T>) {
        match replaced.entries {
            Entries::All(entries) => self.entries = entries,
            Entries::One {
                index,
                before,
                forgotten,
            } => {
                for entry in forgotten.into_iter().rev() {
                    self.entries.push_front(entry);
                }
                match before {
                    Some(entry) => self.entries[index] = entry,
                    None => drop(self.entries.remove(index)),
                }
            }
        }
        self.stand_at(replaced.stand);
        self.newest_s = replaced.newest_s;
        self.grain = replaced.grain;
    }

    fn stand(&self) -> Stand<T> {
        Stand {
            matured: self.matured,
            begins: self.begins,
            sums: self.sums,
        }
    }

    fn stand_at(&mut self, stand: Stand<T>) {
        Stand {
            matured: self.matured,
            begins: self.begins,
            sums: self.sums,
        } = stand;
    }

    /// Returns what counts nowhere any more.
    fn advance(
        &mut self,
        spec: &Spec,
        now_s: i64,
        matures: impl FnMut(&Entry<T>),
        forgets: impl FnMut(&Entry<T>),
    ) -> Vec<Entry<T>> {
        if now_s < self.newest_s {
            return Vec::new();
        }
        self.newest_s = now_s;
        let mut stand = self.stand();
        stand.advance(&self.entries, spec, now_s, matures);
        self.stand_at(stand);
        let before_s = self.newest_s - spec.reach_s();
        let old = |entry: &&Entry<T>| entry.at_s <= before_s;
        let count = self.entries.iter().take_while(old).count();
        self.matured -= count;
        self.begins = self.begins.map(|begin| begin - count);
        self.entries.drain(..count).inspect(forgets).collect()
    }

    /// Changes the entry of `at_s` by `change`. None when there is none; otherwise whether it lies where windows have gone by.
    pub(crate) fn change(&mut self, at_s: i64, change: impl FnOnce(&T) -> Option<T>) -> Option<bool> {
        let index = self.find(at_s).ok()?;
        let before = self.entries[index].tally;
        let after = change(&before)?;
        self.entries[index].tally = after;
        for (sum, begin) in self.sums.iter_mut().zip(self.begins) {
            if (begin..self.matured).contains(&index) {
                sum.subtract(&before);
                sum.add(&after);
            }
        }
        Some(index < self.matured)
    }

    /// The entry that a payment of `at_s` belongs to, or where one has to be inserted.
    fn find(&self, at_s: i64) -> Result<usize, usize> {
        let grain_s = GRAINS_S[usize::from(self.grain)];
        let bucket = at_s.div_euclid(grain_s);
        // Nearly always the newest.
        match self.entries.back() {
            None => return Err(0),
            Some(last) if last.at_s.div_euclid(grain_s) < bucket => return Err(self.entries.len()),
            Some(_) => {}
        }
        self.entries
            .binary_search_by_key(&bucket, |entry| entry.at_s.div_euclid(grain_s))
    }

    fn insert(&mut self, spec: &Spec, index: usize, at_s: i64) {
        let tally = T::default();
        self.entries.insert(index, Entry { at_s, tally });
        let edge_s = self.newest_s - spec.delay_s;
        if at_s <= edge_s {
            self.matured += 1;
            for (begin, length_s) in self.begins.iter_mut().zip(spec.lengths_s) {
                *begin += usize::from(at_s <= edge_s - length_s);
            }
        }
    }

    /// The newest entry is that of its newest payment.
    fn add_to(&mut self, index: usize, at_s: i64, tally: &T) {
        let is_newest = index + 1 == self.entries.len();
        let entry = &mut self.entries[index];
        entry.tally.add(tally);
        if is_newest {
            entry.at_s = entry.at_s.max(at_s);
        }
        for (sum, begin) in self.sums.iter_mut().zip(self.begins) {
            if (begin..self.matured).contains(&index) {
                sum.add(tally);
            }
        }
    }

    fn coarsen(&mut self, spec: &Spec) {
        while self.entries.len() > ENTRIES_MAX && usize::from(self.grain) + 1 < GRAINS_S.len() {
            self.grain += 1;
            let grain_s = GRAINS_S[usize::from(self.grain)];
            let mut merged: VecDeque<Entry<T>> = VecDeque::new();
            for entry in self.entries.drain(..) {
                match merged.back_mut() {
                    Some(last) if last.at_s.div_euclid(grain_s) == entry.at_s.div_euclid(grain_s) => {
                        last.at_s = entry.at_s;
                        last.tally.add(&entry.tally);
                    }
                    _ => merged.push_back(entry),
                }
            }
            self.entries = merged;
        }
        self.entries.shrink_to_fit();
        (self.matured, self.begins, self.sums) = (0, [0; 3], [T::default(); 3]);
        let _forgotten = self.advance(spec, self.newest_s, |_| (), |_| ());
    }

    /// The sums as a payment at `at_s` finds them, itself left out. `matures` gets each entry that has reached at_s - delay by
    /// then, unless the payment is late.
    pub(crate) fn sums_at(&self, spec: &Spec, at_s: i64, matures: impl FnMut(&Entry<T>)) -> [T; 3] {
        if at_s >= self.newest_s {
            let mut stand = self.stand();
            stand.advance(&self.entries, spec, at_s, matures);
            return stand.sums;
        }
        spec.lengths_s.map(|length_s| {
            let mut sum = T::default();
            for entry in self
                .up_to(at_s - spec.delay_s)
                .filter(|entry| entry.at_s > at_s - spec.delay_s - length_s)
            {
                sum.add(&entry.tally);
            }
            sum
        })
    }

    /// The entries up to the one that `at_s` belongs to, in order.
    pub(crate) fn up_to(&self, at_s: i64) -> impl Iterator<Item = &Entry<T>> {
        let grain_s = GRAINS_S[usize::from(self.grain)];
        let bucket = at_s.div_euclid(grain_s);
        self.entries
            .iter()
            .take_while(move |entry| entry.at_s.div_euclid(grain_s) <= bucket)
    }
}
