//! What a transaction costs on a real broker, and what makes it cost more: `docs/librdkafka.md` holds what came out.
//!
//! `KAFKA_BROKERS=127.0.0.1:9092 cargo bench -p tributary-stream --bench commit_cost [-- part of a section's name]`;
//! without `KAFKA_BROKERS` it starts a broker of its own.

#![expect(clippy::expect_used, reason = "a measurement that can't go on fails")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

mod measured;
mod raw;
mod whole;

use std::time::Duration;

use measured::{Machine, Topics};
use raw::Shape;

fn main() {
    let asked = std::env::args()
        .nth(1)
        .filter(|argument| !argument.starts_with("--"));
    let topics = Topics::create();
    println!("{}", Machine::now());
    let warm = Shape::default();
    println!(
        "warming up the broker: {}",
        raw::transactions(&topics, &warm, 1_500)
    );
    for (name, section) in SECTIONS {
        if asked.as_ref().is_none_or(|asked| name.contains(asked.as_str())) {
            println!("\n{name}");
            let before = Machine::now();
            section(&topics);
            println!("  {}", Machine::now().since(&before));
        }
    }
}

type Section = (&'static str, fn(&Topics));

const SECTIONS: &[Section] = &[
    (
        "batch size: one transaction of n records of 270 bytes and one offset",
        batch_size,
    ),
    ("retry.backoff.ms", backoff),
    ("commit while records are in flight", in_flight),
    ("pause between a commit and the next begin", pause),
    ("offsets before or after the records", order),
    ("linger.ms of the producer", linger),
    ("raw ceiling", ceiling),
    ("the log itself: KafkaLog's commit", |topics| {
        whole::commits(topics)
    }),
    ("reading events: EventReader", |topics| whole::reads(topics)),
    ("sending commands: CommandProducer", |topics| {
        whole::commands(topics)
    }),
];

fn batch_size(topics: &Topics) {
    for (records, count) in [(1, 500), (10, 500), (100, 500), (1_000, 200), (5_000, 40)] {
        let shape = Shape {
            records,
            ..Shape::default()
        };
        println!("  n = {records:>5}: {}", raw::transactions(topics, &shape, count));
    }
}

fn backoff(topics: &Topics) {
    for (ms, max_ms) in [(1, 5), (10, 10), (100, 1_000)] {
        let shape = Shape {
            backoff_ms: (ms, max_ms),
            ..Shape::default()
        };
        println!(
            "  {ms:>3} to {max_ms:>4} ms: {}",
            raw::transactions(topics, &shape, 200)
        );
    }
}

fn in_flight(topics: &Topics) {
    for await_deliveries in [true, false] {
        let shape = Shape {
            await_deliveries,
            ..Shape::default()
        };
        println!(
            "  deliveries awaited: {await_deliveries:>5}: {}",
            raw::transactions(topics, &shape, 100)
        );
    }
}

fn pause(topics: &Topics) {
    for ms in [0, 1, 2, 5, 10, 20] {
        let shape = Shape {
            pause: Duration::from_millis(ms),
            ..Shape::default()
        };
        println!("  {ms:>2} ms: {}", raw::transactions(topics, &shape, 300));
    }
}

fn order(topics: &Topics) {
    for pause in [Duration::ZERO, Duration::from_millis(10)] {
        for offsets_first in [false, true] {
            let shape = Shape {
                offsets_first,
                pause,
                ..Shape::default()
            };
            let name = if offsets_first { "before" } else { "after " };
            println!(
                "  {name}, {pause:>4?} between: {}",
                raw::transactions(topics, &shape, 300)
            );
        }
    }
}

fn linger(topics: &Topics) {
    for records in [10, 1_000] {
        for linger_ms in [0, 1, 5] {
            let shape = Shape {
                records,
                linger_ms,
                ..Shape::default()
            };
            println!(
                "  {linger_ms} ms, n = {records:>4}: {}",
                raw::transactions(topics, &shape, 200)
            );
        }
    }
}

fn ceiling(topics: &Topics) {
    for (producers, records, count) in [
        (1, 100, 500),
        (1, 1_000, 300),
        (1, 5_000, 60),
        (4, 100, 300),
        (4, 1_000, 150),
    ] {
        let shape = Shape {
            records,
            ..Shape::default()
        };
        let rate = raw::ceiling(topics, &shape, producers, count);
        println!("  {producers} producers, n = {records:>4}: {rate:>9.0} records/s");
    }
}
