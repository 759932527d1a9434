//! The check of read model against log finds what was planted.

use std::sync::Arc;

use tributary_accounts::projection::{LedgerModel, VerifyError, verify};
use tributary_projection::rebuild;

use crate::{bank::Bank, database::Database};

#[tokio::test]
async fn each_planted_fault_is_found_and_a_rebuild_mends_it() {
    let mut bank = Bank::new(7);
    bank.live(1_500);
    for (fault, table) in [
        (
            "DELETE FROM entries WHERE (partition, event_offset) IN (SELECT partition, event_offset FROM entries LIMIT 1)",
            "entries",
        ),
        (
            "UPDATE accounts SET posted = posted + 1 WHERE account_id = (SELECT max(account_id::text)::uuid FROM accounts)",
            "accounts",
        ),
        (
            "DELETE FROM accounts WHERE account_id = (SELECT max(account_id::text)::uuid FROM accounts)",
            "accounts",
        ),
        (
            "UPDATE entries SET balance_after = balance_after - 100 WHERE seq = 5 AND account_id = (SELECT min(account_id::text)::uuid FROM entries WHERE seq = 5)",
            "entries",
        ),
        (
            "UPDATE entries SET gl_accounts = '{2900}' WHERE seq = 5 AND account_id = (SELECT min(account_id::text)::uuid FROM entries WHERE seq = 5)",
            "entries",
        ),
        (
            "INSERT INTO refusals SELECT partition, event_offset + 1000000, command_offset, command_id, kind, code, command_type, detail, payment_id, recorded_ms FROM refusals LIMIT 1",
            "refusals",
        ),
        (
            "UPDATE holds SET open = open + 1 WHERE hold_id = (SELECT max(hold_id::text)::uuid FROM holds)",
            "holds",
        ),
        (
            "UPDATE gl_parts SET balance = balance + 1 WHERE (gl_account, partition) = ('1010', 0)",
            "gl_parts",
        ),
        ("INSERT INTO gl_parts VALUES ('1010', 'EUR', 0, 0, 0)", "gl_parts"),
    ] {
        // Given a read model that is right,
        let mut database = Database::new("planted").await;
        database.fold(&bank.topic).await.unwrap();
        assert_eq!(database.differences(&bank.topic).await, [], "before {fault}");
        // when a fault is planted,
        assert_eq!(database.execute(fault).await, 1, "{fault}");
        // then it is found, it alone,
        let found = database.differences(&bank.topic).await;
        let tables: Vec<&str> = found.iter().map(|difference| difference.table).collect();
        assert_eq!(tables, [table], "{fault}: {found:?}");
        // and gone after a rebuild.
        rebuild(&database.settings, bank.topic.clone(), LedgerModel)
            .await
            .unwrap();
        assert_eq!(database.differences(&bank.topic).await, [], "after the rebuild");
        database.clear().await;
    }
}

#[tokio::test]
async fn offsets_ahead_of_what_was_folded_are_found() {
    let mut bank = Bank::new(7);
    bank.live(300);
    let mut database = Database::new("ahead").await;
    database.fold(&bank.topic).await.unwrap();
    bank.live(50);
    assert_eq!(
        database.differences(&bank.topic).await,
        [],
        "the model is behind, and right"
    );
    let end = bank.topic.end()[&0];
    let sql = format!("UPDATE projection_offsets SET next_offset = {end} WHERE partition = 0");
    assert_eq!(database.execute(&sql).await, 1);
    assert!(!database.differences(&bank.topic).await.is_empty());
    database.clear().await;
}

#[tokio::test]
async fn offsets_beyond_the_end_of_the_log_are_found() {
    let mut bank = Bank::new(7);
    bank.live(300);
    let mut database = Database::new("beyond").await;
    database.fold(&bank.topic).await.unwrap();
    let sql = "UPDATE projection_offsets SET next_offset = next_offset + 5 WHERE partition = 1";
    assert_eq!(database.execute(sql).await, 1);
    let found = database.differences(&bank.topic).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].table, found[0].key.as_str()),
        ("projection_offsets", "1")
    );
    database.clear().await;
}

#[tokio::test]
async fn a_log_that_contradicts_itself_is_told_from_a_wrong_read_model() {
    let mut bank = Bank::new(7);
    bank.live(300);
    let mut database = Database::new("log").await;
    database.fold(&bank.topic).await.unwrap();
    let offset: i64 = database
        .text("SELECT max(event_offset) FROM entries WHERE partition = 0 AND movement <> 0")
        .await
        .parse()
        .unwrap();
    let tampered = bank.topic.tamper(0, offset, |record| {
        let text = String::from_utf8(record.value.clone()).unwrap();
        record.value = text
            .replacen("\"balance_after\":", "\"balance_after\":1", 1)
            .into_bytes();
    });
    assert!(tampered);
    let settings = &database.settings;
    let error = verify(&settings.database, &settings.schema, Arc::new(bank.topic.clone()))
        .await
        .unwrap_err();
    assert!(
        matches!(error, VerifyError::Corrupt { partition: 0, offset: at, .. } if at == offset),
        "{error}"
    );
    database.clear().await;
}
