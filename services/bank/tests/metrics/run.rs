//! The whole bank for a while, on a Kafka and a PostgreSQL of its own; then what it told is compared with its logs.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bank::LocalBank;
use opentelemetry_sdk::metrics::{
    InMemoryMetricExporter, SdkMeterProvider,
    data::{AggregatedMetrics, MetricData},
};
use tributary_checker::{AlarmKind, End, Invariant, check_all};
use tributary_contracts::{
    accounts::{AccountsCommand, OpenAccount, TransferOut},
    fraud::{
        ActivateModel, AddChallenger, ApproveVersion, AssessPayment, FraudCommand, PayeesCommand,
        ProposeVersion, Version, VersionKind,
    },
    record::{Headers, Outgoing},
    topics::{
        ACCOUNTS_DLQ, ACCOUNTS_EVENTS, ACCOUNTS_INBOX, FRAUD_INBOX, FRAUD_PAYEES_INBOX, LAUNDERING_EVENTS,
        LAUNDERING_INBOX, LOCAL_PARTITIONS,
    },
};
use tributary_fraud_domain::Model;
use tributary_ids::{AccountId, CustomerId, PaymentId, ProposalId};
use tributary_local_stack::Options;
use tributary_stream::{
    kafka::{CommandProducer, EventReader},
    test_driver::command,
};
use tributary_testkit::model_by_amount;

use crate::page::on_the_page;

/// Most time from a command to its row in PostgreSQL: the broker is cold.
const WITHIN: Duration = Duration::from_secs(60);

struct Told {
    /// Values by metric and attributes, as `metric{name=value,...}`.
    values: BTreeMap<String, i64>,
    /// Name, unit and description of each.
    described: BTreeSet<(String, String, String)>,
}

fn told(provider: &SdkMeterProvider, exporter: &InMemoryMetricExporter) -> Told {
    provider.force_flush().unwrap();
    let finished = exporter.get_finished_metrics().unwrap();
    let mut told = Told {
        values: BTreeMap::new(),
        described: BTreeSet::new(),
    };
    let scopes = finished.last().unwrap().scope_metrics();
    for metric in scopes.flat_map(|scope| scope.metrics()) {
        let words = [metric.name(), metric.unit(), metric.description()].map(str::to_owned);
        told.described.insert(words.into());
        let mut tell = |labels: BTreeSet<String>, value: i64| {
            let labels: Vec<String> = labels.into_iter().collect();
            told.values
                .insert(format!("{}{{{}}}", metric.name(), labels.join(",")), value);
        };
        let text = |label: &opentelemetry::KeyValue| format!("{}={}", label.key, label.value);
        match metric.data() {
            AggregatedMetrics::U64(MetricData::Sum(sum)) => sum
                .data_points()
                .for_each(|point| tell(point.attributes().map(text).collect(), point.value() as i64)),
            AggregatedMetrics::U64(MetricData::Gauge(gauge)) => gauge
                .data_points()
                .for_each(|point| tell(point.attributes().map(text).collect(), point.value() as i64)),
            AggregatedMetrics::I64(MetricData::Sum(sum)) => sum
                .data_points()
                .for_each(|point| tell(point.attributes().map(text).collect(), point.value())),
            AggregatedMetrics::F64(MetricData::Histogram(histogram)) => histogram
                .data_points()
                .for_each(|point| tell(point.attributes().map(text).collect(), point.count() as i64)),
            other => panic!("{}: {other:?}", metric.name()),
        }
    }
    told
}

#[expect(
    clippy::disallowed_methods,
    reason = "a client says until when its command is worth something"
)]
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

#[expect(clippy::disallowed_methods, reason = "how long a test waits")]
fn now() -> Instant {
    Instant::now()
}

/// Ten accounts, nine transfers between them, and a record that nobody can read.
fn commands() -> Vec<Outgoing> {
    let account = |number: u32| AccountId::named(&format!("metrics/{number}"));
    let currency = "CZK".parse().unwrap();
    let mut commands: Vec<AccountsCommand> = Vec::new();
    for number in 0..10 {
        commands.push(
            OpenAccount {
                account_id: account(number),
                owner: CustomerId::named("metrics"),
                product: "current".into(),
                currency,
                overdraft_limit: "0".into(),
                booking_date: "2026-11-25".parse().unwrap(),
                opening_balance: "100".into(),
            }
            .into(),
        );
    }
    for number in 0..9 {
        commands.push(
            TransferOut {
                account_id: account(number),
                payment_id: PaymentId::named(&format!("metrics/{number}")),
                creditor: account(number + 1),
                amount: "1".into(),
                currency,
                hold_id: None,
                booking_date: "2026-11-25".parse().unwrap(),
                value_date: None,
                import: None,
                details: Default::default(),
            }
            .into(),
        );
    }
    let not_after = Some(now_ms() + 300_000);
    let record = |(number, of): (usize, &AccountsCommand)| {
        let name = format!("metrics/{number}");
        command(ACCOUNTS_INBOX, LOCAL_PARTITIONS, &name, of.key(), not_after, of)
    };
    let mut records: Vec<Outgoing> = commands.iter().enumerate().map(record).collect();
    records.push(Outgoing {
        headers: Headers::default(),
        ..records[0].clone()
    });
    records
}

/// A model with 1/2 at this amount, and its version.
fn model(name: &str, mean: f64) -> (String, Version) {
    let artefact = model_by_amount(name, mean, 1.0);
    let hash = Model::load(&artefact).unwrap().hash().into();
    let name = name.into();
    (String::from_utf8(artefact).unwrap(), Version { name, hash })
}

/// A champion and a challenger, known to both partitions and adopted by them.
fn models() -> Vec<Outgoing> {
    let not_after = Some(now_ms() + 300_000);
    let [(champion, decides), (challenger, challenges)] =
        [model("champion", 10.0), model("challenger", 20.0)];
    let mut records = Vec::new();
    for (number, artefact) in [champion, challenger].into_iter().enumerate() {
        for partition in 0..LOCAL_PARTITIONS {
            let artefact = artefact.clone();
            let of = PayeesCommand::from(ActivateModel { partition, artefact });
            let name = format!("model/{number}/{partition}");
            records.push(command(
                FRAUD_PAYEES_INBOX,
                LOCAL_PARTITIONS,
                &name,
                of.key(),
                not_after,
                &of,
            ));
        }
    }
    let proposal_id = ProposalId::named("metrics");
    let register: [FraudCommand; 3] = [
        ProposeVersion {
            proposal_id,
            kind: VersionKind::Model,
            version: decides.clone(),
            by: "alice".into(),
        }
        .into(),
        ApproveVersion {
            proposal_id,
            hash: decides.hash,
            by: "bob".into(),
        }
        .into(),
        AddChallenger {
            version: challenges,
            by: "carol".into(),
        }
        .into(),
    ];
    for (number, of) in register.iter().enumerate() {
        let name = format!("register/{number}");
        records.push(command(
            FRAUD_INBOX,
            LOCAL_PARTITIONS,
            &name,
            of.key(),
            not_after,
            of,
        ));
    }
    records
}

fn assessment() -> Outgoing {
    let of = FraudCommand::from(AssessPayment {
        payment_id: PaymentId::named("metrics/assessed"),
        customer: CustomerId::named("metrics"),
        debtor: AccountId::named("metrics/0"),
        creditor: AccountId::named("metrics/1"),
        amount: "10".into(),
        currency: "CZK".parse().unwrap(),
        initiated_at: now_ms(),
        utc_offset_s: 0,
    });
    let not_after = Some(now_ms() + 300_000);
    command(FRAUD_INBOX, LOCAL_PARTITIONS, "assess", of.key(), not_after, &of)
}

fn records_in(brokers: &str, topic: &str) -> i64 {
    let from = (0..LOCAL_PARTITIONS).map(|partition| (partition, 0)).collect();
    let mut reader = EventReader::open(brokers, topic, &from).unwrap();
    let mut records = 0;
    while !reader.at_end() {
        records += reader
            .poll(Duration::from_millis(200), 10_000)
            .unwrap()
            .records
            .len() as i64;
    }
    records
}

#[test]
fn runtime_projection_and_checker_tell_what_the_logs_hold() {
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder()
        .with_periodic_exporter(exporter.clone())
        .build();
    opentelemetry::global::set_meter_provider(provider.clone());

    let bank = LocalBank::start(&Options::temporary().own_servers()).unwrap();
    let brokers = bank.brokers();
    let (delivered, deliveries) = std::sync::mpsc::channel();
    let producer = CommandProducer::connect(&brokers, Duration::ZERO, 1_000, move |delivery| {
        delivered.send(delivery).unwrap();
    })
    .unwrap();
    let commands = commands();
    let send = |record: &Outgoing| {
        producer.send(record, 0).unwrap();
        deliveries.recv_timeout(WITHIN).unwrap().result.unwrap();
    };
    let await_value = |metric: &str, expected: i64| {
        let deadline = now() + WITHIN;
        while told(&provider, &exporter).values.get(metric) != Some(&expected) {
            assert!(
                now() < deadline,
                "{metric}: {:?}",
                told(&provider, &exporter).values
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    commands.iter().for_each(send);
    models().iter().for_each(send);
    for partition in 0..LOCAL_PARTITIONS {
        await_value(&format!("tributary.fraud.change{{partition={partition}}}"), 2);
    }
    send(&assessment());
    await_value("tributary.fraud.decisions{decision=approve}", 1);
    // Models become known, are proposed, approved and adopted; a payment is counted and decided on.
    let of_fraud = 4 + 3 + 4 + 2;

    // Both sides of nine transfers, and the searches of which each comes to somebody who leaves an event.
    await_value("tributary.laundering.transfers{outcome=noted}", 2 * 9);
    let deadline = now() + WITHIN;
    let of_laundering = loop {
        let events = records_in(&brokers, LAUNDERING_EVENTS.name);
        if events == records_in(&brokers, LAUNDERING_INBOX.name) {
            break events;
        }
        assert!(now() < deadline, "the laundering service doesn't come to rest");
        std::thread::sleep(Duration::from_millis(100));
    };

    let projected = "tributary.projection.events{schema=accounts}";
    // A transfer is two commands and two entries; an opening two events; and one event for what can't be read.
    let events = 2 * 10 + 2 * 9 + 1;
    let deadline = now() + WITHIN;
    while told(&provider, &exporter).values.get(projected) < Some(&events) {
        assert!(now() < deadline, "{:?}", told(&provider, &exporter).values);
        std::thread::sleep(Duration::from_millis(100));
    }
    let health = format!("http://{}/health", bank.api());
    assert_eq!(ureq::get(health).call().unwrap().status(), 200);
    let end = End {
        at_rest_within: Some(WITHIN),
        expired_before: None,
    };
    let report = check_all(&brokers, end, &mut []).unwrap();
    assert!(report.is_clean(), "{report}");

    let inputs = records_in(&brokers, ACCOUNTS_INBOX.name);
    let dead = records_in(&brokers, ACCOUNTS_DLQ.name);
    assert_eq!(records_in(&brokers, ACCOUNTS_EVENTS.name), events);
    assert_eq!((inputs, dead), (commands.len() as i64 + 9, 1));
    let Told { values, described } = told(&provider, &exporter);
    let value = |name: &str| {
        *values
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in {values:?}"))
    };
    assert_eq!(value("tributary.stream.inputs{service=accounts}"), inputs);
    assert_eq!(value("tributary.stream.dead_letters{service=accounts}"), dead);
    for service in ["accounts", "fraud", "fraud-payees"] {
        let handled = value(&format!("tributary.stream.handler.duration{{service={service}}}"));
        let inputs = value(&format!("tributary.stream.inputs{{service={service}}}"));
        // More often where a transaction was aborted and tried again.
        assert!(handled >= inputs && inputs > 0, "{service}: {handled}, {inputs}");
    }
    // Events, the transfers' second halves, and the dead letter.
    assert_eq!(
        value("tributary.stream.records{service=accounts}"),
        events + 9 + dead
    );
    assert!(value("tributary.stream.transactions{outcome=committed,service=accounts}") > 0);
    assert_eq!(
        value("tributary.stream.transactions{outcome=in-doubt,service=accounts}"),
        0
    );
    assert_eq!(value("tributary.stream.restored{service=accounts}"), 0);
    let running = "tributary.stream.partitions{phase=running,service=accounts}";
    assert_eq!(value(running), i64::from(LOCAL_PARTITIONS));
    assert_eq!(
        value("tributary.snapshots.written{outcome=failed,service=accounts}"),
        0
    );
    assert_eq!(value(projected), events);
    assert!(value("tributary.projection.transactions{schema=accounts}") > 0);
    assert_eq!(value("tributary.projection.overtaken{schema=accounts}"), 0);
    assert_eq!(
        value("tributary.checker.events{}"),
        events + of_fraud + of_laundering
    );
    assert_eq!(value("tributary.fraud.decisions{decision=decline}"), 0);
    assert_eq!(value("tributary.laundering.alerts{rule=cycle}"), 0);
    assert_eq!(value("tributary.laundering.probes{}"), of_laundering - 2 * 9);
    assert_eq!(value("tributary.stream.records{service=laundering-feed}"), 2 * 9);
    assert_eq!(value("tributary.stream.inputs{service=laundering-feed}"), events);
    assert_eq!(value("tributary.fraud.score{role=champion}"), 1);
    assert_eq!(value("tributary.fraud.score{role=challenger}"), 1);
    assert_eq!(value("tributary.fraud.challenged{beside=same}"), 1);
    assert_eq!(value("tributary.checker.lag{}"), 0);
    assert_eq!(
        value(
            "http.server.request.duration{http.request.method=GET,http.response.status_code=200,http.route=/health}"
        ),
        1
    );
    for kind in AlarmKind::ALL {
        assert_eq!(
            value(&format!("tributary.checker.alarms{{alarm={}}}", kind.code())),
            0
        );
    }
    for invariant in Invariant::ALL {
        let name = format!("tributary.checker.violations{{invariant={}}}", invariant.number());
        assert_eq!(value(&name), 0);
    }

    // What came out of the run, whoever made it, is what the page lists.
    let listed: BTreeSet<_> = on_the_page()
        .into_iter()
        .map(|(name, _, unit, meaning)| (name, unit, meaning))
        .collect();
    assert_eq!(described, listed);

    bank.stop().unwrap();
    assert_eq!(
        told(&provider, &exporter).values[running],
        0,
        "who is gone holds nothing"
    );
}
