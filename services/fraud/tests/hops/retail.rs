//! The rules that come with the bank, on a generated history with labelled fraud: what they catch, and whom they bother.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use chrono::NaiveDate;
use tributary_contracts::fraud::{
    AssessPayment, ConfirmFraud, Decision, FraudDecision, LabelSource, PaymentDecided,
};
use tributary_contracts::topics::FRAUD_PAYEES_EVENTS;
use tributary_fraud_backtest::{Candidate, Compared, Log, Period, compare};
use tributary_history::{Config, FraudLabel, FraudWanted, HistoryRow, Scenario, generate_with_fraud};
use tributary_ids::{AccountId, CustomerId, PaymentId};

use crate::two_hops::{TwoHops, records};

const RETAIL: &str = include_str!("../../rules/retail.json");

/// The rules were tuned on seed 11, so it tells nothing of them.
const SEEDS: [u64; 3] = [12, 13, 14];

fn midnight_ms(day: NaiveDate) -> i64 {
    day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis()
}

/// Lets a history's payments through both hops, labels on their days, and gives what was decided.
fn decided(hops: &mut TwoHops, seed: u64) -> HashMap<Option<Scenario>, Vec<PaymentDecided>> {
    let config = Config {
        accounts: 200,
        rows: 10_000,
        days: 150,
        start: "2027-02-01".parse().unwrap(),
    };
    let labelled = generate_with_fraud(seed, &config, FraudWanted::BasisPoints(500));
    let labels: HashMap<&str, &FraudLabel> = labelled
        .labels
        .labels
        .iter()
        .map(|label| (label.payment.as_str(), label))
        .collect();
    let mut owners = HashMap::new();
    let mut waiting: Vec<(&FraudLabel, PaymentDecided)> = Vec::new();
    let mut all: HashMap<Option<Scenario>, Vec<PaymentDecided>> = HashMap::new();
    for row in labelled.history.rows().unwrap().map(Result::unwrap) {
        let row = match row {
            HistoryRow::Open(open) => {
                owners.insert(open.account, open.owner);
                continue;
            }
            HistoryRow::Transfer(row) => row,
            _ => continue,
        };
        let (known, later) = waiting
            .into_iter()
            .partition(|(label, _)| label.confirmed < row.date);
        waiting = later;
        for (_, decided) in known {
            hops.write_to_payees(ConfirmFraud {
                payment_id: decided.payment_id,
                creditor: decided.creditor,
                counted_at_s: decided.payee_seen.counted_at_s,
                unusual: decided.customer_seen.unusual,
                source: LabelSource::Chargeback,
            });
        }
        let seconds = i64::from(chrono::Timelike::num_seconds_from_midnight(&row.time.unwrap()));
        let at = midnight_ms(row.date) + seconds * 1_000;
        hops.broker.set_time(at);
        let (whole, part) = (row.amount / 100, row.amount % 100);
        hops.write(AssessPayment {
            payment_id: PaymentId::named(&row.payment),
            customer: CustomerId::named(&owners[&row.from]),
            debtor: AccountId::named(&row.from),
            creditor: AccountId::named(&row.to),
            amount: format!("{whole}.{part:02}").into(),
            currency: "CZK".parse().unwrap(),
            initiated_at: at,
            utc_offset_s: 0,
        });
        hops.settle();
        let decided = hops.last_decided(PaymentId::named(&row.payment)).unwrap();
        let label = labels.get(row.payment.as_str()).copied();
        if let Some(label) = label {
            waiting.push((label, decided.clone()));
        }
        all.entry(label.map(|label| label.scenario))
            .or_default()
            .push(decided);
    }
    // What came to be known after the history's end.
    for (_, decided) in waiting {
        hops.write_to_payees(ConfirmFraud {
            payment_id: decided.payment_id,
            creditor: decided.creditor,
            counted_at_s: decided.payee_seen.counted_at_s,
            unusual: decided.customer_seen.unusual,
            source: LabelSource::Chargeback,
        });
    }
    hops.settle();
    assert_eq!(hops.refused(), [""; 0]);
    all
}

fn backtest(hops: &TwoHops, candidate: Candidate<'_>) -> Compared {
    let mut log = Log::default();
    for record in records(&hops.broker, FRAUD_PAYEES_EVENTS) {
        log.read(&record).unwrap();
    }
    compare(&log, candidate, Period::default()).unwrap()
}

#[test]
fn the_retail_rules_catch_most_fraud_and_bother_few() {
    let mut tally: BTreeMap<Option<Scenario>, Tally> = BTreeMap::new();
    for seed in SEEDS {
        let mut hops = TwoHops::open();
        hops.activate_rules(RETAIL);
        let all = decided(&mut hops, seed);
        for (scenario, payments) in &all {
            tally.entry(*scenario).or_default().add(payments);
        }
        assert_is_what_a_backtest_says(&hops, &all);
    }
    for (scenario, tally) in &tally {
        let name = scenario.map_or("honest", Scenario::name);
        println!("{name:20} {tally}");
    }
    let share = |scenario| tally[&scenario].share();
    assert!(share(None) < 0.05, "honest payments");
    assert!(share(Some(Scenario::CardNotPresent)) > 0.3);
    assert!(share(Some(Scenario::AccountTakeOver)) > 0.6);
}

#[derive(Default)]
struct Tally {
    stopped: usize,
    all: usize,
    reasons: BTreeMap<String, usize>,
}

impl Tally {
    fn add(&mut self, payments: &[PaymentDecided]) {
        self.all += payments.len();
        for FraudDecision {
            decision, reasons, ..
        } in payments.iter().map(|decided| &decided.decision)
        {
            self.stopped += usize::from(*decision != Decision::Approve);
            for reason in reasons {
                *self.reasons.entry(reason.to_string()).or_default() += 1;
            }
        }
    }

    fn share(&self) -> f64 {
        self.stopped as f64 / self.all as f64
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            stopped,
            all,
            reasons,
        } = self;
        write!(
            f,
            "{stopped:>5} of {all:>5} stopped, {:.3}, {reasons:?}",
            self.share()
        )
    }
}

fn assert_is_what_a_backtest_says(hops: &TwoHops, all: &HashMap<Option<Scenario>, Vec<PaymentDecided>>) {
    let same = backtest(hops, Candidate::default());
    assert!(same.identical && same.self_check.differences == 0, "{same}");
    let frauds: usize = all
        .iter()
        .filter(|(of, _)| of.is_some())
        .map(|(_, all)| all.len())
        .sum();
    assert_eq!(same.self_check.checked as usize, frauds + all[&None].len());
    assert_eq!(
        (same.before.caught.payments + same.before.missed.payments) as usize,
        frauds
    );

    let former = backtest(
        hops,
        Candidate {
            rules: Some(tributary_fraud::rules::built_in()),
            model: None,
        },
    );
    assert!(former.after.caught.payments < former.before.caught.payments);
    assert!(former.changed.newly_let_through.payments.fraud.payments > 0);
}
