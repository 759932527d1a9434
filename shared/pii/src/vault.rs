//! Key store, master keys and cipher together: what a service at the edge seals and opens with.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::cache::Cache;
use crate::store::{NO_KEY_STORE, Stored};
use crate::{DataKey, KeyStore, MasterKeyError, MasterKeys, PersonalText, Place, SealError, Sealed, Wrapped};

/// How long the key store, or the master key, may take.
const WITHIN: Duration = Duration::from_secs(5);

/// Keys that are wrapped anew between two looks for more.
const REWRAP_AT_ONCE: i64 = 500;

/// How often the cache is swept while nobody uses it.
const SWEEP_EVERY: Duration = Duration::from_secs(15);

/// Why a text is not sealed, or not opened. None of them tells anything of the text.
#[derive(Debug, thiserror::Error)]
pub enum PiiError {
    #[error("the subject's personal data is erased")]
    Erased,
    /// The store was lost, or it is not the one that the text was sealed with.
    #[error("the key store does not know the subject")]
    KeyMissing,
    #[error("the text can't be opened with its subject's key at this place")]
    Unreadable,
    #[error("the text is too long")]
    TooLong,
    #[error("the key store does not answer ({0})")]
    Store(String),
    #[error(transparent)]
    Master(#[from] MasterKeyError),
}

impl PiiError {
    /// Stable code, listed in `docs/personal-data.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Erased => "PII_ERASED",
            Self::KeyMissing => "PII_KEY_MISSING",
            Self::Unreadable => "PII_UNREADABLE",
            Self::TooLong => "PII_TOO_LONG",
            Self::Store(_) => "PII_STORE_UNAVAILABLE",
            Self::Master(error) => error.code(),
        }
    }
}

impl From<sqlx::Error> for PiiError {
    fn from(error: sqlx::Error) -> Self {
        // The database's own words may quote a row; its code doesn't.
        Self::Store(match &error {
            sqlx::Error::Database(database) => {
                let code = database.code();
                code.map(|code| code.into_owned()).unwrap_or_default()
            }
            sqlx::Error::PoolTimedOut => "no connection in time".to_owned(),
            sqlx::Error::Configuration(_) => NO_KEY_STORE.to_owned(),
            sqlx::Error::RowNotFound => "a row is gone".to_owned(),
            _ => "connection".to_owned(),
        })
    }
}

/// What wrapping all keys anew came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Keys that the current master key wraps now and did not before.
    pub keys: u64,
}

/// Seals and opens personal data. Any number of processes may have one over the same key store.
///
/// The store is asked at every use, so that what is erased can't be opened from then on, wherever; unwrapped keys are held
/// for a minute at most.
pub struct Vault {
    store: KeyStore,
    master: Arc<dyn MasterKeys>,
    cache: Mutex<Cache>,
}

impl Vault {
    pub fn new(store: KeyStore, master: Arc<dyn MasterKeys>) -> Self {
        Self {
            store,
            master,
            cache: Mutex::default(),
        }
    }

    /// Seals a subject's text. Its key is made when it has none yet.
    ///
    /// # Errors
    /// When the subject is erased, the text too long, or store or master key don't answer.
    pub async fn seal(&self, subject: Uuid, place: Place, text: &PersonalText) -> Result<Sealed, PiiError> {
        let key = in_time(async {
            let found = self.store.find(&[subject]).await?.remove(&subject);
            match found {
                Some(stored) => self.key(subject, stored).await,
                None => self.new_key(subject).await,
            }
        });
        match key.await?.seal(subject, place, text) {
            Ok(sealed) => Ok(sealed),
            Err(SealError::TooLong) => Err(PiiError::TooLong),
        }
    }

    /// Opens texts, each sealed for its place, with one look into the store for all of them. One that can't be opened doesn't
    /// hinder the others.
    pub async fn open(&self, sealed: &[(Place, &Sealed)]) -> Vec<Result<PersonalText, Arc<PiiError>>> {
        let subjects: HashSet<Uuid> = sealed.iter().map(|(_, sealed)| sealed.subject).collect();
        let subjects: Vec<Uuid> = subjects.into_iter().collect();
        if subjects.is_empty() {
            return Vec::new();
        }
        let keys = in_time(async {
            let mut stored = self.store.find(&subjects).await?;
            let keys = subjects.iter().map(|&subject| {
                let stored = stored.remove(&subject);
                async move {
                    let key = match stored {
                        Some(stored) => self.key(subject, stored).await,
                        None => Err(PiiError::KeyMissing),
                    };
                    (subject, key.map_err(Arc::new))
                }
            });
            Ok(join_all(keys).await.into_iter().collect::<HashMap<_, _>>())
        });
        let keys = match keys.await {
            Ok(keys) => keys,
            Err(error) => {
                let error = Arc::new(error);
                return sealed.iter().map(|_| Err(Arc::clone(&error))).collect();
            }
        };
        let open = |(place, sealed): &(Place, &Sealed)| match keys.get(&sealed.subject) {
            Some(Ok(key)) => key
                .open(*place, sealed)
                .map_err(|_| Arc::new(PiiError::Unreadable)),
            Some(Err(error)) => Err(Arc::clone(error)),
            None => Err(Arc::new(PiiError::KeyMissing)),
        };
        sealed.iter().map(open).collect()
    }

    async fn key(&self, subject: Uuid, stored: Stored) -> Result<DataKey, PiiError> {
        let Stored::Key(wrapped) = stored else {
            self.cache().let_go(subject);
            return Err(PiiError::Erased);
        };
        let held = self.cache().get(subject, &wrapped, Instant::now());
        if let Some(key) = held {
            return Ok(key);
        }
        let key = self.master.unwrap(subject, &wrapped).await?;
        self.hold(subject, wrapped, &key);
        Ok(key)
    }

    async fn new_key(&self, subject: Uuid) -> Result<DataKey, PiiError> {
        let key = DataKey::generate().map_err(|_| MasterKeyError::Randomness)?;
        let wrapped = self.master.wrap(subject, &key).await?;
        match self.store.create_key(subject, &wrapped).await? {
            Stored::Key(stored) if stored == wrapped => {
                self.hold(subject, wrapped, &key);
                Ok(key)
            }
            // Another one was first, or the subject was erased meanwhile: what is stored counts.
            stored => self.key(subject, stored).await,
        }
    }

    fn hold(&self, subject: Uuid, wrapped: Wrapped, key: &DataKey) {
        let now = Instant::now();
        self.cache().hold(subject, wrapped, key.clone(), now);
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        // A panic can't leave it half changed.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of keys that were held long enough, for ever: to be run beside whatever else is done with the vault.
    pub async fn sweep(&self) {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            self.cache().sweep(Instant::now());
        }
    }

    /// Wraps every key that a former master key wraps with the current one. It can be stopped and run again, beside whatever
    /// else is done with the store.
    ///
    /// # Errors
    /// When the store doesn't answer, or a key can't be unwrapped: what came before it is done.
    pub async fn rewrap(&self) -> Result<Rewrapped, PiiError> {
        let mut done = Rewrapped::default();
        loop {
            let current = self.master.current();
            let batch = self.store.wrapped_by_others(current, REWRAP_AT_ONCE).await?;
            if batch.is_empty() {
                return Ok(done);
            }
            for (subject, former) in batch {
                let key = self.master.unwrap(subject, &former).await?;
                let wrapped = self.master.wrap(subject, &key).await?;
                // Not counted, and not tried again, where it was erased meanwhile.
                done.keys += u64::from(self.store.replace(subject, &former, &wrapped).await?);
            }
        }
    }

    /// The store, for those who run it.
    pub fn store(&self) -> &KeyStore {
        &self.store
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, PiiError>>) -> Result<T, PiiError> {
    let late = || PiiError::Store("no answer in time".to_owned());
    timeout(WITHIN, work).await.unwrap_or_else(|_| Err(late()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_code_is_documented() {
        let page = include_str!("../../../docs/personal-data.md");
        let texts = [include_str!("vault.rs"), include_str!("master.rs")];
        let mut codes: Vec<&str> = texts
            .iter()
            .flat_map(|text| text.split('"'))
            .filter(|text| text.len() > 4 && text.starts_with("PII_"))
            .collect();
        codes.sort_unstable();
        codes.dedup();
        let listed = page.lines().filter_map(|line| line.strip_prefix("| `PII_"));
        let mut listed: Vec<String> = listed
            .filter_map(|rest| rest.split_once('`'))
            .map(|(code, _)| ["PII_", code].concat())
            .collect();
        listed.sort_unstable();
        assert_eq!(listed, codes);
    }
}
