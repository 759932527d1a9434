//! `bank pii`: erases people's personal data, and looks after the keys that it is encrypted with.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use tributary_gateway::PersonalData;
use tributary_pii::{Erasure, KeyStore, LocalMasterKeys, PiiError, Vault};
use uuid::Uuid;

/// Tombstones that are read at once.
const PAGE: i64 = 1_000;

/// Where the key store is.
#[derive(Args, Debug)]
pub(crate) struct KeyStoreArguments {
    /// The key store's database: PostgreSQL's address
    #[arg(
        long,
        env = "KEY_STORE_URL",
        hide_env_values = true,
        value_name = "URL",
        global = true
    )]
    key_store_url: Option<String>,
}

/// Where the master keys are.
#[derive(Args, Debug)]
pub(crate) struct MasterKeyArguments {
    /// File of the master keys: one a line, the first wraps. Only its owner may be able to read it
    #[arg(
        long,
        env = "PII_MASTER_KEY_FILE",
        value_name = "FILE",
        global = true,
        conflicts_with = "master_keys"
    )]
    master_key_file: Option<PathBuf>,
    /// The master keys themselves, between commas; to be given by the environment, where others don't see it
    #[arg(
        long,
        env = "PII_MASTER_KEYS",
        hide_env_values = true,
        value_name = "KEYS",
        global = true
    )]
    master_keys: Option<String>,
}

impl MasterKeyArguments {
    fn read(&self) -> anyhow::Result<Option<LocalMasterKeys>> {
        let keys = match (&self.master_key_file, &self.master_keys) {
            (Some(path), _) => LocalMasterKeys::read(path),
            (None, Some(keys)) => LocalMasterKeys::parse(keys),
            (None, None) => return Ok(None),
        };
        keys.map(Some)
            .map_err(|error| anyhow::anyhow!("{}: {error}", error.code()))
    }
}

/// What a service needs to take personal data; none where neither key store nor master key is named.
pub(crate) fn personal_data(
    store: &KeyStoreArguments,
    master: &MasterKeyArguments,
) -> anyhow::Result<Option<PersonalData>> {
    match (&store.key_store_url, master.read()?) {
        (Some(url), Some(master)) => Ok(Some(PersonalData {
            key_store: url.parse().context("the key store's address can't be read")?,
            master: Arc::new(master),
        })),
        (None, None) => Ok(None),
        (Some(_), None) => bail!("a key store needs its master keys: --master-key-file or PII_MASTER_KEYS"),
        (None, Some(_)) => bail!("master keys need their key store: --key-store-url"),
    }
}

/// Erases people's personal data, and looks after the keys that it is encrypted with.
///
/// It never shows what is encrypted. docs/personal-data.md tells more.
#[derive(Args, Debug)]
pub(crate) struct Pii {
    #[command(flatten)]
    store: KeyStoreArguments,
    #[command(flatten)]
    master: MasterKeyArguments,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// How many keys there are, by master key, and how many are erased
    Status,
    /// Erase data subjects: nothing of what was encrypted for them can be read any more, anywhere. There is no way back
    Erase {
        /// A customer; for an outsider, the payment
        #[arg(required = true)]
        subjects: Vec<Uuid>,
    },
    /// Who is erased and since when, one a line; to be kept beside backups, and erased again after one was restored
    Erased,
    /// Put a new master key in front of those of --master-key-file
    Rotate,
    /// Wrap every key with the first master key, so that the others are needed no more
    Rewrap,
}

impl Pii {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if let Action::Rotate = self.action {
            return self.rotate();
        }
        let url = self.store.key_store_url.as_deref();
        let url = url.context("--key-store-url or KEY_STORE_URL says where the key store is")?;
        let options = url.parse().context("the key store's address can't be read")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let store = KeyStore::new(options).must_exist();
            match &self.action {
                Action::Status => status(&store).await,
                Action::Erase { subjects } => erase(&store, subjects).await,
                Action::Erased => erased(&store).await,
                Action::Rewrap => self.rewrap(store).await,
                Action::Rotate => Ok(()),
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }

    fn rotate(&self) -> anyhow::Result<ExitCode> {
        let path = self.master.master_key_file.as_deref();
        let path = path.context("--master-key-file says which file the new key belongs to")?;
        let id = LocalMasterKeys::rotate(path)
            .map_err(PiiError::from)
            .map_err(told)?;
        println!(
            "Master key {id} is the first of {} now. Start the gateways again, then: bank pii rewrap",
            path.display()
        );
        Ok(ExitCode::SUCCESS)
    }

    async fn rewrap(&self, store: KeyStore) -> anyhow::Result<()> {
        let master = self.master.read()?;
        let master = master.context("--master-key-file or PII_MASTER_KEYS says which keys to wrap with")?;
        let first = master.ids().first().copied().unwrap_or_default().to_owned();
        let vault = Vault::new(store, Arc::new(master));
        let keys = vault.rewrap().await.map_err(told)?.keys;
        println!(
            "{keys} keys were wrapped anew. All are wrapped by master key {first} now: the others can be destroyed."
        );
        Ok(())
    }
}

/// With its code; what the database says of it may quote a row.
fn told(error: PiiError) -> anyhow::Error {
    anyhow::anyhow!("{}: {error}", error.code())
}

async fn status(store: &KeyStore) -> anyhow::Result<()> {
    let counts = store.counts().await.map_err(PiiError::from).map_err(told)?;
    println!("{} keys", counts.keys.values().sum::<i64>());
    for (master, keys) in &counts.keys {
        println!("  {keys} wrapped by master key {master}");
    }
    println!("{} erased", counts.erased);
    Ok(())
}

async fn erase(store: &KeyStore, subjects: &[Uuid]) -> anyhow::Result<()> {
    for &subject in subjects {
        let erasure = store.erase(subject).await.map_err(PiiError::from).map_err(told)?;
        let what = match erasure {
            Erasure::Erased => "erased",
            Erasure::HadNoKey => "had no key, and gets none any more",
            Erasure::ErasedBefore => "was erased before",
        };
        println!("{subject} {what}");
    }
    Ok(())
}

async fn erased(store: &KeyStore) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = store
            .erased(after, PAGE)
            .await
            .map_err(PiiError::from)
            .map_err(told)?;
        for row in &page {
            println!("{} {}", row.subject, row.erased_at);
        }
        match page.last() {
            Some(last) => after = Some(last.subject),
            None => return Ok(()),
        }
    }
}
