//! The ledger's read models in a schema of a test's own.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use tributary_accounts::projection::{Difference, LedgerModel, export_balances, verify};
use tributary_projection::{MemoryTopic, ProjectionError};

pub(crate) struct Database(tributary_testkit::Database);

impl Deref for Database {
    type Target = tributary_testkit::Database;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Database {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Database {
    pub(crate) async fn new(test: &str) -> Self {
        Self(tributary_testkit::Database::new(test).await)
    }

    /// Folds all that is in the topic now.
    pub(crate) async fn fold(&self, topic: &MemoryTopic) -> Result<(), ProjectionError> {
        self.0.fold(topic, LedgerModel).await
    }

    pub(crate) async fn differences(&self, topic: &MemoryTopic) -> Vec<Difference> {
        verify(
            &self.settings.database,
            &self.settings.schema,
            Arc::new(topic.clone()),
        )
        .await
        .unwrap()
    }

    /// Balances and statements.
    pub(crate) async fn export(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut balances, mut statements) = (Vec::new(), Vec::new());
        let (database, schema) = (&self.settings.database, &self.settings.schema);
        export_balances(database, schema, &mut balances, &mut statements)
            .await
            .unwrap();
        (balances, statements)
    }
}
