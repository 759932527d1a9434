//! `bank dlq`: what could not be handled, why, and a second try.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use tributary_contracts::codec::{CE_ID, CE_TYPE};
use tributary_contracts::partition::partition_of;
use tributary_contracts::record::{Headers, Outgoing, Record};
use tributary_contracts::topics;
use tributary_stream::kafka::{CommandProducer, EventReader, Watermarks};

/// Headers that the dead letter has and its origin had not.
const ADDED: &str = "dlq_";

/// Lists, shows and retries dead letters.
///
/// A retry sends the record again as it was, under the same id: what was wrong must have been mended in the service, and
/// a command that says until when it counts is refused once that is over.
#[derive(Args, Debug)]
pub(crate) struct Dlq {
    /// Kafka's bootstrap address
    #[arg(
        long,
        env = "KAFKA_BROKERS",
        value_name = "HOST:PORT",
        global = true,
        default_value = ""
    )]
    brokers: String,
    /// The service whose dead letters are meant
    #[arg(long, global = true, default_value = "accounts")]
    service: String,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// One line per dead letter: position, origin, type, reason
    List,
    /// One dead letter whole, its value included: that may hold personal data
    Show { partition: i32, offset: i64 },
    /// Send one dead letter to its inbox again
    Retry { partition: i32, offset: i64 },
}

impl Dlq {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        ensure!(
            !self.brokers.is_empty(),
            "--brokers or KAFKA_BROKERS says where Kafka is"
        );
        let name = format!("{}.dlq", self.service);
        let topic = topics::find(&name).with_context(|| format!("there is no topic {name}"))?;
        match self.action {
            Action::List => self.list(topic.name),
            Action::Show { partition, offset } => {
                show(topic.name, &self.letter(topic.name, partition, offset)?);
                Ok(ExitCode::SUCCESS)
            }
            Action::Retry { partition, offset } => self.retry(topic.name, partition, offset),
        }
    }

    fn list(&self, topic: &str) -> anyhow::Result<ExitCode> {
        let starts = Watermarks::connect(&self.brokers)?.starts(topic)?;
        let mut found = 0;
        self.each(topic, &starts, |letter| {
            found += 1;
            println!(
                "{}/{}  from {}  {}  {}",
                letter.partition,
                letter.offset,
                origin(letter),
                printable(letter.headers.text(CE_TYPE).unwrap_or("no type")),
                printable(&reason(letter)),
            );
            true
        })?;
        let letters = if found == 1 { "dead letter" } else { "dead letters" };
        println!("{found} {letters} in {topic}");
        Ok(ExitCode::SUCCESS)
    }

    fn letter(&self, topic: &str, partition: i32, offset: i64) -> anyhow::Result<Record> {
        let mut found = None;
        // Outside of the log there is nothing to read, nor an end to come to.
        let watermarks = Watermarks::connect(&self.brokers)?;
        let (starts, ends) = (watermarks.starts(topic)?, watermarks.ends(topic)?);
        let at = |bounds: &BTreeMap<i32, i64>| bounds.get(&partition).copied();
        if let (Some(start), Some(end)) = (at(&starts), at(&ends))
            && (start..end).contains(&offset)
        {
            self.each(topic, &BTreeMap::from([(partition, offset)]), |letter| {
                found = (letter.offset == offset).then(|| letter.clone());
                false
            })?;
        }
        found.with_context(|| format!("there is no dead letter at {partition}/{offset} of {topic}"))
    }

    /// Hands every letter from there on to `seen`, until it wants no more.
    fn each(
        &self,
        topic: &str,
        from: &BTreeMap<i32, i64>,
        mut seen: impl FnMut(&Record) -> bool,
    ) -> anyhow::Result<()> {
        let mut reader = EventReader::open(&self.brokers, topic, from)?;
        while !reader.at_end() {
            for letter in &reader.poll(Duration::from_secs(1), 1_000)?.records {
                if !seen(letter) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn retry(&self, topic: &str, partition: i32, offset: i64) -> anyhow::Result<ExitCode> {
        let letter = self.letter(topic, partition, offset)?;
        let inbox = letter.headers.text("dlq_origin_topic").and_then(topics::find);
        let inbox = inbox.context("the dead letter doesn't say which inbox it came from")?;
        let partitions = Watermarks::connect(&self.brokers)?.partitions(inbox.name)?.len();
        // One that came in the wrong partition is to find the right one.
        let partition = partition_of(&letter.key, i32::try_from(partitions)?).unwrap_or(letter.partition);
        let (delivered, deliveries) = mpsc::channel();
        let producer = CommandProducer::connect(&self.brokers, Duration::ZERO, 1, move |delivery| {
            // Nobody waits any more: the command has given up and said so.
            let _gone = delivered.send(delivery);
        })?;
        producer.send(&again(inbox.name, partition, letter), 0)?;
        producer.flush()?;
        match deliveries.recv()?.result {
            Ok((partition, offset)) => println!("sent again: {} {partition}/{offset}", inbox.name),
            Err(fault) => bail!("it may not have been sent: {fault}"),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The record as it first came.
fn again(inbox: &'static str, partition: i32, letter: Record) -> Outgoing {
    let mut headers = Headers::default();
    for (name, value) in letter.headers.iter().filter(|(name, _)| !name.starts_with(ADDED)) {
        headers.push(name, value);
    }
    Outgoing {
        topic: inbox,
        partition,
        key: letter.key,
        headers,
        value: letter.value,
    }
}

fn origin(letter: &Record) -> String {
    let text = |name| letter.headers.text(name).unwrap_or("?");
    format!(
        "{} {}/{}",
        text("dlq_origin_topic"),
        text("dlq_origin_partition"),
        text("dlq_origin_offset")
    )
}

fn show(topic: &str, letter: &Record) {
    let text = |bytes: &[u8]| printable(&String::from_utf8_lossy(bytes));
    println!("dead letter  {topic} {}/{}", letter.partition, letter.offset);
    println!("origin       {}", origin(letter));
    println!("reason       {}", printable(&reason(letter)));
    println!(
        "id           {}",
        printable(letter.headers.text(CE_ID).unwrap_or("none"))
    );
    println!("key          {}", text(&letter.key));
    for (name, value) in letter.headers.iter() {
        println!("header       {}: {}", printable(name), text(value));
    }
    println!("value        {} bytes", letter.value.len());
    println!("{}", text(&letter.value));
}

fn reason(letter: &Record) -> String {
    let text = |name| letter.headers.text(name).unwrap_or("?");
    format!("{}: {}", text("dlq_code"), text("dlq_detail"))
}

/// What a stranger wrote must not steer the terminal that it is shown on: only line breaks and tabs stay what they are.
fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c.to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_letter_holds_does_not_steer_the_terminal() {
        assert_eq!(printable("a\tb\nč"), "a\tb\nč");
        assert_eq!(
            printable("\u{1b}[2J\r\u{9b}31m\0"),
            "\\u{1b}[2J\\r\\u{9b}31m\\u{0}"
        );
    }
}
