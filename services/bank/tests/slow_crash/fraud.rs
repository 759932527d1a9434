//! What decides on payments is swapped under load, by four eyes, while both hops of the fraud service are killed; and the whole
//! service stays away for longer than payments wait for it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    process::{Command, Output},
    thread,
    time::Duration,
};

use rand::RngExt;
use tributary_contracts::{
    codec::{Message, read_event},
    fraud::{FraudEvent, PayeesEvent, Versions},
    payments::{InitiateTransfer, PaymentsCommand, PaymentsEvent, ReviewDecision, ReviewPayment},
    topics::{FRAUD_EVENTS, FRAUD_PAYEES_EVENTS, PAYMENTS_EVENTS, PAYMENTS_INBOX, Topic},
};
use tributary_ids::{CommandId, PaymentId};
use tributary_load::Population;
use tributary_stream::{StreamEvent, kafka::CommandProducer};
use tributary_testkit::model_by_amount;

use crate::{
    clients::Clients,
    load::record,
    observer::now,
    payments::{Bank, open},
    rig::{RECOVER_WITHIN, Rig, each_seed, rounds},
};

/// Both hops, as [`crate::payments::SERVICES`] has them.
const HOPS: [usize; 2] = [2, 3];

/// How long a partition may take to adopt what was approved while its service was killed.
const ADOPTED_WITHIN: Duration = Duration::from_secs(60);

/// Longer than a saga waits for the fraud service.
const AWAY_FOR: Duration = Duration::from_secs(12);

fn fraud(rig: &Rig, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bank"))
        .arg("fraud")
        .args(arguments)
        .args(["--brokers", &rig.stack.brokers()])
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(text).unwrap()
}

fn done(rig: &Rig, arguments: &[&str]) -> String {
    let output = fraud(rig, arguments);
    if !output.status.success() {
        rig.give_up(&format!("{arguments:?}: {}", told(&output)));
    }
    told(&output)
}

/// Rules that let everything on: what is paid here has to arrive.
fn rules(name: &str) -> Vec<u8> {
    format!(
        r#"{{"format": 1, "name": "{name}", "rules": [{{"name": "NEVER", "when": "amount < 0.0", "then": "decline"}}]}}"#
    )
    .into_bytes()
}

fn artefact(name: &str) -> Vec<u8> {
    model_by_amount(name, 100.0, 100.0)
}

/// What a service wrote, in the order of each partition.
fn events<E: Message>(rig: &Rig, topic: Topic) -> Vec<E> {
    let records = rig.read_all(topic);
    let event = |record| match read_event::<StreamEvent<E>>(record).unwrap().data {
        StreamEvent::Service(event) => Some(event),
        StreamEvent::Runtime(_) => None,
    };
    records.values().filter_map(event).collect()
}

/// Each payment that the first hop took was decided once, by what it was fixed to. Names of all rules and models that decided, and
/// of those that challenged.
fn judge_decisions(rig: &Rig) -> [BTreeSet<String>; 3] {
    let mut fixed: HashMap<PaymentId, Versions> = HashMap::new();
    for event in events(rig, FRAUD_EVENTS) {
        if let FraudEvent::PaymentObserved(observed) = event {
            let before = fixed.insert(observed.payment_id, observed.versions);
            assert_eq!(before, None, "{} is counted twice", observed.payment_id);
        }
    }
    let mut names = [const { BTreeSet::new() }; 3];
    let mut decided = HashMap::new();
    for event in events(rig, FRAUD_PAYEES_EVENTS) {
        let PayeesEvent::PaymentDecided(event) = event else {
            continue;
        };
        let id = event.payment_id;
        assert_eq!(Some(&event.versions), fixed.get(&id), "{id} is decided by a mix");
        let named = (&event.decision.rules, event.decision.model.as_ref());
        let versions = &event.versions;
        assert_eq!(
            named,
            (
                &versions.rules.name,
                versions.model.as_ref().map(|model| &model.name)
            )
        );
        names[0].insert(event.decision.rules.to_string());
        names[1].extend(event.decision.model.map(String::from));
        names[2].extend(event.challenged.into_iter().map(|one| one.model.name.to_string()));
        assert_eq!(decided.insert(id, ()), None, "{id} is decided twice");
    }
    assert_eq!(decided.len(), fixed.len(), "a decision is lost");
    println!("  {} payments decided once each, by {names:?}", decided.len());
    names
}

/// Alice proposes it, and while Bob approves it one of the hops is killed.
fn swap(bank: &mut Bank, kind: &str, file: &Path, name: &str, victim: usize) {
    let proposed = done(
        &bank.rig,
        &["propose", kind, file.to_str().unwrap(), "--by", "alice"],
    );
    let id = proposed
        .strip_prefix("proposal ")
        .and_then(|rest| rest.split(':').next())
        .unwrap();
    let wait = Duration::from_millis(bank.rig.random.random_range(0..800));
    let since = now();
    let Bank { rig, services, .. } = &mut *bank;
    let approved = thread::scope(|scope| {
        let rig = &*rig;
        let approving = scope.spawn(|| fraud(rig, &["approve", id, "--by", "bob"]));
        thread::sleep(wait);
        services[victim].kill9();
        services[victim] = rig.service(&[crate::payments::SERVICES[victim], "--instance", "a"]);
        approving.join().unwrap()
    });
    // Bob's command may have ended without an answer: then he asks again, and may hear that he has approved.
    let mut approved = approved;
    while !approved.status.success() && !told(&approved).contains("FRAUD_PROPOSAL_DECIDED") {
        if since.elapsed() > ADOPTED_WITHIN {
            rig.give_up(&format!("{name} is not approved: {}", told(&approved)));
        }
        approved = fraud(rig, &["approve", id, "--by", "bob"]);
    }
    let uses = |status: &str, partition: i32| {
        let of = format!("partition {partition}: ");
        status
            .lines()
            .any(|line| line.starts_with(&of) && line.contains(&format!("{name} (")))
    };
    loop {
        let status = done(rig, &["status"]);
        if (0..2).all(|partition| uses(&status, partition)) {
            break;
        }
        if since.elapsed() > ADOPTED_WITHIN {
            rig.give_up(&format!("{name} is not adopted everywhere: {status}"));
        }
    }
    println!(
        "  {name} decides {:?} after Bob's word, {} killed {wait:?} into it",
        since.elapsed(),
        crate::payments::SERVICES[victim]
    );
}

#[test]
fn what_decides_is_swapped_under_load_while_each_hop_is_killed() {
    each_seed("rules and models swapped under load, both hops killed", |rig| {
        let mut bank = Bank::start(rig);
        let population = open(&bank.rig);
        let clients = Clients::start(bank.api, &population, bank.rig.seed);
        bank.recovered(now(), "at the start");
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| {
            let file = directory.path().join(name);
            std::fs::write(&file, content).unwrap();
            file
        };
        let challenger = write("challenger.json", &artefact("challenger"));
        let challenger = challenger.to_str().unwrap();
        done(
            &bank.rig,
            &[
                "activate",
                "--model",
                challenger,
                "--as",
                "challenger",
                "--by",
                "carol",
            ],
        );
        let mut last = ["amount-limit.v1".to_owned(), String::new()];
        for round in 0..rounds() {
            for (turn, victim) in HOPS.into_iter().enumerate() {
                let [of_rules, of_model] = ["rules", "model"].map(|what| format!("{what}-{round}-{turn}.v1"));
                let file = write("rules.json", &rules(&of_rules));
                swap(&mut bank, "--rules", &file, &of_rules, victim);
                bank.rig.let_run();
                let file = write("model.json", &artefact(&of_model));
                swap(&mut bank, "--model", &file, &of_model, victim);
                bank.recovered(now(), "after the swap");
                last = [of_rules, of_model];
            }
            // What is damaged is refused with a reason, and what decided goes on.
            for (kind, content, code) in [
                ("--rules", &b"{\"format\": 1"[..], "RULES_MALFORMED"),
                ("--model", &artefact("cut")[..100], "MODEL_MALFORMED"),
            ] {
                let file = write("damaged.json", content);
                let refused = fraud(
                    &bank.rig,
                    &["propose", kind, file.to_str().unwrap(), "--by", "alice"],
                );
                assert!(
                    !refused.status.success() && told(&refused).contains(code),
                    "{}",
                    told(&refused)
                );
            }
            bank.recovered(now(), "after what is damaged");
        }
        let told = clients.stop().unwrap_or_else(|wrong| bank.rig.give_up(&wrong));
        bank.rig.check();
        bank.rig.judge_payments(&told);
        let [of_rules, models, challengers] = judge_decisions(&bank.rig);
        assert!(
            of_rules.len() >= 3 && models.len() >= 2,
            "{of_rules:?} {models:?}"
        );
        assert!(
            of_rules.contains(&last[0]) && models.contains(&last[1]),
            "{last:?}"
        );
        assert_eq!(challengers, BTreeSet::from(["challenger".to_owned()]));
        let mut in_use: BTreeMap<i32, Versions> = BTreeMap::new();
        for event in events(&bank.rig, FRAUD_EVENTS) {
            if let FraudEvent::VersionsUsed(used) = event {
                in_use.insert(used.partition, used.versions);
            }
        }
        for versions in in_use.values() {
            let model = versions.model.as_ref().map(|model| model.name.to_string());
            assert_eq!([versions.rules.name.to_string(), model.unwrap_or_default()], last);
        }
    });
}

/// A payment straight to the inbox.
fn pay(producer: &CommandProducer, population: &Population, name: &str, amount: &str) -> PaymentId {
    let payment_id = PaymentId::named(name);
    let transfer = PaymentsCommand::from(InitiateTransfer {
        payment_id,
        customer: population.owner(0),
        debtor: population.account(0),
        creditor: population.account(1),
        amount: amount.into(),
        currency: "CZK".parse().unwrap(),
        booking_date: "2026-11-25".parse().unwrap(),
        remittance: None,
        details: Default::default(),
        occurrence: None,
    });
    let id = CommandId::named(name);
    let sent = record(PAYMENTS_INBOX, id, transfer.key(), &transfer);
    producer.send(&sent, 0).unwrap();
    producer.flush().unwrap();
    payment_id
}

/// Waits until the fraud service decides on payments itself.
fn decides(bank: &Bank, producer: &CommandProducer, population: &Population, when: &str) {
    let since = now();
    for number in 0.. {
        let payment = pay(producer, population, &format!("{when}/{number}"), "1");
        thread::sleep(Duration::from_secs(1));
        let decided = |event: &PaymentsEvent| {
            matches!(event, PaymentsEvent::PaymentAdvanced(advanced)
                if advanced.payment_id == payment
                    && advanced.fraud.as_ref().is_some_and(|fraud| fraud.rules == "amount-limit.v1"))
        };
        if events(&bank.rig, PAYMENTS_EVENTS).iter().any(decided) {
            return;
        }
        if since.elapsed() > RECOVER_WITHIN {
            bank.rig.give_up("the fraud service does not decide");
        }
    }
}

#[test]
fn a_fraud_service_that_is_dead_is_stood_in_for_and_changes_nothing_when_it_comes_back() {
    each_seed("the fraud service is dead while payments come", |rig| {
        let mut bank = Bank::start(rig);
        let population = open(&bank.rig);
        let producer =
            CommandProducer::connect(&bank.rig.stack.brokers(), Duration::ZERO, 16, |_| {}).unwrap();
        decides(&bank, &producer, &population, "at the start");
        for hop in HOPS {
            bank.services[hop].kill9();
        }
        let small: Vec<PaymentId> = (0..20)
            .map(|number| pay(&producer, &population, &format!("dead/{number}"), "20"))
            .collect();
        let large = pay(&producer, &population, "dead/large", "600");
        thread::sleep(AWAY_FOR);
        let ended_without_fraud = events::<PaymentsEvent>(&bank.rig, PAYMENTS_EVENTS);
        let completed = |events: &[PaymentsEvent], payment: PaymentId| {
            let is_it = |event: &&PaymentsEvent| matches!(event, PaymentsEvent::PaymentCompleted(completed) if completed.payment_id == payment);
            events.iter().filter(is_it).count()
        };
        for payment in &small {
            assert_eq!(
                completed(&ended_without_fraud, *payment),
                1,
                "{payment} waits for the dead"
            );
        }
        for hop in HOPS {
            bank.services[hop] = bank
                .rig
                .service(&[crate::payments::SERVICES[hop], "--instance", "a"]);
        }
        decides(&bank, &producer, &population, "back");
        // The fraud service, which would have let it on, came too late: it waits for a person all the same.
        let all = events::<PaymentsEvent>(&bank.rig, PAYMENTS_EVENTS);
        assert_eq!(completed(&all, large), 0);
        let review = PaymentsCommand::from(ReviewPayment {
            payment_id: large,
            decision: ReviewDecision::Approve,
            reason: "looked-at".into(),
            confirms_fraud: false,
        });
        let sent = record(PAYMENTS_INBOX, CommandId::named("review"), review.key(), &review);
        producer.send(&sent, 0).unwrap();
        producer.flush().unwrap();
        bank.rig.check();
        let all = events::<PaymentsEvent>(&bank.rig, PAYMENTS_EVENTS);
        for payment in small.iter().chain([&large]) {
            assert_eq!(completed(&all, *payment), 1);
            let decided: Vec<_> = all
                .iter()
                .filter_map(|event| match event {
                    PaymentsEvent::PaymentAdvanced(advanced) if advanced.payment_id == *payment => {
                        advanced.fraud.as_ref().map(|fraud| fraud.rules.as_str())
                    }
                    _ => None,
                })
                .collect();
            assert_eq!(decided, ["silent-fraud.v1"], "{payment}");
            let late = all.iter().filter(|event| {
                matches!(event, PaymentsEvent::AnswerIgnored(ignored)
                    if ignored.payment_id == *payment && ignored.fraud.is_some() && !ignored.opens_case)
            });
            assert_eq!(late.count(), 1, "{payment} was answered too late, once");
        }
    });
}
