//! Back-tests: recorded decisions, made again.

use tributary_contracts::{
    codec,
    fraud::{ConfirmFraud, LabelSource, PaymentDecided},
    record::Record,
    topics::FRAUD_PAYEES_EVENTS,
};
use tributary_fraud::RuleSet;
use tributary_fraud_backtest::{
    BacktestError, Candidate, Compared, EventLines, Log, Period, compare, page, write_line,
};
use tributary_fraud_domain::Model;
use tributary_ids::{AccountId, PaymentId};

use crate::two_hops::{NOW, TwoHops, artefact, payment, records};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn rules(name: &str, rule: &str, then: &str) -> String {
    format!(
        r#"{{"format": 1, "name": "{name}", "thresholds": {{"review": 0.5, "decline": 0.9}},
            "rules": [{{"name": "RULE", "when": "{rule}", "then": "{then}"}}]}}"#
    )
}

fn read(records: &[Record]) -> Log {
    let mut log = Log::default();
    for record in records {
        log.read(record).unwrap();
    }
    log
}

fn events(hops: &TwoHops) -> Vec<Record> {
    records(&hops.broker, FRAUD_PAYEES_EVENTS)
}

fn with_rules<'c>(rules: &'c RuleSet) -> Candidate<'c> {
    Candidate {
        rules: Some(rules),
        model: None,
    }
}

fn label(hops: &mut TwoHops, decided: &PaymentDecided) {
    hops.write_to_payees(ConfirmFraud {
        payment_id: decided.payment_id,
        creditor: decided.creditor,
        counted_at_s: decided.payee_seen.counted_at_s,
        unusual: decided.customer_seen.unusual,
        source: LabelSource::Analyst,
    });
    hops.settle();
}

/// Four payments of two days, by three versions; the second and the fourth are fraud.
fn four() -> TwoHops {
    let mut hops = TwoHops::open();
    hops.assess(payment("small", "20"));
    hops.activate_rules(&rules("above.v1", "amount > 300.0", "review"));
    let fraud = hops.assess(payment("fraud", "400"));
    hops.activate_model(&artefact("half"));
    hops.assess(payment("large", "5000"));
    hops.broker.set_time(NOW + DAY_MS);
    let mut later = payment("later", "250");
    later.initiated_at = NOW + DAY_MS;
    let later = hops.assess(later);
    label(&mut hops, &fraud);
    label(&mut hops, &later);
    assert_eq!(hops.refused(), [""; 0]);
    hops
}

fn all(log: &Log, candidate: Candidate<'_>) -> Compared {
    compare(log, candidate, Period::default()).unwrap()
}

#[test]
fn by_the_same_versions_nothing_changes() {
    let log = read(&events(&four()));
    let same = all(&log, Candidate::default());
    assert!(same.identical);
    assert_eq!(
        (
            same.self_check.checked,
            same.self_check.differences,
            same.self_check.uncheckable
        ),
        (4, 0, 0)
    );
    assert_eq!(same.before, same.after);
    assert_eq!((same.changed.decisions, same.changed.reasons_only), (0, 0));
    assert_eq!(
        same.recorded_by,
        [
            "rules amount-limit.v1, no model",
            "rules above.v1, no model",
            "rules above.v1, model half"
        ]
    );
    // The rule reviews 400 and 5,000; the model's score of 5,000 is above 0.9, so that is declined.
    let figures = &same.before;
    assert_eq!(figures.reviewed.fraud.payments, 1);
    assert_eq!(figures.declined.honest.payments, 1);
    assert_eq!(figures.caught.amount.to_string(), "400.00 CZK");
    assert_eq!(figures.missed.amount.to_string(), "250.00 CZK");
    assert_eq!((figures.precision, figures.recall), (Some(0.5), Some(0.5)));
    assert_eq!(figures.false_positives_a_day, 0.5);
    assert!(
        same.to_string()
            .contains("4 payments decided again by their own versions: 0 differ")
    );
}

#[test]
fn other_rules_swap_the_payments_that_they_judge_otherwise() {
    let log = read(&events(&four()));
    let rules = RuleSet::load(&rules(
        "between.v1",
        "amount > 200.0 && amount < 300.0",
        "decline",
    ))
    .unwrap();
    let other = all(&log, with_rules(&rules));
    // The first two have no score: 20 and 400 are approved. 5,000 is declined by its score as before, 250 by the rule.
    let changed = &other.changed;
    let stopped = &changed.newly_stopped;
    assert_eq!(
        (stopped.payments.fraud.payments, stopped.payments.honest.payments),
        (1, 0)
    );
    assert_eq!(stopped.largest[0].payment, PaymentId::named("later"));
    assert_eq!(stopped.largest[0].after_reasons, ["RULE"]);
    let through = &changed.newly_let_through;
    assert_eq!(through.payments.fraud.amount.to_string(), "400.00 CZK");
    assert_eq!((through.payments.honest.payments, changed.decisions), (0, 2));
    assert_eq!(changed.reasons_only, 1, "5,000 is declined without the rule now");
    assert_eq!(other.after.caught.amount.to_string(), "250.00 CZK");
    assert!(!other.identical);
    assert_eq!(other.self_check.differences, 0);
    let html = page(&other).unwrap();
    assert!(html.contains("<svg") && html.contains("newly stopped") && !html.contains("<script"));
}

#[test]
fn a_model_scores_what_had_no_score_and_is_swept() {
    let log = read(&events(&four()));
    let model = Model::load(artefact("other").as_bytes()).unwrap();
    let other = all(
        &log,
        Candidate {
            rules: None,
            model: Some(&model),
        },
    );
    let sweep = other.sweep.unwrap();
    assert_eq!(sweep.scored, 4);
    // By the amount: 5,000 (honest), 400 (fraud), 250 (fraud), 20: two of four pairs are in order.
    assert_eq!(sweep.roc_auc, Some(0.5));
    let from = |threshold: f64| {
        sweep
            .steps
            .iter()
            .find(|step| step.threshold == threshold)
            .unwrap()
    };
    assert_eq!((from(0.0).caught, from(0.0).precision), (2, Some(0.5)));
    assert_eq!((from(0.5).caught, from(0.5).false_positives_a_day), (0, 0.5));
    assert_eq!(
        sweep.bins.iter().map(|bin| bin.frauds + bin.honest).sum::<u64>(),
        4
    );
}

#[test]
fn a_period_takes_days_whole_and_an_empty_one_is_told() {
    let log = read(&events(&four()));
    let of = |from: &str, to: &str| {
        let period = Period {
            from: from.parse().ok(),
            to: to.parse().ok(),
        };
        compare(&log, Candidate::default(), period)
    };
    let first = of("2027-01-15", "2027-01-15").unwrap();
    assert_eq!((first.self_check.checked, first.before.days.len()), (3, 1));
    assert_eq!(of("2027-01-16", "").unwrap().self_check.checked, 1);
    let code = |result: Result<Compared, BacktestError>| result.unwrap_err().code();
    assert_eq!(code(of("2028-01-01", "")), "BACKTEST_NOTHING_DECIDED");
    assert_eq!(code(of("2027-01-16", "2027-01-15")), "BACKTEST_BAD_PERIOD");
}

#[test]
fn a_decision_that_this_build_would_not_make_is_found_by_the_self_check() {
    let records = events(&four());
    let doctored: Vec<Record> = records
        .into_iter()
        .map(|mut record| {
            let text = String::from_utf8(record.value).unwrap();
            record.value = text
                .replacen("\"decision\":\"review\"", "\"decision\":\"approve\"", 1)
                .into_bytes();
            record
        })
        .collect();
    let found = all(&read(&doctored), Candidate::default());
    assert_eq!((found.self_check.differences, found.identical), (1, false));
}

#[test]
fn what_a_newer_build_adds_is_left_alone_and_what_is_damaged_is_told() {
    let mut records = events(&four());
    let expected = all(&read(&records), Candidate::default());
    for record in &mut records {
        let text = std::str::from_utf8(&record.value).unwrap();
        let added = text.replace(
            "\"payment_id\":",
            "\"challengers\":[{\"score\":\"0.5\"}],\"payment_id\":",
        );
        record.value = added.into_bytes();
    }
    let mut unknown = records[0].clone();
    unknown.headers = tributary_contracts::record::Headers::default();
    unknown.headers.push(codec::CE_TYPE, b"fraud.something-new.v1");
    records.push(unknown);
    let found = all(&read(&records), Candidate::default());
    assert_eq!(found.events_unknown, 1);
    assert_eq!((found.before, found.after), (expected.before, expected.after));

    let mut damaged = records[0].clone();
    damaged.value.truncate(20);
    assert!(Log::default().read(&damaged).is_err());
}

#[test]
fn a_rule_may_look_at_the_debtor_where_decisions_name_it() {
    let mut records = events(&four());
    let ann = AccountId::named("ann");
    let from_ann = RuleSet::load(&rules("debtor.v1", &format!("debtor == '{ann}'"), "decline")).unwrap();
    let found = all(&read(&records), with_rules(&from_ann));
    assert_eq!((found.self_check.differences, found.changed.decisions), (0, 3));

    // Former builds didn't record it.
    for record in &mut records {
        let text = std::str::from_utf8(&record.value).unwrap();
        record.value = text.replace(&format!("\"debtor\":\"{ann}\","), "").into_bytes();
    }
    let log = read(&records);
    let refused = compare(&log, with_rules(&from_ann), Period::default()).unwrap_err();
    assert_eq!(refused.code(), "BACKTEST_FACT_NOT_RECORDED");
    let found = all(&log, Candidate::default());
    assert_eq!((found.identical, found.self_check.differences), (true, 0));
}

#[test]
fn what_can_not_decide_is_refused() {
    let records = events(&four());
    let code = |log: &Log, candidate| compare(log, candidate, Period::default()).unwrap_err().code();
    // Without the activations nobody knows by what was decided.
    let decided: Vec<Record> = records
        .into_iter()
        .filter(|record| record.ce_type().unwrap() == "fraud.payment-decided.v1")
        .collect();
    let log = read(&decided);
    assert_eq!(code(&log, Candidate::default()), "BACKTEST_VERSION_UNKNOWN");
    let model = Model::load(artefact("other").as_bytes()).unwrap();
    let rules = RuleSet::load(&rules("above.v1", "amount > 1.0", "review")).unwrap();
    let both = Candidate {
        rules: Some(&rules),
        model: Some(&model),
    };
    let found = all(&log, both);
    assert_eq!((found.self_check.checked, found.self_check.uncheckable), (1, 3));
}

#[test]
fn events_that_were_saved_come_to_the_same() {
    let records = events(&four());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.jsonl");
    let mut file = std::fs::File::create(&path).unwrap();
    for record in &records {
        assert!(write_line(&mut file, record).unwrap());
    }
    let mut log = Log::default();
    for record in EventLines::open(&path).unwrap() {
        log.read(&record.unwrap()).unwrap();
    }
    assert_eq!(
        all(&log, Candidate::default()),
        all(&read(&records), Candidate::default())
    );
    std::fs::write(&path, "{\"type\":1}\n").unwrap();
    let bad = EventLines::open(&path).unwrap().next().unwrap().unwrap_err();
    assert_eq!(bad.code(), "BACKTEST_BAD_EVENT");
    let missing = EventLines::open(&directory.path().join("none")).err().unwrap();
    assert_eq!(missing.code(), "BACKTEST_IO");
}

#[test]
fn every_code_stands_in_the_guide() {
    let page = include_str!("../../../../docs/backtest.md");
    let source = include_str!("../../backtest/src/error.rs");
    let codes: Vec<&str> = source
        .split('"')
        .filter(|word| word.starts_with("BACKTEST_"))
        .collect();
    assert!(codes.len() >= 7);
    for code in codes {
        assert!(page.contains(&format!("`{code}`")), "{code}");
    }
}
