use tributary_accounts::projection::LedgerModel;
use tributary_projection::rebuild;

use crate::{
    bank::{Bank, account},
    database::Database,
};

#[tokio::test]
async fn the_export_lists_accounts_and_statements_in_order() {
    let mut database = Database::new("export").await;
    let mut bank = Bank::new(1);
    bank.open(1, "0");
    bank.credit(1, "12.30", 7);
    bank.open(2, "5");
    database.fold(&bank.topic).await.unwrap();
    let (balances, statements) = database.export().await;
    let (balances, statements) = (
        String::from_utf8(balances).unwrap(),
        String::from_utf8(statements).unwrap(),
    );
    let mut ids = [account(1), account(2)];
    ids.sort_unstable();
    let found: Vec<&str> = balances
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect();
    assert_eq!(found, ids.map(|id| id.to_string()));
    assert!(
        balances.contains("history,CZK,open,,0,1993-01-01,,1230,0,0,1230,2\n"),
        "{balances}"
    );
    assert!(
        statements.contains(",1993-01-04,1993-01-02,credit,1230,CZK,1230,f,,,AB,SIPO\tx,\"a \\ \"\"b\"\",\u{fffd}c\",,test,7\n"),
        "{statements}"
    );
    database.clear().await;
}

#[tokio::test]
async fn a_database_that_was_deleted_gives_the_same_bytes_again() {
    let mut database = Database::new("bytes").await;
    let mut bank = Bank::new(3);
    bank.live(1_000);
    database.fold(&bank.topic).await.unwrap();
    let first = database.export().await;
    assert!(first.1.len() > 10_000, "there is something to compare");
    database.clear().await;
    database.settings.events_max = 17;
    database.fold(&bank.topic).await.unwrap();
    assert!(database.export().await == first, "deleted and folded again");
    rebuild(&database.settings, bank.topic.clone(), LedgerModel)
        .await
        .unwrap();
    assert!(database.export().await == first, "rebuilt");
    database.clear().await;
}
