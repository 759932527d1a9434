//! How far a read model has come: asked for by one task, however many requests wait for it, and only while some do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Row;
use tokio::sync::{Notify, watch};

use super::{Model, ReadError, ReadModels};

/// How often it is looked while somebody waits. A projection's batch takes about as long.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long it rests when the database doesn't answer.
const REST: Duration = Duration::from_millis(250);

/// The next offsets that a read model stores.
pub(crate) struct Progress {
    pub(crate) model: Model,
    next: watch::Sender<BTreeMap<i32, i64>>,
    wanted: Arc<Notify>,
}

impl Progress {
    pub(crate) fn new(model: Model) -> Self {
        Self {
            model,
            next: watch::channel(BTreeMap::new()).0,
            wanted: Arc::new(Notify::new()),
        }
    }

    /// Waits until the record at this offset has been applied. Bounded by whoever calls.
    pub(crate) async fn reach(&self, partition: i32, offset: i64) {
        let mut next = self.next.subscribe();
        let passed = |next: &BTreeMap<i32, i64>| next.get(&partition).is_some_and(|next| *next > offset);
        self.wanted.notify_one();
        // Its sender lives as long as `self`.
        drop(next.wait_for(passed).await);
    }

    /// Looks while somebody waits. Never ends.
    pub(crate) async fn follow(&self, models: &ReadModels) {
        loop {
            if self.next.receiver_count() == 0 {
                self.wanted.notified().await;
            }
            match models.next_offsets(self.model).await {
                Ok(next) => {
                    self.next.send_replace(next);
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                Err(error) => {
                    tracing::warn!(topic = self.model.topic, %error, "a read model's offsets can't be read");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }
}

impl ReadModels {
    async fn next_offsets(&self, model: Model) -> Result<BTreeMap<i32, i64>, ReadError> {
        let rows = sqlx::query(model.offsets).fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
            .collect()
    }
}
