use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use bank::LocalBank;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tributary_contracts::record::{Headers, Outgoing};
use tributary_contracts::topics::{ALL, Kind, LOCAL_PARTITIONS, PAYMENTS_EVENTS, Topic};
use tributary_local_stack::{Options, PostgresConfig};
use tributary_payments::Payments;
use tributary_stream::kafka::{CommandProducer, EventReader, topics};
use tributary_stream::log::EventsRead;
use tributary_stream::snapshot::{ObjectSnapshots, SnapshotFollower};

use crate::client::{Client, OWNER};
use crate::later::{self, Later};
use crate::logs::Logs;
use crate::search::{Found, Search};

/// No other text of the bank holds it.
const CANARY: &str = "KanarienvogelGelbZwitschert";

/// A topic of the test's own.
const CONTROL: Topic = Topic {
    name: "canary.control",
    kind: Kind::DeadLetters,
    key: "none",
};

struct Rig {
    bank: LocalBank,
    logs: Logs,
    client: Client,
    runtime: tokio::runtime::Runtime,
}

impl Rig {
    fn start() -> Self {
        let logs = Logs::capture();
        let bank = LocalBank::start(&Options::temporary().own_servers()).unwrap();
        let client = Client::at(bank.api());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            bank,
            logs,
            client,
            runtime,
        }
    }

    /// A payment with a text, and how it ended.
    fn pay(&self, debtor: &str, creditor: &str, amount: &str, text: &str) -> (u16, Value) {
        let body = json!({
            "customer": OWNER, "debtor": debtor, "creditor": creditor, "amount": amount, "currency": "CZK",
            "remittance": text
        });
        self.client.post("/v1/payments", &body)
    }

    /// Takes the snapshots now that the bank itself would take after 50,000 events.
    fn take_snapshots(&mut self) {
        let directory = self.bank.stack().data_dir().join("snapshots");
        let store = ObjectSnapshots::in_directory(&directory).unwrap();
        let mut follower = SnapshotFollower::<Payments>::new(LOCAL_PARTITIONS, 1, &store);
        let brokers = self.bank.brokers();
        let mut reader = EventReader::open(&brokers, PAYMENTS_EVENTS.name, &follower.next()).unwrap();
        while !reader.at_end() {
            let mut batch = reader.poll(Duration::from_millis(500), 5_000).unwrap();
            for (partition, next) in batch.next {
                let of_it = |record: &mut tributary_contracts::record::Record| record.partition == partition;
                let records = batch.records.extract_if(.., of_it).collect();
                let read = EventsRead { records, next };
                follower.absorb(partition, &read, &store).unwrap();
            }
        }
    }

    /// Searches all that the bank keeps: topics, tables, logs and traces, the files of PostgreSQL (its log of changes
    /// included), snapshots and whatever else is in its directory. Kafka's own files are compressed; its topics are read.
    fn search(&mut self, text: &str) -> Found {
        let search = Search::of(text);
        let mut found = self.search_topics_and_tables(&search);
        search.note(&mut found, "log", &self.logs.written());
        let data = self.bank.stack().data_dir().to_owned();
        // Written when the servers stood, before anything came that holds the text.
        let before = std::fs::metadata(data.join("running.json")).unwrap();
        let since = before.modified().unwrap();
        search.files(&data, since, Some(&data.join("kafka")), &mut found);
        let cluster = PostgresConfig::below(&data).home;
        if !cluster.starts_with(&data) {
            search.files(&cluster, since, None, &mut found);
        }
        found
    }

    fn search_topics_and_tables(&self, search: &Search) -> Found {
        let mut found = Found::default();
        search.topics(&self.bank.brokers(), &mut found);
        let server: PgConnectOptions = self.bank.database_url().parse().unwrap();
        self.runtime.block_on(search.tables(&server, &mut found));
        found
    }

    fn search_snapshots(&mut self, text: &str) -> Found {
        let mut found = Found::default();
        let snapshots = self.bank.stack().data_dir().join("snapshots");
        Search::of(text).files(&snapshots, UNIX_EPOCH, None, &mut found);
        found
    }

    fn pii(&mut self, arguments: &[&str]) -> String {
        let server = self.bank.database_url();
        let (server, _) = server.rsplit_once('/').unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_bank"))
            .arg("pii")
            .args(arguments)
            .env("KEY_STORE_URL", format!("{server}/{}", bank::KEY_STORE_DATABASE))
            .env("PII_MASTER_KEY_FILE", bank::master_key_file(self.bank.stack()))
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout) + &text(&output.stderr)
    }
}

/// Requests that are refused, with the canary where it belongs and where it doesn't.
fn bad_requests(client: &Client, debtor: &str, creditor: &str) -> usize {
    let good = json!({
        "customer": OWNER, "debtor": debtor, "creditor": creditor, "amount": "1.00", "currency": "CZK"
    });
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        ("/v1/payments".to_owned(), body.to_string())
    };
    let order_with = |field: &str, value: Value| {
        let mut body = later::order(debtor, creditor, "rent");
        body[field] = value;
        ("/v1/standing-orders".to_owned(), body.to_string())
    };
    let bad = [
        with("remittance", json!(format!("{CANARY}{}", "x".repeat(140)))),
        with("remittance", json!(format!("{CANARY}\n"))),
        with("remittance", json!(format!("\u{202e}{CANARY}"))),
        with("remittance", json!({"text": CANARY})),
        with("remittance", json!([CANARY])),
        with(CANARY, json!(1)),
        with("customer", json!(CANARY)),
        with("debtor", json!(CANARY)),
        with("amount", json!(CANARY)),
        with("currency", json!(CANARY)),
        with("booking_date", json!(CANARY)),
        with("execution_date", json!(CANARY)),
        order_with("remittance", json!(format!("{CANARY}{}", "x".repeat(140)))),
        order_with("remittance", json!([CANARY])),
        order_with("start_date", json!(CANARY)),
        order_with("frequency", json!(CANARY)),
        order_with(CANARY, json!(1)),
        ("/v1/payments".to_owned(), format!("{{\"remittance\": \"{CANARY}")),
        ("/v1/payments".to_owned(), CANARY.to_owned()),
        (format!("/v1/{CANARY}"), good.to_string()),
        (format!("/v1/payments/{CANARY}/refunds"), good.to_string()),
        (
            format!("/v1/payments/{debtor}/refunds"),
            json!({"amount": "1.00", "currency": "CZK", "reason": format!("{CANARY} wants it back")})
                .to_string(),
        ),
        (
            format!("/v1/payments/{debtor}/review"),
            json!({"decision": CANARY, "reason": "seen"}).to_string(),
        ),
        (
            "/v1/accounts".to_owned(),
            json!({"owner": OWNER, "product": format!("{CANARY}'s savings"), "currency": "CZK"}).to_string(),
        ),
    ];
    let search = Search::of(CANARY);
    for (path, body) in &bad {
        let (status, answer) = client.post_text(path, &[("traceparent", CANARY)], body);
        assert!((400..500).contains(&status), "{path} {body}: {status} {answer}");
        assert!(
            !search.is_in(answer.to_string().as_bytes()),
            "{path} {body}: {answer}"
        );
    }
    for path in [
        format!("/v1/payments?state={CANARY}"),
        format!("/v1/payments?state=in-review&cursor={CANARY}"),
        format!("/v1/events?topic={CANARY}"),
    ] {
        let (status, answer) = client.get(&path);
        assert!((400..500).contains(&status), "{path}: {status} {answer}");
        assert!(!search.is_in(answer.to_string().as_bytes()), "{path}: {answer}");
    }
    bad.len()
}

/// Puts the canary where nobody may: whoever searches must find it there.
fn plant(rig: &mut Rig) {
    let brokers = rig.bank.brokers();
    topics::apply(&brokers, &[CONTROL], 1, 1).unwrap();
    let producer = CommandProducer::connect(&brokers, Duration::ZERO, 1, |_| {}).unwrap();
    let planted = Outgoing {
        topic: CONTROL.name,
        partition: 0,
        key: Vec::new(),
        headers: Headers::default(),
        value: format!("{{\"remittance\":\"{CANARY}\"}}").into_bytes(),
    };
    producer.send(&planted, 0).unwrap();
    producer.flush().unwrap();

    let url = rig.bank.database_url();
    rig.runtime.block_on(async {
        let mut database = PgConnection::connect(&url).await.unwrap();
        // As bytes they show in hexadecimal, and in the middle of base64.
        for (table, value) in [
            ("plain", "$1::text"),
            ("hex", "convert_to($1, 'UTF8')"),
            ("base64", "encode(convert_to('x' || $1 || 'y', 'UTF8'), 'base64')"),
        ] {
            let sql =
                format!("CREATE SCHEMA control_{table}; CREATE TABLE control_{table}.planted (value text)");
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
                .execute(&mut database)
                .await
                .unwrap();
            let sql = format!("INSERT INTO control_{table}.planted SELECT ({value})::text");
            let sql = sqlx::AssertSqlSafe(sql);
            sqlx::query(sql)
                .bind(CANARY)
                .execute(&mut database)
                .await
                .unwrap();
        }
        sqlx::query("CHECKPOINT").execute(&mut database).await.unwrap();
    });
    tracing::trace!(remittance = CANARY, "planted");
    let snapshots = rig.bank.stack().data_dir().join("snapshots");
    std::fs::write(snapshots.join("planted"), format!("\0\u{1}{CANARY}\0")).unwrap();
}

fn expect_found(found: &Found, places: &[&str]) {
    for place in places {
        assert!(found.is_in(place), "{place}: {:#?}", found.hits);
    }
}

#[test]
fn a_canary_that_goes_through_the_bank_is_found_nowhere_but_in_the_answer() {
    let mut rig = Rig::start();
    let (debtor, creditor) = (rig.client.account("100.00"), rig.client.account("0"));

    // given: a payment that completes and one that is rejected, with the canary; and what is refused with it
    let (status, paid) = rig.pay(&debtor, &creditor, "14.60", CANARY);
    assert_eq!(
        (status, paid["state"].as_str()),
        (201, Some("completed")),
        "{paid}"
    );
    let (status, rejected) = rig.pay(&debtor, &creditor, "5000.00", CANARY);
    assert_eq!(
        (status, rejected["state"].as_str()),
        (201, Some("rejected")),
        "{rejected}"
    );
    assert!(bad_requests(&rig.client, &debtor, &creditor) > 10);
    let later = Later::ask(&rig.bank, &rig.runtime, &rig.client, (&debtor, &creditor), CANARY);
    let address = format!("/v1/payments/{}", paid["payment_id"].as_str().unwrap());
    let readable = json!({"state": "readable", "text": CANARY});
    let timeline = format!("{address}/timeline");
    rig.client.until("the timelines have the end", || {
        let (_, timeline) = rig.client.get(&timeline);
        timeline.to_string().contains("payments.payment-completed.v1")
    });
    rig.take_snapshots();

    // then: whoever may see the payment reads it
    let (_, shown) = rig.client.get(&address);
    assert_eq!(shown["remittance"], readable, "{shown}");
    later.expect(&rig.client, &readable);
    let (_, forged) = rig.client.get(&later.forged);
    assert_eq!(forged["remittance"], json!({"state": "unreadable"}), "{forged}");

    // and: it stands nowhere
    let found = rig.search(CANARY);
    assert_eq!(found.hits, Vec::<String>::new());
    searched_all(&found.searched);

    // but: the ciphertext does, wherever the text would, and the search looks there
    let ciphertext = ciphertext_of(&rig.client, &address);
    let sealed = rig.search_topics_and_tables(&Search::of(&ciphertext));
    expect_found(
        &sealed,
        &[
            "topic payments.inbox",
            "topic payments.events",
            "table tributary.payments.payments",
            "table tributary.timeline_payments.events",
        ],
    );
    let tag = rig.search_snapshots(&ciphertext[ciphertext.len() - 22..]);
    assert!(
        tag.hits.iter().any(|hit| hit.contains("/snapshots/payments/")),
        "{:#?}",
        tag.hits
    );
    for (ciphertext, table) in later.ciphertexts.iter().zip(["payments", "standing_orders"]) {
        let sealed = rig.search_topics_and_tables(&Search::of(ciphertext));
        expect_found(
            &sealed,
            &[
                "topic payments.inbox",
                "topic payments.events",
                &format!("table tributary.payments.{table}"),
            ],
        );
        let kept = rig.search_snapshots(ciphertext);
        assert!(
            kept.hits.iter().any(|hit| hit.contains("/snapshots/payments/")),
            "{:#?}",
            kept.hits
        );
    }

    // and: a canary that was planted is found
    plant(&mut rig);
    let planted = rig.search(CANARY);
    expect_found(
        &planted,
        &[
            "topic canary.control",
            "table tributary.control_plain.planted",
            "table tributary.control_hex.planted",
            "table tributary.control_base64.planted",
            "log",
        ],
    );
    for part in ["/snapshots/planted", "/pg_wal/", "/base/"] {
        assert!(
            planted.hits.iter().any(|hit| hit.contains(part)),
            "{part}: {:#?}",
            planted.hits
        );
    }

    erase(&mut rig, &address, &debtor, &creditor);
    later.expect(&rig.client, &json!({"state": "erased"}));
    for (path, body) in [
        ("/v1/payments", later::scheduled(&debtor, &creditor, "anything")),
        (
            "/v1/standing-orders",
            later::order(&debtor, &creditor, "anything"),
        ),
    ] {
        let (status, refused) = rig.client.post(path, &body);
        assert_eq!(
            (status, refused["code"].as_str()),
            (422, Some("PERSONAL_DATA_ERASED"))
        );
    }
    rig.bank.stop().unwrap();
}

/// Nothing was left out, and none of it was empty that should not be.
fn searched_all(searched: &BTreeMap<String, usize>) {
    for topic in ALL {
        assert!(
            searched.contains_key(&format!("topic {}", topic.name)),
            "{}",
            topic.name
        );
    }
    for place in [
        "topic payments.inbox",
        "topic payments.events",
        "topic accounts.events",
        "topic fraud.events",
        "table tributary.payments.payments",
        "table tributary.payments.standing_orders",
        "table tributary.payments.refusals",
        "table tributary.accounts.accounts",
        "table tributary.timeline_payments.events",
        "table pii.pii.subject_keys",
        "log",
        "file",
    ] {
        let pieces = searched.get(place).copied();
        let may_be_empty = place.ends_with("refusals");
        assert!(
            pieces.is_some_and(|pieces| pieces > 0 || may_be_empty),
            "{place}: {searched:#?}"
        );
    }
}

fn ciphertext_of(client: &Client, address: &str) -> String {
    let (_, timeline) = client.get(&format!("{address}/timeline"));
    let events = timeline["events"].as_array().unwrap();
    let sealed = events
        .iter()
        .map(|event| &event["data"]["remittance"]["ciphertext"]);
    sealed.filter_map(Value::as_str).next().unwrap().to_owned()
}

/// The key gone, the text is gone from every one of those places at once.
fn erase(rig: &mut Rig, address: &str, debtor: &str, creditor: &str) {
    let before = rig.pii(&["status"]);
    assert!(
        before.starts_with("1 keys\n") && before.ends_with("0 erased\n"),
        "{before}"
    );
    let erased = rig.pii(&["erase", OWNER]);
    assert_eq!(erased, format!("{OWNER} erased\n"));
    let (status, shown) = rig.client.get(address);
    assert_eq!(
        (status, &shown["remittance"]),
        (200, &json!({"state": "erased"})),
        "{shown}"
    );
    let list = format!("/v1/accounts/{creditor}/payments");
    let (_, list) = rig.client.get(&list);
    let listed = list["payments"].as_array().unwrap();
    assert!(
        !listed.is_empty()
            && listed
                .iter()
                .all(|paid| paid["remittance"] == json!({"state": "erased"})),
        "{list}"
    );
    let list = format!("/v1/accounts/{debtor}/standing-orders");
    let (_, list) = rig.client.get(&list);
    assert_eq!(
        list["standing_orders"][0]["remittance"],
        json!({"state": "erased"}),
        "{list}"
    );
    let (status, refused) = rig.pay(debtor, creditor, "1.00", "anything");
    assert_eq!(
        (status, refused["code"].as_str()),
        (422, Some("PERSONAL_DATA_ERASED"))
    );

    // Another master key changes nothing about it.
    let rotated = rig.pii(&["rotate"]);
    assert!(rotated.contains("is the first of"), "{rotated}");
    let rewrapped = rig.pii(&["rewrap"]);
    assert!(rewrapped.starts_with("0 keys were wrapped anew"), "{rewrapped}");
    let after = rig.pii(&["erased"]);
    assert!(
        after.starts_with(&format!("{OWNER} 2")) && after.lines().count() == 1,
        "{after}"
    );
    let again = rig.pii(&["erase", OWNER]);
    assert_eq!(again, format!("{OWNER} was erased before\n"));
    let master = std::fs::read_to_string(bank::master_key_file(rig.bank.stack())).unwrap();
    let output = [before, erased, rotated, rewrapped, after, again].concat();
    assert!(master.lines().count() == 2 && master.lines().all(|key| !output.contains(key)));
}

#[test]
fn the_search_finds_a_text_in_every_form_that_it_knows() {
    let search = Search::of(CANARY);
    let hex: String = CANARY.bytes().map(|byte| format!("{byte:02X}")).collect();
    let utf16: Vec<u8> = CANARY.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert!(search.is_in(format!("..{CANARY}..").as_bytes()));
    assert!(search.is_in(CANARY.to_lowercase().as_bytes()));
    assert!(search.is_in(hex.as_bytes()) && search.is_in(&utf16));
    use base64::Engine;
    for (before, after) in [("", ""), ("a", "b"), ("ab", ""), ("abc", "??>")] {
        let text = format!("{before}{CANARY}{after}");
        let standard = base64::engine::general_purpose::STANDARD.encode(&text);
        assert!(search.is_in(standard.as_bytes()), "{text}");
    }
    assert!(
        !search.is_in(b"Kanarienvogel") && !search.is_in(Path::new("gelb").as_os_str().as_encoded_bytes())
    );
}
