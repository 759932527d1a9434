use std::time::Duration;

use bank::LocalBank;
use tributary_load::{Chain, Load, Population, Report, Spread, Target, floor, open_accounts, run, text};
use tributary_local_stack::Options;

use crate::bank::today;

fn load() -> Load {
    Load {
        population: Population::new("load", 20, Spread::Uniform).unwrap(),
        currency: "CZK".parse().unwrap(),
        booking_date: today(),
        rate: 15.0,
        warm_up: Duration::ZERO,
        measured: Duration::from_secs(3),
        grace: Duration::from_secs(60),
        in_detail: true,
        seed: 7,
    }
}

/// Every payment completed, and it is told where the time went and what it cost.
fn assert_told(report: &Report) {
    let told = text::whole(report);
    assert_eq!((report.unfinished, report.undelivered), (0, 0), "{told}");
    let completed = report.outcomes["completed"];
    assert!(
        completed > 20 && report.outcomes.len() == 1,
        "{:?}",
        report.outcomes
    );
    let names: Vec<_> = report.hops.iter().map(|hop| hop.name).collect();
    let expected = [
        "command",
        "initiate",
        "reserve",
        "fraud",
        "payees",
        "decide",
        "settle",
        "credit",
        "complete",
        "read model",
    ];
    assert_eq!(names, expected);
    for hop in &report.hops {
        assert_eq!(hop.payments, completed, "{}", hop.name);
    }
    let cost = report.cost.as_ref().unwrap();
    assert_eq!(cost.payments, completed);
    for service in ["accounts", "fraud", "fraud-payees", "payments"] {
        assert!(cost.transactions[service] > 0.0, "{:?}", cost.transactions);
    }
    // Four events a payment, and their transactions' markers.
    assert!(
        cost.log_entries["payments.events"] > 4.0,
        "{:?}",
        cost.log_entries
    );
    for topic in ["payments.events", "accounts.inbox", "__"] {
        assert!(cost.log_bytes[topic] > 0.0, "{:?}", cost.log_bytes);
    }
    assert!(cost.database_wal_bytes > 1_000.0, "{cost:?}");
    assert!(told.contains("initiate") && told.contains("transactions of PostgreSQL"));
}

#[test]
fn a_load_tells_hop_by_hop_what_became_of_its_payments_whichever_way_they_come_in() {
    let mut bank = LocalBank::start(&Options::temporary().own_servers()).unwrap();
    let log_dir = bank.stack().data_dir().join("kafka/broker/data");
    let mut target = Target {
        brokers: bank.brokers(),
        database_url: bank.database_url(),
        gateway: None,
        log_dir: Some(log_dir),
        processes: vec![("bank".to_owned(), std::process::id())],
    };
    open_accounts(&load(), &target).unwrap();
    let straight = run(&load(), &target, &|| false).unwrap();
    assert_told(&straight);
    assert!(straight.acknowledged.is_none());
    target.gateway = Some(bank.api());
    let mut asked = run(&load(), &target, &|| false).unwrap();
    assert_told(&asked);
    let acknowledged = asked.acknowledged.unwrap();
    assert!(acknowledged.p50 <= asked.latency.unwrap().p50, "{acknowledged:?}");

    let chain = Chain {
        hops: 2,
        rate: 15.0,
        partitions: 2,
        warm_up: Duration::ZERO,
        measured: Duration::from_secs(2),
        seed: 7,
    };
    for _ in 0..2 {
        let seen = floor(&chain, &target.brokers, &|| false).unwrap();
        assert_eq!(seen.unfinished, 0, "{seen:?}");
        asked.floor = Some(seen);
    }
    assert!(asked.times_the_floor().is_some());
    assert!(text::whole(&asked).contains("bare chain of 2 hops"));
    bank.stop().unwrap();
}
