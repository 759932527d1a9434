//! Models and rule sets that a partition knows.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tributary_contracts::fraud::{CHALLENGERS_MAX, Version};
use tributary_fraud_domain::Model;
use tributary_stream::service::Refusal;

use crate::{refusal::refused, rules::RuleSet};

/// How many versions are kept: those that decide and challenge, and those that payments under way may have been fixed to.
const KEPT: usize = 6;

/// As many of the newest decide and challenge at a time; an older one that does is as good as new.
const IN_USE: usize = 1 + CHALLENGERS_MAX;

/// What can stand on a shelf.
pub(crate) trait Content: Sized {
    /// Reads and checks it.
    fn load(source: &str) -> Result<Self, Refusal>;

    fn version(&self) -> Version;
}

impl Content for Model {
    fn load(source: &str) -> Result<Self, Refusal> {
        Self::load(source.as_bytes()).map_err(|error| refused(error.code(), &error))
    }

    fn version(&self) -> Version {
        Version {
            name: self.about().name.as_str().into(),
            hash: self.hash().into(),
        }
    }
}

impl Content for RuleSet {
    fn load(source: &str) -> Result<Self, Refusal> {
        Self::load(source).map_err(|error| refused(error.code(), &error))
    }

    fn version(&self) -> Version {
        RuleSet::version(self).clone()
    }
}

/// The versions that were made known or decided last, the newest last. Only their sources are state: what is made of them is made when
/// it is needed first, and again after a restart.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Shelf<T>(VecDeque<Item<T>>);

#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
struct Item<T> {
    version: Version,
    source: SmolStr,
    /// None inside: this build refuses what an earlier one had taken.
    #[serde(skip)]
    loaded: OnceLock<Option<Arc<T>>>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Clone for Shelf<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Clone for Item<T> {
    fn clone(&self) -> Self {
        Self {
            version: self.version.clone(),
            source: self.source.clone(),
            loaded: self.loaded.clone(),
        }
    }
}

impl<T> fmt::Debug for Shelf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|item| &item.version))
            .finish()
    }
}

impl<T: Content> Shelf<T> {
    pub(crate) fn find(&self, version: &Version) -> Option<&T> {
        let item = self.0.iter().rfind(|item| item.version.hash == version.hash)?;
        let load = || T::load(&item.source).ok().map(Arc::new);
        item.loaded.get_or_init(load).as_deref()
    }

    /// Whether it might be pushed out though it is in use.
    pub(crate) fn is_old(&self, version: &Version) -> bool {
        let mut older = self.0.iter().rev().skip(IN_USE);
        older.any(|item| item.version.hash == version.hash)
    }

    /// It is in use: newer ones don't push it out.
    pub(crate) fn renew(&mut self, version: &Version) {
        let place = self.0.iter().position(|item| item.version.hash == version.hash);
        let item = place.and_then(|place| self.0.remove(place));
        self.0.extend(item);
    }

    pub(crate) fn add(&mut self, version: &Version, source: &str) {
        self.0.retain(|item| item.version.hash != version.hash);
        self.0.push_back(Item {
            version: version.clone(),
            source: source.into(),
            loaded: OnceLock::new(),
        });
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }
}
