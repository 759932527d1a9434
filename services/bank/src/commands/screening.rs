//! Fraud in the demo: rules that came with the bank, customers with habits, some of whom are defrauded today, and how much of that is
//! stopped.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use chrono::{Days, NaiveDate};
use tributary_contracts::codec::read_event;
use tributary_contracts::fraud::{
    Decision, FraudCommand, LabelSource, PayeesEvent, PaymentDecided, VersionKind,
};
use tributary_contracts::topics::{FRAUD_INBOX, FRAUD_PAYEES_EVENTS};
use tributary_history::{
    Attempt, Config, ConfirmedBy, FraudLabel, FraudWanted, Labelled, NextDay, generate_with_next_day,
};
use tributary_ids::{CommandId, PaymentId};
use tributary_money::Money;
use tributary_replay::{
    Assessment, Attempted, Moment, Options, Progress, Through, assessments, attempt_payments, grouped, replay,
};
use tributary_stream::StreamEvent;
use tributary_stream::driver::wall_clock_ms;
use tributary_stream::kafka::{CommandProducer, EventReader, Watermarks};

use super::fraud_online::{Bank, Content, confirm, introduce, outgoing};

/// The rules, and where they stand in a checkout.
const RULES: &str = include_str!("../../../fraud/rules/retail.json");
const RULES_PATH: &str = "services/fraud/rules/retail.json";

/// Of the customers' accounts.
const SEED: u64 = 5;
const ACCOUNTS: u32 = 200;
const ROWS: u32 = 5_000;
const DAYS: u32 = 90;
/// Of their payments, before today.
const FRAUD_BASIS_POINTS: u32 = 200;
/// What they want to pay today.
const TODAY: NextDay = NextDay {
    honest: 110,
    frauds: 40,
};

/// Days of the past that the fraud service is told of: as long as its windows are.
const REMEMBERED_DAYS: u64 = 40;

/// How long a payment's decision may take.
const DECIDED_WITHIN: Duration = Duration::from_secs(30);

/// Records that are read at once.
const RECORDS_MAX: usize = 10_000;

/// A thread that shows fraud being caught.
pub(super) struct Screening {
    stop: Arc<AtomicBool>,
    told: Receiver<String>,
    thread: JoinHandle<()>,
}

impl Screening {
    /// `api`: `http://host:port`.
    pub(super) fn start(brokers: String, api: String) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, told) = channel();
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            if let Err(error) = show(&brokers, &api, &tell, &stopped)
                && !stopped.load(Ordering::Relaxed)
            {
                say(&tell, format!("Fraud can't be shown: {error:#}"));
            }
        });
        Self { stop, told, thread }
    }

    /// What there is to say since it was last asked.
    pub(super) fn told(&mut self) -> Vec<String> {
        self.told.try_iter().collect()
    }

    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        // What it had to say was said, or nobody listens any more.
        drop(self.thread.join());
    }
}

/// Nobody listens any more once the demo stops.
fn say(tell: &Sender<String>, text: String) {
    drop(tell.send(text));
}

fn show(brokers: &str, api: &str, tell: &Sender<String>, stop: &AtomicBool) -> anyhow::Result<()> {
    let stopped = || stop.load(Ordering::Relaxed);
    let today = super::today();
    let config = Config {
        accounts: ACCOUNTS,
        rows: ROWS,
        start: today
            .checked_sub_days(Days::new(DAYS.into()))
            .context("today is no day of ours")?,
        days: DAYS,
    };
    let labelled = generate_with_next_day(SEED, &config, FraudWanted::BasisPoints(FRAUD_BASIS_POINTS), TODAY);
    let options = Options {
        brokers: brokers.to_owned(),
        speed: None,
        since: Moment::now(),
        through: Through::Ledger,
    };
    replay(&labelled.history, &options, &mut Progress::quiet(), &stopped)?;
    let bank = Bank {
        brokers: brokers.to_owned(),
    };
    introduce(&bank, &Content::check(VersionKind::Rules, RULES.to_owned())?)?;
    let mut decisions = Decisions::open(brokers)?;
    let from = today
        .checked_sub_days(Days::new(REMEMBERED_DAYS))
        .context("today is no day of ours")?;
    let past = assessments(&labelled.history, from)?;
    say(
        tell,
        format!(
            "Fraud: rules retail.v1 are active ({RULES_PATH}). They learn the habits of {} more accounts from {} payments, then {} payments are tried, {} of them fraud ...",
            ACCOUNTS,
            grouped(past.len() as u64),
            labelled.next.len(),
            labelled
                .next
                .iter()
                .filter(|attempt| attempt.scenario.is_some())
                .count()
        ),
    );
    learn(&bank, &mut decisions, &labelled, &past, &stopped)?;
    let attempted = attempt_payments(&labelled.history, &labelled.next, api, &stopped)?;
    let tried: Vec<(&Attempt, &Attempted)> = labelled
        .next
        .iter()
        .zip(&attempted)
        .filter_map(|(attempt, attempted)| Some((attempt, attempted.as_ref()?)))
        .collect();
    let ids: HashSet<PaymentId> = tried.iter().map(|(_, attempted)| attempted.payment).collect();
    decisions.wait_for(&ids, &stopped)?;
    // Victims and analysts have said what they know: a back-test counts by it.
    let frauds = tried
        .iter()
        .filter(|(attempt, _)| attempt.scenario.is_some())
        .filter_map(|(_, attempted)| decisions.of(attempted.payment))
        .map(|decided| (decided, LabelSource::Analyst));
    decisions.confirm(&bank, frauds.collect())?;
    for line in told(&tried, &decisions, brokers, api) {
        say(tell, line);
    }
    Ok(())
}

/// Lets the fraud service assess what was paid in the past, day by day, with the labels that came meanwhile. No money moves by it.
fn learn(
    bank: &Bank,
    decisions: &mut Decisions,
    labelled: &Labelled,
    past: &[Assessment],
    stopped: &dyn Fn() -> bool,
) -> anyhow::Result<()> {
    let partitions = i32::try_from(
        Watermarks::connect(&bank.brokers)?
            .partitions(FRAUD_INBOX.name)?
            .len(),
    )?;
    let producer = CommandProducer::connect(&bank.brokers, Duration::ZERO, 1_000, |_| {})?;
    let ids: HashMap<&str, PaymentId> = past
        .iter()
        .map(|assessment| (assessment.payment.as_str(), assessment.command.payment_id))
        .collect();
    let mut labels: Vec<&FraudLabel> = labelled
        .labels
        .labels
        .iter()
        .filter(|label| ids.contains_key(label.payment.as_str()))
        .collect();
    labels.sort_by_key(|label| std::cmp::Reverse(label.confirmed));
    for day in past.chunk_by(|one, other| one.date == other.date) {
        let Some(first) = day.first() else { continue };
        decisions.confirm_until(bank, &mut labels, &ids, first.date)?;
        let mut waiting = HashSet::new();
        for assessment in day {
            let command = &assessment.command;
            if decisions.of(command.payment_id).is_some() {
                continue;
            }
            waiting.insert(command.payment_id);
            let key = command.customer.to_string();
            let id = CommandId::named(&format!("learn/{}", command.payment_id));
            let not_after = wall_clock_ms() + 60_000;
            let command = FraudCommand::from(command.clone());
            producer.send(
                &outgoing(FRAUD_INBOX, partitions, (id, not_after), key, &command)?,
                0,
            )?;
        }
        producer.flush()?;
        decisions.wait_for(&waiting, stopped)?;
    }
    decisions.confirm_until(bank, &mut labels, &ids, NaiveDate::MAX)
}

/// The decisions that stand in the log, and the labels.
struct Decisions {
    reader: EventReader,
    decided: HashMap<PaymentId, PaymentDecided>,
    labelled: HashSet<PaymentId>,
}

impl Decisions {
    /// Reads all that there are.
    fn open(brokers: &str) -> anyhow::Result<Self> {
        let starts = Watermarks::connect(brokers)?.starts(FRAUD_PAYEES_EVENTS.name)?;
        let mut decisions = Self {
            reader: EventReader::open(brokers, FRAUD_PAYEES_EVENTS.name, &starts)?,
            decided: HashMap::new(),
            labelled: HashSet::new(),
        };
        while !decisions.reader.at_end() {
            decisions.read()?;
        }
        Ok(decisions)
    }

    fn read(&mut self) -> anyhow::Result<()> {
        for record in self.reader.poll(Duration::from_millis(50), RECORDS_MAX)?.records {
            let Ok(event) = read_event::<StreamEvent<PayeesEvent>>(&record) else {
                continue;
            };
            match event.data {
                StreamEvent::Service(PayeesEvent::PaymentDecided(decided)) => {
                    self.decided.insert(decided.payment_id, decided);
                }
                StreamEvent::Service(PayeesEvent::FraudConfirmed(confirmed)) => {
                    self.labelled.insert(confirmed.payment_id);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn of(&self, payment: PaymentId) -> Option<&PaymentDecided> {
        self.decided.get(&payment)
    }

    fn wait_for(&mut self, payments: &HashSet<PaymentId>, stopped: &dyn Fn() -> bool) -> anyhow::Result<()> {
        let since = Moment::now();
        while !payments.iter().all(|payment| self.decided.contains_key(payment)) {
            if stopped() {
                bail!("interrupted");
            }
            ensure!(
                since.elapsed() < DECIDED_WITHIN,
                "the fraud service doesn't decide"
            );
            self.read()?;
        }
        Ok(())
    }

    /// Labels what isn't labelled yet.
    fn confirm(&self, bank: &Bank, frauds: Vec<(&PaymentDecided, LabelSource)>) -> anyhow::Result<()> {
        let mut new = frauds;
        new.retain(|(decided, _)| !self.labelled.contains(&decided.payment_id));
        match new.is_empty() {
            true => Ok(()),
            false => confirm(bank, new),
        }
    }

    /// Takes the labels that have come before this day. `labels` are sorted, the earliest last.
    fn confirm_until(
        &self,
        bank: &Bank,
        labels: &mut Vec<&FraudLabel>,
        ids: &HashMap<&str, PaymentId>,
        day: NaiveDate,
    ) -> anyhow::Result<()> {
        let mut known = Vec::new();
        while let Some(label) = labels.pop_if(|label| label.confirmed < day) {
            let id = ids.get(label.payment.as_str());
            if let Some(decided) = id.and_then(|id| self.decided.get(id)) {
                let by = match label.by {
                    ConfirmedBy::Analyst => LabelSource::Analyst,
                    ConfirmedBy::Chargeback => LabelSource::Chargeback,
                };
                known.push((decided, by));
            }
        }
        self.confirm(bank, known)
    }
}

/// Payments with one fate, and their money in minor units.
#[derive(Default)]
struct Sum {
    payments: u64,
    amount: i64,
}

impl Sum {
    fn add(&mut self, attempt: &Attempt) {
        self.payments += 1;
        self.amount += attempt.transfer.amount;
    }
}

fn told(tried: &[(&Attempt, &Attempted)], decisions: &Decisions, brokers: &str, api: &str) -> Vec<String> {
    let [mut declined, mut reviewed, mut other, mut lost, mut all] = <[Sum; 5]>::default();
    let (mut honest, mut honest_reviewed, mut honest_declined) = (0_u64, 0_u64, 0_u64);
    let mut example: Option<(&Attempt, &PaymentDecided)> = None;
    let mut currency = None;
    for (attempt, attempted) in tried {
        let Some(decided) = decisions.of(attempted.payment) else {
            continue;
        };
        currency = Some(decided.currency);
        let decision = decided.decision.decision;
        if attempt.scenario.is_none() {
            honest += 1;
            honest_reviewed += u64::from(decision == Decision::Review);
            honest_declined += u64::from(decision == Decision::Decline);
            continue;
        }
        all.add(attempt);
        match (decision, &attempted.refused) {
            (Decision::Decline, _) => declined.add(attempt),
            (Decision::Review, _) => reviewed.add(attempt),
            (Decision::Approve, Some(_)) => other.add(attempt),
            (Decision::Approve, None) => lost.add(attempt),
        }
        let is_better = example.is_none_or(|(best, _)| best.transfer.amount < attempt.transfer.amount);
        if decision == Decision::Decline && is_better {
            example = Some((attempt, decided));
        }
    }
    let Some(currency) = currency else {
        return vec!["Fraud: nothing was tried.".to_owned()];
    };
    let line = |name: &str, sum: &Sum| {
        format!(
            "  {name:46} {:>3}   {:>14}",
            sum.payments,
            Money::new(sum.amount, currency).to_string()
        )
    };
    let saved = declined.amount + reviewed.amount + other.amount;
    let mut lines = vec![
        format!(
            "Fraud, {} payments of {} that were tried through the API:",
            all.payments,
            honest + all.payments
        ),
        line("declined by the rules", &declined),
        line("sent to review, where an analyst rejects it", &reviewed),
        line("failed by itself: what it lives on was stopped", &other),
        line("not noticed", &lost),
        format!(
            "  {} of {} saved. Of {honest} honest payments {honest_reviewed} waited for review, {honest_declined} were declined.",
            Money::new(saved, currency),
            Money::new(all.amount, currency)
        ),
    ];
    if let Some((attempt, decided)) = example {
        let scenario = attempt.scenario.map_or("", tributary_history::Scenario::name);
        lines.push(format!(
            "  One of them, {scenario}, declined for {}; see it with its reasons, and step by step:",
            decided.decision.reasons.join(", ")
        ));
        lines.push(format!("    curl {api}/v1/payments/{}", decided.payment_id));
        lines.push(format!(
            "    curl {api}/v1/payments/{}/timeline",
            decided.payment_id
        ));
    }
    lines.push("  What other rules or a model would have done (docs/backtest.md):".to_owned());
    lines.push(format!(
        "    cargo bank fraud backtest --brokers {brokers} --rules FILE --html backtest.html"
    ));
    lines
}
