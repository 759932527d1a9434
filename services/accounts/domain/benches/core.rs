//! Postings a second of the core on one core: what a worker does with a record, without the log around it.
//!
//! `cargo bench -p tributary-accounts-domain`. Every posting is accepted; the books hold 10,000 accounts, or one hot one.
//! The clock is the processor time of the thread, since what else runs on the machine is none of the core's cost.

use std::{hint::black_box, time::Duration};

use criterion::{
    BatchSize, Criterion, Throughput, criterion_group, criterion_main,
    measurement::{Measurement, ValueFormatter, WallTime},
};
use nix::time::{ClockId, clock_gettime};
use tributary_accounts_domain::{Books, Context, Decision, Recorded, decide, evolve};
use tributary_contracts::{
    accounts::{AccountOpened, AccountsCommand, AccountsEvent, Credit, Debit, Details, GlAccount},
    codec::{self, Message, ReadCommand},
    envelope::{Channel, CommandEnvelope, EventEnvelope, Initiator, Position, Remembered},
    record::{Headers, Outgoing, Record},
    topics::{ACCOUNTS_EVENTS, ACCOUNTS_INBOX},
};
use tributary_ids::{AccountId, CommandId, CustomerId};
use tributary_money::Currency;
use tributary_overlay::Layered;

const ACCOUNTS: usize = 10_000;

/// Distinct commands, which go round: as many entries stand in the books.
const COMMANDS: usize = 100_000;

/// Postings that one commit takes.
const BATCH: usize = 1_000;

const NOW: i64 = 1_800_000_000_000;

/// A command as it was read.
type Read<'r> = ReadCommand<'r, AccountsCommand>;

/// The processor time that this thread has used.
struct ThreadTime;

impl Measurement for ThreadTime {
    type Intermediate = Duration;
    type Value = Duration;

    #[expect(clippy::expect_used, reason = "a benchmark stops at what can't be")]
    fn start(&self) -> Duration {
        clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
            .expect("a thread's clock")
            .into()
    }

    fn end(&self, since: Duration) -> Duration {
        self.start().saturating_sub(since)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, time: &Duration) -> f64 {
        WallTime.to_f64(time)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

#[expect(clippy::expect_used, reason = "a benchmark stops at what can't be")]
fn czk() -> Currency {
    "CZK".parse().expect("a currency")
}

fn account(number: usize) -> AccountId {
    AccountId::named(&number.to_string())
}

fn books(accounts: usize) -> Books {
    let mut books = Books::default();
    for number in 0..accounts {
        let opened = AccountOpened {
            account_id: account(number),
            seq: 1,
            owner: CustomerId::named("owner"),
            product: "current".into(),
            currency: czk(),
            overdraft_limit: 1_000_000_000,
            booking_date: chrono::NaiveDate::default(),
        };
        fold(
            &mut books,
            &opened.into(),
            &recorded(CommandId::named(&number.to_string())),
        );
    }
    books.commit();
    books
}

fn recorded(command_id: CommandId) -> Recorded {
    Recorded {
        event_id: command_id.event(0),
        time_ms: NOW,
    }
}

fn context(command_id: CommandId) -> Context {
    Context {
        command_id,
        partition: 0,
        time_ms: NOW,
    }
}

/// Credits and debits by turns, of 12.34 each.
fn command(number: usize, accounts: usize) -> AccountsCommand {
    let account_id = account(number / 2 % accounts);
    let details = Details {
        purpose: Some("SIPO".into()),
        counterparty_bank: Some("AB".into()),
        country: None,
        reference: Some(number.to_string().into()),
    };
    let booking_date = chrono::NaiveDate::default();
    match number % 2 {
        0 => Credit {
            account_id,
            amount: "12.34".into(),
            currency: czk(),
            contra: GlAccount::CASH,
            rounding: None,
            booking_date,
            value_date: None,
            import: None,
            details,
        }
        .into(),
        _ => Debit {
            account_id,
            amount: "12.34".into(),
            currency: czk(),
            contra: GlAccount::CASH,
            rounding: None,
            forced: false,
            booking_date,
            value_date: None,
            import: None,
            details,
        }
        .into(),
    }
}

/// As it comes from the inbox.
fn record(number: usize, accounts: usize) -> Record {
    let command = command(number, accounts);
    let envelope = CommandEnvelope {
        id: CommandId::named(&format!("bench/{number}")),
        correlation_id: CommandId::named("correlation").0,
        causation_id: None,
        reply_to: None,
        not_after: Some(NOW + 60_000),
        initiator: Initiator {
            actor: "teller-17".into(),
            on_behalf_of: None,
            channel: Channel::Branch,
            branch: None,
        },
        data: &command,
    };
    Record {
        partition: 0,
        offset: number as i64,
        timestamp_ms: NOW,
        key: command.key().into_bytes(),
        headers: codec::headers(&envelope.id, "bench", command.ce_type(), None),
        value: codec::encode(&envelope),
    }
}

#[expect(clippy::expect_used, reason = "a benchmark stops at what can't be")]
fn decided(books: &Books, command: &AccountsCommand, context: &Context) -> Decision {
    decide(books, command, context).expect("every posting is accepted")
}

#[expect(clippy::expect_used, reason = "a benchmark stops at what can't be")]
fn fold(books: &mut Books, event: &AccountsEvent, recorded: &Recorded) {
    evolve(books, event, recorded).expect("what was decided folds");
}

#[expect(clippy::expect_used, reason = "a benchmark stops at what can't be")]
fn read(record: &Record) -> Read<'_> {
    ReadCommand::read(record).expect("an envelope")
}

#[expect(clippy::expect_used, reason = "a benchmark stops at what can't be")]
fn command_of<'c>(read: &'c Read<'_>) -> &'c AccountsCommand {
    read.envelope.data.message.as_ref().expect("a command")
}

fn encode(record: &Record, raw: &Read<'_>, event: &AccountsEvent) -> Outgoing {
    let envelope = EventEnvelope {
        command_id: raw.envelope.id,
        index: 0,
        of: 1,
        correlation_id: raw.envelope.correlation_id,
        time: record.timestamp_ms,
        origin: Position {
            topic: ACCOUNTS_INBOX.name.into(),
            partition: record.partition,
            offset: record.offset,
        },
        remembered: raw.envelope.not_after.map(|not_after| Remembered {
            body_hash: raw.body_hash(),
            not_after,
        }),
        initiator: Some(raw.envelope.initiator.clone()),
        data: event,
    };
    let headers: Headers = codec::headers(&envelope.id(), "accounts", event.ce_type(), None);
    Outgoing {
        topic: ACCOUNTS_EVENTS.name,
        partition: record.partition,
        key: record.key.clone(),
        headers,
        value: codec::encode(&envelope),
    }
}

/// Decode, decide, evolve, encode.
fn handle(books: &mut Books, record: &Record) -> Outgoing {
    books.set_savepoint();
    let raw = read(record);
    let command_id = raw.envelope.id;
    let decision = decided(books, command_of(&raw), &context(command_id));
    let event = &decision.events[0];
    fold(books, event, &recorded(command_id));
    encode(record, &raw, event)
}

fn whole(criterion: &mut Criterion<ThreadTime>, name: &str, accounts: usize) {
    let records: Vec<Record> = (0..COMMANDS).map(|number| record(number, accounts)).collect();
    let mut books = books(accounts);
    let mut batches = records.chunks(BATCH).cycle();
    let mut group = criterion.benchmark_group("decode, decide, evolve, encode");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function(name, |bencher| {
        bencher.iter_batched(
            || batches.next().unwrap_or_default(),
            |batch| {
                for record in batch {
                    black_box(handle(&mut books, record));
                }
                books.commit();
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn parts(criterion: &mut Criterion<ThreadTime>) {
    let records: Vec<Record> = (0..BATCH).map(|number| record(number, ACCOUNTS)).collect();
    let mut books = books(ACCOUNTS);
    let commands: Vec<(CommandId, AccountsCommand)> = (0..COMMANDS)
        .map(|number| {
            (
                CommandId::named(&format!("bench/{number}")),
                command(number, ACCOUNTS),
            )
        })
        .collect();
    let event = decided(&books, &commands[0].1, &context(commands[0].0))
        .events
        .remove(0);
    let mut batches = commands.chunks(BATCH).cycle();

    let mut group = criterion.benchmark_group("parts");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("decode", |bencher| {
        bencher.iter(|| records.iter().for_each(|record| drop(black_box(read(record)))));
    });
    group.bench_function("decide, evolve", |bencher| {
        bencher.iter_batched(
            || batches.next().unwrap_or_default(),
            |batch| {
                for (id, command) in batch {
                    books.set_savepoint();
                    let decision = decided(&books, command, &context(*id));
                    fold(&mut books, &decision.events[0], &recorded(*id));
                }
                books.commit();
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("encode", |bencher| {
        let raw = read(&records[0]);
        bencher.iter(|| {
            for record in &records {
                black_box(encode(record, &raw, &event));
            }
        });
    });
    group.finish();
}

fn core(criterion: &mut Criterion<ThreadTime>) {
    whole(criterion, "10,000 accounts", ACCOUNTS);
    whole(criterion, "one hot account", 1);
    parts(criterion);
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ThreadTime);
    targets = core
}
criterion_main!(benches);
