//! The vault over a real PostgreSQL: keys are made once, erased for good, wrapped anew.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

use std::path::Path;
use std::sync::Arc;

use futures::future::join_all;
use sqlx::postgres::PgConnectOptions;
use tributary_pii::{
    Counts, Erasure, KeyStore, LocalMasterKeys, PersonalText, PiiError, Place, Sealed, Vault,
};
use tributary_testkit::Database;
use uuid::Uuid;

const ANN: Uuid = Uuid::from_u128(0xa);
const BOB: Uuid = Uuid::from_u128(0xb);
const TEXT: &str = "rent for May";

fn place(record: u128) -> Place {
    Place {
        field: "payments.remittance",
        record: Uuid::from_u128(record),
    }
}

fn text() -> PersonalText {
    PersonalText::from(TEXT.to_owned())
}

struct Home {
    database: Database,
    directory: tempfile::TempDir,
}

impl Home {
    async fn new(test: &str) -> Self {
        Self {
            database: Database::new(test).await,
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// As a process of its own would have it: nothing is shared but the database and the file.
    fn vault(&self) -> Vault {
        let keys = LocalMasterKeys::read_or_create(&self.master()).unwrap();
        self.vault_with(keys)
    }

    fn vault_with(&self, keys: LocalMasterKeys) -> Vault {
        let settings = &self.database.settings;
        let store = KeyStore::in_schema(settings.database.clone(), settings.schema.as_str());
        Vault::new(store, Arc::new(keys))
    }

    fn master(&self) -> std::path::PathBuf {
        self.directory.path().join("master.key")
    }
}

async fn open(vault: &Vault, place: Place, sealed: &Sealed) -> Result<String, &'static str> {
    let opened = vault.open(&[(place, sealed)]).await.remove(0);
    opened
        .map(|text| text.expose().to_owned())
        .map_err(|error| error.code())
}

async fn seal(vault: &Vault, subject: Uuid, at: u128) -> Result<Sealed, &'static str> {
    let sealed = vault.seal(subject, place(at), &text()).await;
    sealed.map_err(|error| error.code())
}

#[tokio::test]
async fn what_one_process_seals_another_opens_for_its_subject_and_place_alone() {
    let home = Home::new("pii_two").await;
    let (one, other) = (home.vault(), home.vault());
    let sealed = seal(&one, ANN, 1).await.unwrap();
    assert_eq!(open(&other, place(1), &sealed).await.unwrap(), TEXT);
    assert_eq!(
        seal(&other, ANN, 1).await.unwrap(),
        sealed,
        "a retry is the same bytes"
    );
    assert_eq!(open(&other, place(2), &sealed).await, Err("PII_UNREADABLE"));
    // As if it were another's: that one has no key, and then a key of its own.
    let stolen = Sealed {
        subject: BOB,
        ..sealed.clone()
    };
    assert_eq!(open(&other, place(1), &stolen).await, Err("PII_KEY_MISSING"));
    let bobs = seal(&one, BOB, 1).await.unwrap();
    assert_ne!(bobs.ciphertext, sealed.ciphertext);
    assert_eq!(open(&other, place(1), &stolen).await, Err("PII_UNREADABLE"));
    // Together: one that can't be opened doesn't hinder the others.
    let all = [(place(1), &sealed), (place(2), &sealed), (place(1), &bobs)];
    let opened = other.open(&all).await;
    let opened: Vec<bool> = opened.iter().map(Result::is_ok).collect();
    assert_eq!(opened, [true, false, true]);
}

#[tokio::test]
async fn many_that_make_the_same_subjects_key_at_once_make_one() {
    let mut home = Home::new("pii_race").await;
    let vaults: Vec<Vault> = (0..8).map(|_| home.vault()).collect();
    // The tables aren't there yet either.
    let sealed = join_all(
        vaults
            .iter()
            .flat_map(|vault| [seal(vault, ANN, 1), seal(vault, BOB, 1)]),
    )
    .await;
    let sealed: Vec<Sealed> = sealed.into_iter().map(Result::unwrap).collect();
    for pair in sealed.chunks(2) {
        assert_eq!(pair, &sealed[..2]);
        assert_eq!(open(&vaults[3], place(1), &pair[0]).await.unwrap(), TEXT);
    }
    assert_eq!(home.database.text("SELECT count(*) FROM subject_keys").await, "2");
}

#[tokio::test]
async fn an_erased_subject_is_erased_everywhere_at_once_and_for_good() {
    let mut home = Home::new("pii_erased").await;
    let (one, other) = (home.vault(), home.vault());
    let (anns, bobs) = (
        seal(&one, ANN, 1).await.unwrap(),
        seal(&one, BOB, 1).await.unwrap(),
    );
    // Both hold the key unwrapped by now.
    assert!(open(&other, place(1), &anns).await.is_ok());
    assert_eq!(one.store().erase(ANN).await.unwrap(), Erasure::Erased);
    for vault in [&one, &other, &home.vault()] {
        assert_eq!(open(vault, place(1), &anns).await, Err("PII_ERASED"));
        assert_eq!(seal(vault, ANN, 2).await, Err("PII_ERASED"), "no second key");
        assert_eq!(open(vault, place(1), &bobs).await.unwrap(), TEXT);
    }
    assert_eq!(one.store().erase(ANN).await.unwrap(), Erasure::ErasedBefore);
    // Somebody who has no key yet never gets one.
    let stranger = Uuid::from_u128(0xc);
    assert_eq!(one.store().erase(stranger).await.unwrap(), Erasure::HadNoKey);
    assert_eq!(seal(&other, stranger, 1).await, Err("PII_ERASED"));
    assert_eq!(one.store().counts().await.unwrap().erased, 2);
    let first = one.store().erased(None, 1).await.unwrap().remove(0);
    assert_eq!(first.subject, ANN);
    assert!(
        first.erased_at.ends_with('Z') && first.erased_at.len() == 20,
        "{first:?}"
    );
    let rest = one.store().erased(Some(ANN), 10).await.unwrap();
    assert_eq!(rest.iter().map(|row| row.subject).collect::<Vec<_>>(), [stranger]);
    // Whatever somebody tries by hand.
    for sql in [
        "DELETE FROM subject_keys",
        "TRUNCATE subject_keys",
        "UPDATE subject_keys SET wrapped = 'x', master = 'x', erased_at = NULL",
    ] {
        let refused = sqlx::query(sql)
            .execute(&mut home.database.admin)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("never"), "{sql}: {refused}");
    }
    let kept = "SELECT count(*) FROM subject_keys WHERE wrapped IS NULL";
    assert_eq!(home.database.text(kept).await, "2");
}

#[tokio::test]
async fn erasing_while_others_make_the_key_ends_with_no_key() {
    let home = Home::new("pii_erase_race").await;
    let vault = home.vault();
    for round in 0..20 {
        let subject = Uuid::from_u128(0x100 + round);
        let (sealed, other, erased) = tokio::join!(
            seal(&vault, subject, 1),
            seal(&vault, subject, 1),
            vault.store().erase(subject)
        );
        erased.unwrap();
        for sealed in [sealed, other].into_iter().flatten() {
            assert_eq!(open(&vault, place(1), &sealed).await, Err("PII_ERASED"));
        }
        assert_eq!(seal(&vault, subject, 1).await, Err("PII_ERASED"));
    }
}

#[tokio::test]
async fn after_a_rewrap_the_former_master_key_is_needed_no_more() {
    let home = Home::new("pii_rewrap").await;
    let before = home.vault();
    let mut sealed = Vec::new();
    for subject in 1..=3 {
        sealed.push(seal(&before, Uuid::from_u128(subject), 1).await.unwrap());
    }
    before.store().erase(Uuid::from_u128(3)).await.unwrap();
    let new = LocalMasterKeys::rotate(&home.master()).unwrap();
    let after = home.vault();
    assert_eq!(open(&after, place(1), &sealed[0]).await.unwrap(), TEXT);
    assert_eq!(after.rewrap().await.unwrap().keys, 2);
    assert_eq!(
        after.rewrap().await.unwrap().keys,
        0,
        "there is nothing left to do"
    );
    let counts = after.store().counts().await.unwrap();
    let keys = [(new, 2)].into();
    assert_eq!(counts, Counts { keys, erased: 1 });
    // Without the former key.
    let alone = home.vault_with(first_of(&home.master()));
    for sealed in &sealed[..2] {
        assert_eq!(open(&alone, place(1), sealed).await.unwrap(), TEXT);
    }
    assert_eq!(open(&alone, place(1), &sealed[2]).await, Err("PII_ERASED"));
    // A process that still runs with the former alone finds out at once, whatever it held.
    assert_eq!(
        open(&before, place(1), &sealed[0]).await,
        Err("PII_MASTER_KEY_UNKNOWN")
    );
}

fn first_of(path: &Path) -> LocalMasterKeys {
    let text = std::fs::read_to_string(path).unwrap();
    LocalMasterKeys::parse(text.lines().next().unwrap()).unwrap()
}

#[tokio::test]
async fn a_key_that_was_moved_to_another_subjects_row_opens_nothing() {
    let mut home = Home::new("pii_moved").await;
    let vault = home.vault();
    let bobs = seal(&vault, BOB, 1).await.unwrap();
    seal(&vault, ANN, 1).await.unwrap();
    let moved = format!(
        "UPDATE subject_keys SET wrapped = (SELECT wrapped FROM subject_keys WHERE subject = '{ANN}')
         WHERE subject = '{BOB}'"
    );
    home.database.execute(&moved).await;
    assert_eq!(open(&vault, place(1), &bobs).await, Err("PII_WRAPPED_KEY_FORGED"));
}

#[tokio::test]
async fn a_store_that_does_not_answer_says_so() {
    let home = Home::new("pii_gone").await;
    let sealed = seal(&home.vault(), ANN, 1).await.unwrap();
    let keys = LocalMasterKeys::read(&home.master()).unwrap();
    // Nothing listens there.
    let nowhere = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(1);
    let vault = Vault::new(KeyStore::new(nowhere), Arc::new(keys));
    let (opened, again) = tokio::join!(open(&vault, place(1), &sealed), seal(&vault, ANN, 1));
    assert_eq!(opened, Err("PII_STORE_UNAVAILABLE"));
    assert_eq!(again.unwrap_err(), "PII_STORE_UNAVAILABLE");
    // Who erases a person must do it in the right database.
    let wrong = KeyStore::in_schema(home.database.settings.database.clone(), "pii_nowhere").must_exist();
    let error = PiiError::from(wrong.erase(ANN).await.unwrap_err());
    assert!(
        error.to_string().contains("no key store in this database"),
        "{error}"
    );
}
