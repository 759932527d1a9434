use tributary_contracts::{
    accounts::{
        AccountOpened, CloseAccount, Debit, Details, Direction, GlAccount, Release, Reserve, Settle,
        TransferOut,
    },
    runtime::{DeadLettered, RuntimeEvent},
};
use tributary_ids::{CommandId, CustomerId, HoldId, PaymentId};
use tributary_projection::ProjectionError;

use crate::{
    bank::{Bank, account, czk, day},
    database::Database,
};

#[tokio::test]
async fn a_posting_shows_in_balances_journal_and_statement_with_its_place_in_the_log() {
    let mut database = Database::new("posting").await;
    let mut bank = Bank::new(1);
    bank.open(1, "0");
    bank.credit(1, "12.30", 7);
    database.fold(&bank.topic).await.unwrap();
    let id = account(1);
    let balance =
        "SELECT concat_ws(' ', currency, posted, pending_out, pending_in, available, seq) FROM balances";
    assert_eq!(database.text(balance).await, "CZK 1230 0 0 1230 2");
    let statement = format!(
        "SELECT concat_ws('|', seq, booking_date, value_date, kind, amount, balance_after, counterparty_bank, purpose,
                          reference, import_source, import_sequence) FROM statements WHERE account_id = '{id}'"
    );
    assert_eq!(
        database.text(&statement).await,
        "2|1993-01-04|1993-01-02|credit|1230|1230|AB|SIPO\tx|a \\ \"b\",\u{fffd}c|test|7"
    );
    let legs = "SELECT string_agg(concat_ws(' ', leg, account, side, amount, currency), '; ' ORDER BY leg) FROM journal";
    let partition = database.text("SELECT partition FROM entries").await;
    assert_eq!(
        database.text(legs).await,
        format!("1 {id} credit 1230 CZK; 2 1100:AB/p{partition} debit 1230 CZK")
    );
    let general = "SELECT concat_ws(' ', gl_account, currency, balance) FROM gl_balances";
    assert_eq!(database.text(general).await, "1100:AB CZK -1230");
    let place = "SELECT concat_ws(' ', e.event_offset, e.command_offset, a.first_offset, a.last_offset)
                 FROM entries e JOIN accounts a USING (account_id)";
    assert_eq!(database.text(place).await, "1 2 0 1");
    database.clear().await;
}

#[tokio::test]
async fn holds_change_what_is_available_and_end_settled_or_released() {
    let mut database = Database::new("holds").await;
    let mut bank = Bank::new(1);
    bank.open(1, "100");
    let reserve = |name: &str, direction| Reserve {
        account_id: account(1),
        hold_id: HoldId::named(name),
        direction,
        amount: "10".into(),
        currency: czk(),
        expires_at: None,
    };
    bank.carry_out(reserve("part", Direction::Out));
    bank.carry_out(reserve("in", Direction::In));
    bank.carry_out(reserve("freed", Direction::Out));
    bank.carry_out(Settle {
        account_id: account(1),
        hold_id: HoldId::named("part"),
        amount: "4".into(),
        currency: czk(),
        contra: GlAccount::CASH,
        last: false,
        booking_date: day(0),
        value_date: None,
        import: None,
        details: Details::default(),
    });
    for name in ["freed", "never"] {
        bank.carry_out(Release {
            account_id: account(1),
            hold_id: HoldId::named(name),
        });
    }
    database.fold(&bank.topic).await.unwrap();
    let balance = "SELECT concat_ws(' ', posted, pending_out, pending_in, available) FROM balances";
    assert_eq!(database.text(balance).await, "9600 600 1000 9000");
    let holds = "SELECT string_agg(concat_ws(' ', direction, state, reserved, open, settled, released), '; '
                                   ORDER BY first_offset) FROM holds";
    assert_eq!(
        database.text(holds).await,
        "out open 1000 600 400 0; in open 1000 1000 0 0; out released 1000 0 0 1000; out released 0 0 0 0"
    );
    assert_eq!(database.differences(&bank.topic).await, []);
    database.clear().await;
}

#[tokio::test]
async fn refusals_dead_letters_and_returned_transfers_are_listed_with_their_codes() {
    let mut database = Database::new("refusals").await;
    let mut bank = Bank::new(1);
    bank.open(1, "5");
    bank.carry_out(Debit {
        account_id: account(1),
        amount: "6".into(),
        currency: czk(),
        contra: GlAccount::CASH,
        rounding: None,
        forced: false,
        booking_date: day(0),
        value_date: None,
        import: None,
        details: Details::default(),
    });
    bank.carry_out(TransferOut {
        account_id: account(1),
        payment_id: PaymentId::named("lost"),
        creditor: account(2),
        amount: "1".into(),
        currency: czk(),
        hold_id: None,
        booking_date: day(0),
        value_date: None,
        import: None,
        details: Details::default(),
    });
    let dead = RuntimeEvent::DeadLettered(DeadLettered {
        code: "MALFORMED".to_owned(),
        detail: "not JSON".to_owned(),
        timer: None,
    });
    bank.append(0, CommandId::named("dead"), (0, 1), dead);
    database.fold(&bank.topic).await.unwrap();
    let refusals = "SELECT string_agg(kind || ' ' || code, '; ' ORDER BY kind) FROM refusals";
    assert_eq!(
        database.text(refusals).await,
        "dead-lettered MALFORMED; refused INSUFFICIENT_FUNDS; transfer-refused ACCOUNT_UNKNOWN"
    );
    let posted = "SELECT posted FROM balances";
    assert_eq!(database.text(posted).await, "500", "the transfer came back");
    assert_eq!(database.differences(&bank.topic).await, []);
    database.clear().await;
}

#[tokio::test]
async fn a_lived_history_is_folded_the_same_in_batches_of_any_size() {
    let mut bank = Bank::new(42);
    bank.live(2_500);
    let mut exports = Vec::new();
    for events_max in [29, 300, 10_000] {
        let mut database = Database::new("batches").await;
        database.settings.events_max = events_max;
        database.fold(&bank.topic).await.unwrap();
        assert_eq!(
            database.differences(&bank.topic).await,
            [],
            "batches of {events_max}"
        );
        // Every kind of event and state came up.
        for (what, at_least) in [
            ("SELECT count(DISTINCT kind) FROM entries", 8),
            ("SELECT count(DISTINCT state) FROM holds", 3),
            ("SELECT count(DISTINCT code) FROM refusals", 8),
            ("SELECT count(*) FROM accounts WHERE block IS NOT NULL", 1),
            (
                "SELECT count(*) FROM entries WHERE cardinality(gl_accounts) > 1",
                1,
            ),
        ] {
            let count: i64 = database.text(what).await.parse().unwrap();
            assert!(count >= at_least, "{what}: {count}");
        }
        // The books balance: customers and the general ledger together are zero.
        let sum = "SELECT (SELECT sum(posted) FROM accounts) + (SELECT sum(balance) FROM gl_balances)";
        assert_eq!(database.text(sum).await, "0");
        let journal = "SELECT sum(CASE side WHEN 'debit' THEN -amount ELSE amount END) FROM journal";
        assert_eq!(database.text(journal).await, "0");
        exports.push(database.export().await);
        database.clear().await;
    }
    assert!(
        exports.iter().all(|export| *export == exports[0]),
        "the same bytes"
    );
}

#[tokio::test]
async fn an_event_that_contradicts_the_rows_stops_the_projection_with_its_position() {
    let mut database = Database::new("contradiction").await;
    let mut bank = Bank::new(1);
    bank.open(1, "5");
    database.fold(&bank.topic).await.unwrap();
    let opened = AccountOpened {
        account_id: account(1),
        seq: 1,
        owner: CustomerId::named("1"),
        product: "history".into(),
        currency: czk(),
        overdraft_limit: 0,
        booking_date: day(0),
    };
    let partition: i32 = database
        .text("SELECT partition FROM accounts")
        .await
        .parse()
        .unwrap();
    let opened = tributary_contracts::accounts::AccountsEvent::AccountOpened(opened);
    let offset = bank.append(partition, CommandId::named("again"), (0, 1), opened);
    let error = database.fold(&bank.topic).await.unwrap_err();
    let ProjectionError::Poison(poison) = error else {
        panic!("{error}");
    };
    assert_eq!(
        (poison.partition, poison.offset, poison.code),
        (partition, offset, "EVENT_ACCOUNT_EXISTS")
    );
    database.clear().await;
}

#[tokio::test]
async fn a_closed_account_says_when_it_closed() {
    let mut database = Database::new("closed").await;
    let mut bank = Bank::new(1);
    bank.open(1, "0");
    bank.carry_out(CloseAccount {
        account_id: account(1),
        booking_date: day(9),
    });
    database.fold(&bank.topic).await.unwrap();
    let account = "SELECT concat_ws(' ', status, opened_on, closed_on, seq) FROM accounts";
    assert_eq!(database.text(account).await, "closed 1993-01-01 1993-01-10 2");
    database.clear().await;
}
