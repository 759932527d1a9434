//! Models and rule sets that a partition knows.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Serialize};
use tributary_contracts::fraud::Version;
use tributary_fraud_domain::Model;
use tributary_stream::service::Refusal;

use crate::{refusal::refused, rules::RuleSet};

/// How many versions are kept: the newest, and those that payments under way may have been fixed to.
const KEPT: usize = 4;

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

/// The last versions that were activated, the newest last. Only their sources are state: what is made of them is made when
/// it is needed first, and again after a restart.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Shelf<T>(VecDeque<Item<T>>);

#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
struct Item<T> {
    version: Version,
    source: String,
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

    pub(crate) fn add(&mut self, version: &Version, source: &str) {
        self.0.retain(|item| item.version.hash != version.hash);
        self.0.push_back(Item {
            version: version.clone(),
            source: source.to_owned(),
            loaded: OnceLock::new(),
        });
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }
}
