//! Sends a history's rows to the ledger and follows what becomes of them, until nothing is under way any more.

use std::{
    collections::BTreeMap,
    iter::Peekable,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use chrono::NaiveDate;
use hashbrown::{HashMap, HashSet};
use tributary_contracts::topics::{ACCOUNTS_EVENTS, ACCOUNTS_INBOX};
use tributary_history::{History, HistoryRow, Rows};
use tributary_ids::{AccountId, CommandId, PaymentId};
use tributary_stream::kafka::{CommandProducer, Delivered, EventReader, Watermarks};

use crate::{
    clock::Moment,
    command::{RowFault, Translator, account_id, command_id, hold_id, payment_id},
    error::{NO_PROGRESS_MAX, ReplayError},
    pay::Payer,
    plan::Plan,
    progress::{Progress, grouped},
    schedule::{Scheduler, Task, What},
    topic::{HoldStep, News, TopicLedger},
};

/// Rows that are kept waiting at most: for a creditor's money, or for their day.
const WAITING_MAX: usize = 20_000;

/// Records under way to the broker at most.
const IN_FLIGHT_MAX: usize = 5_000;

/// Records sent between two looks at the log.
const SENT_AT_ONCE: usize = 500;

/// Events taken at once.
const EVENTS_AT_ONCE: usize = 5_000;

/// How long the producer waits for company for a record.
const LINGER: Duration = Duration::from_millis(2);

/// How long a look at the log waits when there is nothing to send.
const LOOK: Duration = Duration::from_millis(20);

const SECONDS_OF_A_DAY: f64 = 86_400.0;

/// How to replay.
#[derive(Debug)]
pub struct Options {
    /// `host:port,...`
    pub brokers: String,
    /// Times the recorded speed, by the rows' days; none: as fast as the ledger takes it.
    pub speed: Option<f64>,
    /// When whoever waits began to wait; the time to the first entry counts from there.
    pub since: Moment,
    pub through: Through,
}

/// What makes a history's transfers between its accounts. All other rows are commands to the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Through {
    /// The ledger alone: they have happened.
    #[default]
    Ledger,
    /// Payments, asked for at the gateway with this address (`http://host:port`). Each has its own saga.
    Payments { api: String },
}

/// A replay that came to its end.
#[derive(Debug)]
pub struct Replayed {
    pub plan: Plan,
    pub ledger: TopicLedger,
    /// Commands sent.
    pub sent: u64,
    /// Commands that found their row posted before.
    pub known_before: u64,
    /// Payments made, those that an earlier replay has made among them; none where transfers are the ledger's.
    pub payments: Option<u64>,
    /// Rows that were not sent since something is wrong with them, by the commands that they would have become.
    pub faults: HashMap<CommandId, RowFault>,
    /// Commands that were refused meanwhile.
    pub refused: HashSet<CommandId>,
    /// From the first command to the last answer.
    pub took: Duration,
    /// From [`Options::since`] to the first entry of this replay; none when it posted none.
    pub first_entry_after: Option<Duration>,
}

/// Replays a history. `stop` is asked now and then whether to give up.
///
/// # Errors
/// When the history or the log can't be read, or nothing moves any more.
pub fn replay(
    history: &History,
    options: &Options,
    progress: &mut Progress,
    stop: &dyn Fn() -> bool,
) -> Result<Replayed, ReplayError> {
    let mut plan = Plan::of(history)?;
    let payer = match &options.through {
        Through::Ledger => None,
        Through::Payments { api } => {
            plan = plan.through_payments();
            Some(Payer::start(api))
        }
    };
    let watermarks = Watermarks::connect(&options.brokers)?;
    let partitions = i32::try_from(watermarks.partitions(ACCOUNTS_INBOX.name)?.len()).unwrap_or(i32::MAX);
    let starts = watermarks.starts(ACCOUNTS_EVENTS.name)?;
    let mut follower = Follower {
        reader: EventReader::open(&options.brokers, ACCOUNTS_EVENTS.name, &starts)?,
        ledger: TopicLedger::new(plan.accounts()),
    };
    follower.read_to_the_end(&mut News::default())?;
    plan.look_at(&follower.ledger);
    progress.begin("Replaying", history.statistics.rows);
    let (deliver, deliveries) = channel();
    let producer = CommandProducer::connect(&options.brokers, LINGER, IN_FLIGHT_MAX, move |delivered| {
        // Nobody listens any more once the replay has ended early.
        let _gone = deliver.send(delivered);
    })?;
    let mut replay = Replay {
        partitions,
        options,
        known_before: follower.ledger.nothing_to_do(),
        known_payments: 0,
        follower,
        producer,
        payer,
        payments: HashMap::new(),
        deliveries,
        translator: Translator::new(&history.header.source),
        rows: history.rows()?.peekable(),
        plan,
        scheduler: Scheduler::default(),
        first_day: None,
        day: None,
        began: Moment::now(),
        moved: Moment::now(),
        sent: 0,
        delivered: 0,
        last_offsets: BTreeMap::new(),
        faults: HashMap::new(),
        refused: HashSet::new(),
        parked: HashSet::new(),
        first_entry_after: None,
    };
    replay.run(progress, stop)?;
    let replayed = replay.finish()?;
    progress.end(&format!(
        "Replayed {} rows, {} a second",
        grouped(history.statistics.rows),
        grouped((history.statistics.rows as f64 / replayed.took.as_secs_f64().max(0.001)) as i64)
    ));
    Ok(replayed)
}

/// The accounts that a row moves.
pub(crate) fn sides(row: &HistoryRow) -> impl Iterator<Item = AccountId> + Clone {
    let creditor = match row {
        HistoryRow::Transfer(transfer) => Some(account_id(&transfer.to)),
        _ => None,
    };
    [Some(account_id(row.account())), creditor].into_iter().flatten()
}

/// Reads the log on.
struct Follower {
    reader: EventReader,
    ledger: TopicLedger,
}

impl Follower {
    fn read_to_the_end(&mut self, news: &mut News) -> Result<(), ReplayError> {
        loop {
            self.read(Duration::from_millis(500), news)?;
            if self.reader.at_end() {
                return Ok(());
            }
        }
    }

    fn read(&mut self, max_wait: Duration, news: &mut News) -> Result<(), ReplayError> {
        let batch = self.reader.poll(max_wait, EVENTS_AT_ONCE)?;
        for record in &batch.records {
            self.ledger
                .observe(record, news)
                .map_err(|error| ReplayError::Unreadable {
                    partition: record.partition,
                    offset: record.offset,
                    error,
                })?;
        }
        Ok(())
    }
}

struct Replay<'h> {
    partitions: i32,
    options: &'h Options,
    follower: Follower,
    producer: CommandProducer,
    /// Makes the transfers, where the ledger alone doesn't.
    payer: Option<Payer>,
    /// The payments that transfers were made by, by their rows.
    payments: HashMap<CommandId, PaymentId>,
    deliveries: Receiver<Delivered>,
    translator: Translator,
    rows: Peekable<Rows<'h>>,
    plan: Plan,
    scheduler: Scheduler,
    first_day: Option<NaiveDate>,
    /// Of the last row that was taken up.
    day: Option<NaiveDate>,
    began: Moment,
    /// When anything was last sent, delivered or answered.
    moved: Moment,
    sent: u64,
    delivered: u64,
    /// The last offset that each inbox partition gave us.
    last_offsets: BTreeMap<i32, i64>,
    faults: HashMap<CommandId, RowFault>,
    refused: HashSet<CommandId>,
    /// Accounts of which nothing more is sent: a transfer that isn't made moves neither of its sides.
    parked: HashSet<AccountId>,
    /// What had nothing to do before this replay.
    known_before: u64,
    /// Payments that an earlier replay has made.
    known_payments: u64,
    first_entry_after: Option<Duration>,
}

impl Replay<'_> {
    fn run(&mut self, progress: &mut Progress, stop: &dyn Fn() -> bool) -> Result<(), ReplayError> {
        let mut events = 0;
        while !self.is_drained() {
            if stop() {
                return Err(ReplayError::Interrupted);
            }
            self.take_deliveries()?;
            let paid = self.take_payments()?;
            self.take_up_rows()?;
            let sent = self.send_ready()?;
            let news = self.look(if sent > 0 { Duration::ZERO } else { LOOK })?;
            events += news.events;
            if news.entries > 0 && self.first_entry_after.is_none() {
                let after = self.options.since.elapsed();
                self.first_entry_after = Some(after);
                progress.say(&format!("First entry posted after {:.1} s", after.as_secs_f64()));
            }
            progress.at(events, self.day);
            self.watch_progress(sent > 0 || paid > 0 || news.events > 0)?;
        }
        Ok(())
    }

    /// Whether every row was sent, every record answered and no payment is left in transit.
    fn is_drained(&mut self) -> bool {
        self.rows.peek().is_none()
            && self.scheduler.waiting() == 0
            && self.delivered == self.sent
            && self.scheduler.in_transit() == 0
            && self.payer.as_ref().is_none_or(|payer| payer.under_way() == 0)
            && self
                .last_offsets
                .iter()
                .all(|(partition, offset)| self.follower.ledger.has_answered(*partition, *offset))
    }

    fn take_deliveries(&mut self) -> Result<(), ReplayError> {
        for delivered in self.deliveries.try_iter() {
            let (partition, offset) = delivered.result?;
            self.delivered += 1;
            self.moved = Moment::now();
            let last = self.last_offsets.entry(partition).or_insert(offset);
            *last = offset.max(*last);
        }
        Ok(())
    }

    /// Follows payments that have ended, and says how many.
    fn take_payments(&mut self) -> Result<usize, ReplayError> {
        let ended = match &mut self.payer {
            Some(payer) => payer.ended()?,
            None => return Ok(0),
        };
        for paid in &ended {
            self.known_payments += u64::from(paid.known_before);
            self.payments.insert(paid.row, paid.payment);
            match &paid.refused {
                Some(refused) => {
                    self.follower.ledger.note_refused(paid.row, refused.clone());
                    self.refused.insert(paid.row);
                    self.parked.extend(self.scheduler.refused(paid.row));
                }
                None => self.scheduler.arrived(PaymentId(paid.row.0)),
            }
            self.scheduler.answered(paid.row);
        }
        Ok(ended.len())
    }

    fn take_up_rows(&mut self) -> Result<(), ReplayError> {
        while self.scheduler.waiting() < WAITING_MAX {
            // A row that can't be read is due at once, to be told.
            let day = self
                .rows
                .peek()
                .and_then(|row| row.as_ref().ok())
                .map(HistoryRow::date);
            if day.is_some_and(|day| !self.is_due(day)) {
                break;
            }
            let Some(row) = self.rows.next() else { break };
            let row = self.plan.row(row?);
            self.day = Some(row.date());
            self.take_up(&row);
        }
        Ok(())
    }

    fn is_due(&mut self, day: NaiveDate) -> bool {
        let first = *self.first_day.get_or_insert(day);
        self.options.speed.is_none_or(|speed| {
            let recorded = (day - first).num_days() as f64 * SECONDS_OF_A_DAY;
            recorded <= self.began.elapsed().as_secs_f64() * speed
        })
    }

    fn take_up(&mut self, row: &HistoryRow) {
        if sides(row).any(|side| self.parked.contains(&side)) {
            self.parked.extend(sides(row));
            return;
        }
        let task = match self.task(row) {
            Err(fault) => {
                let account = account_id(row.account());
                let command = command_id(self.plan.source(), account, row.sequence());
                self.faults.insert(command, fault);
                self.parked.extend(sides(row));
                return;
            }
            Ok(task) => task,
        };
        if let Some(task) = task {
            self.scheduler.push(task);
        }
    }

    /// How a row is sent; not at all where the ledger has nothing to do with it, or has done it.
    fn task(&mut self, row: &HistoryRow) -> Result<Option<Task>, RowFault> {
        self.begin(row)?;
        if let (Some(_), HistoryRow::Transfer(transfer)) = (&self.payer, row) {
            let errand = self.translator.payment(transfer)?;
            return Ok(Some(Task {
                command: errand.row,
                account: errand.debtor,
                transfer: Some((PaymentId(errand.row.0), errand.creditor)),
                alone: true,
                what: What::Payment(errand),
            }));
        }
        let command = match self.translator.command(row, &self.plan)? {
            Some(command) if !self.is_known(row, command.account) => command,
            _ => return Ok(None),
        };
        let transfer = match row {
            HistoryRow::Transfer(transfer) => {
                let payment = payment_id(&transfer.payment);
                // Its later rows don't wait for money that is there.
                (!self.follower.ledger.has_arrived(payment)).then(|| (payment, account_id(&transfer.to)))
            }
            _ => None,
        };
        let branch = self.translator.branch(row.account());
        Ok(Some(Task {
            command: command.id,
            account: command.account,
            transfer,
            alone: command.is_alone(),
            what: What::Command(command.record(self.partitions, branch)),
        }))
    }

    /// Whether an account begins where the ledger has it. Where it doesn't, a row between is missing, or one too many is
    /// there, and nobody can tell which.
    fn begin(&self, row: &HistoryRow) -> Result<(), RowFault> {
        match row {
            HistoryRow::Open(open) if !self.plan.goes_on(account_id(&open.account), open.opening_balance) => {
                Err(RowFault::OpeningDiffers)
            }
            _ => Ok(()),
        }
    }

    /// Whether the row isn't sent, since the ledger has what it asks for and can't tell for ever: an account that an
    /// earlier period has opened, with the balance it has come to since; a hold, which is forgotten once it has ended.
    fn is_known(&self, row: &HistoryRow, account: AccountId) -> bool {
        let has_hold = |hold: &str, step| self.follower.ledger.has_hold(account, hold_id(hold), step);
        match row {
            HistoryRow::Open(_) => self.plan.carried(account).is_some(),
            HistoryRow::Reserve(row) => has_hold(&row.hold, HoldStep::Placed),
            HistoryRow::Release(row) => has_hold(&row.hold, HoldStep::Released),
            _ => false,
        }
    }

    fn send_ready(&mut self) -> Result<usize, ReplayError> {
        let mut count = 0;
        while count < SENT_AT_ONCE {
            let Some(task) = self.scheduler.take() else { break };
            match (task.what, &mut self.payer) {
                (What::Command(record), _) => {
                    self.producer.send(&record, 0)?;
                    self.sent += 1;
                }
                (What::Payment(errand), Some(payer)) => payer.send(errand),
                (What::Payment(_), None) => {}
            }
            count += 1;
        }
        Ok(count)
    }

    fn look(&mut self, max_wait: Duration) -> Result<News, ReplayError> {
        let mut news = News::default();
        self.follower.read(max_wait, &mut news)?;
        for payment in &news.arrived {
            self.scheduler.arrived(*payment);
        }
        for command in &news.refused {
            self.refused.insert(*command);
            self.parked.extend(self.scheduler.refused(*command));
        }
        for command in &news.answered {
            self.scheduler.answered(*command);
        }
        Ok(news)
    }

    fn watch_progress(&mut self, moved: bool) -> Result<(), ReplayError> {
        let in_transit = self.scheduler.in_transit();
        let payments = self.payer.as_ref().map_or(0, Payer::under_way) as u64;
        let unanswered = self.unanswered() + payments;
        // Rows that only wait for their day wait on purpose.
        let idle = unanswered == 0 && in_transit == 0 && self.scheduler.waiting() == 0;
        if moved || idle {
            self.moved = Moment::now();
        } else if self.moved.elapsed() > NO_PROGRESS_MAX {
            return Err(ReplayError::Stalled {
                unanswered,
                in_transit,
                waiting: self.scheduler.waiting(),
                hint: match self.follower.ledger.events() {
                    0 => "no accounts service seems to run on this Kafka",
                    _ => "has the accounts service stopped?",
                },
            });
        }
        Ok(())
    }

    /// How many inbox offsets up to our last ones have no answer yet, at least.
    fn unanswered(&self) -> u64 {
        let late = self
            .last_offsets
            .iter()
            .filter(|(partition, offset)| !self.follower.ledger.has_answered(**partition, **offset));
        late.map(|(partition, offset)| self.follower.ledger.behind(*partition, *offset))
            .sum::<u64>()
            + (self.sent - self.delivered)
    }

    fn finish(mut self) -> Result<Replayed, ReplayError> {
        if self.payer.is_some() {
            // A payment has ended before the log was read that far.
            self.follower.read_to_the_end(&mut News::default())?;
        }
        for (row, payment) in &self.payments {
            let entries = self.follower.ledger.entries_of_payment(*payment);
            self.plan.was_paid(*row, entries);
        }
        let payments = self.payments.len() as u64;
        Ok(Replayed {
            known_before: self.follower.ledger.nothing_to_do() - self.known_before + self.known_payments,
            plan: self.plan,
            ledger: self.follower.ledger,
            sent: self.sent + payments,
            payments: self.payer.map(|_| payments),
            faults: self.faults,
            refused: self.refused,
            took: self.began.elapsed(),
            first_entry_after: self.first_entry_after,
        })
    }
}
