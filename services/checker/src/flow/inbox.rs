//! Invariants 12 and 8 of the input: every data record is answered by the events of exactly one command, in order,
//! and the committed offset says the same as the events.
//!
//! Inbox and events are read independently, so whichever comes first waits for the other; the driver reads them side
//! by side, which bounds what waits.

use std::collections::{BTreeMap, VecDeque};

use tributary_contracts::{
    codec::{Message, RawCommand},
    envelope::BodyHash,
    record::Record,
    runtime::{RuntimeMessage, TimerId},
};
use tributary_ids::CommandId;

use super::{Language, Pair, commands::Answer};
use crate::violation::{At, Findings, Invariant};

/// An input record, as far as its answer is compared with it.
#[derive(Debug)]
pub(crate) struct Asked<L: Language> {
    pub(crate) at: At,
    /// Absent where the envelope can't be read.
    pub(crate) command: Option<(CommandId, BodyHash)>,
    pub(crate) what: What<L>,
}

#[derive(Debug)]
pub(crate) enum What<L: Language> {
    Command(Box<L::Command>),
    Timer(TimerId),
    /// An answer to a command that the service sent.
    Answer,
    /// No message that the service knows.
    Unreadable,
}

impl<L: Language> Asked<L> {
    pub(super) fn read(record: &Record) -> Self {
        let at = At {
            topic: L::INBOX.name,
            partition: record.partition,
            offset: record.offset,
        };
        let Ok(raw) = RawCommand::read(record) else {
            return Self {
                at,
                command: None,
                what: What::Unreadable,
            };
        };
        let data = raw.envelope.data.get();
        let what = if let Ok(command) = L::Command::decode(raw.ce_type, data) {
            What::Command(Box::new(command))
        } else {
            match RuntimeMessage::decode(raw.ce_type, data) {
                Ok(RuntimeMessage::TimerDue(due)) => What::Timer(due.timer),
                Ok(RuntimeMessage::Answer(_)) => What::Answer,
                Err(_) => What::Unreadable,
            }
        };
        Self {
            at,
            command: Some((raw.envelope.id, raw.body_hash())),
            what,
        }
    }
}

#[derive(Debug)]
struct Partition<L: Language> {
    /// First offset that is checked: what retention took from the inbox can't be.
    start: i64,
    /// Everything below was read.
    read_to: i64,
    asked: VecDeque<Asked<L>>,
    answers: VecDeque<Answer<L>>,
    /// Offset of the last input record that was answered, and the event that answers it.
    answered: Option<(i64, At)>,
}

impl<L: Language> Default for Partition<L> {
    fn default() -> Self {
        Self {
            start: 0,
            read_to: 0,
            asked: VecDeque::new(),
            answers: VecDeque::new(),
            answered: None,
        }
    }
}

/// Input by partition.
#[derive(Debug)]
pub(super) struct Inbox<L: Language> {
    partitions: BTreeMap<i32, Partition<L>>,
}

impl<L: Language> Default for Inbox<L> {
    fn default() -> Self {
        Self {
            partitions: BTreeMap::new(),
        }
    }
}

impl<L: Language> Inbox<L> {
    /// Nothing before this offset can be read any more.
    pub(super) fn starts_at(&mut self, partition: i32, offset: i64) {
        let partition = self.partitions.entry(partition).or_default();
        partition.start = offset;
        partition.read_to = partition.read_to.max(offset);
    }

    /// Everything before this offset was read: data, aborted records, control markers.
    pub(super) fn read_to(&mut self, partition: i32, offset: i64, found: &mut Findings) {
        let partition = self.partitions.entry(partition).or_default();
        partition.read_to = partition.read_to.max(offset);
        // Pairs nothing: answers wait only while no input does.
        partition.pair(found);
    }

    /// Hands out what is now answered.
    pub(super) fn ask(&mut self, asked: Asked<L>, found: &mut Findings) -> Option<Pair<L>> {
        let partition = self.partitions.entry(asked.at.partition).or_default();
        partition.read_to = asked.at.offset + 1;
        partition.asked.push_back(asked);
        partition.pair(found)
    }

    /// Hands out what is now answered.
    pub(super) fn answer(&mut self, answer: Answer<L>, found: &mut Findings) -> Option<Pair<L>> {
        let partition = self.partitions.entry(answer.at.partition).or_default();
        if let Some((last, by)) = partition.answered
            && answer.origin <= last
        {
            let origin = answer.origin;
            found.violate(
                Invariant::Consumed,
                "INPUT_ANSWERED_TWICE",
                &[by, answer.at],
                || format!("input {origin} is answered after {last} was"),
            );
            return None;
        }
        partition.answered = Some((answer.origin, answer.at));
        partition.answers.push_back(answer);
        partition.pair(found)
    }

    /// Input that was read and has no answer yet.
    pub(super) fn unanswered(&self) -> usize {
        self.partitions
            .values()
            .map(|partition| partition.asked.len())
            .sum()
    }

    /// Answers to input that wasn't read yet.
    pub(super) fn unasked(&self, partition: i32) -> usize {
        self.partitions
            .get(&partition)
            .map_or(0, |partition| partition.answers.len())
    }

    /// Compares with offsets that were committed before the events were read to their end.
    pub(super) fn check_committed(&self, committed: &BTreeMap<i32, i64>, found: &mut Findings) {
        for (number, partition) in &self.partitions {
            let Some(committed) = committed.get(number) else {
                continue;
            };
            found.check(Invariant::Sequence);
            if let Some(asked) = partition.asked.front()
                && asked.at.offset < *committed
            {
                found.violate(
                    Invariant::Sequence,
                    "COMMITTED_AHEAD_OF_FOLD",
                    &[asked.at],
                    || format!("partition {number}: committed up to {committed}, no event answers this one"),
                );
            }
        }
    }

    /// Nothing is under way any more: all input is answered, and the committed offsets say so.
    pub(super) fn finish(&self, committed: &BTreeMap<i32, i64>, found: &mut Findings) {
        for (number, partition) in &self.partitions {
            for asked in &partition.asked {
                found.violate(
                    Invariant::Consumed,
                    "INPUT_UNANSWERED",
                    &[asked.at],
                    || match asked.command {
                        Some((id, _)) => format!("no event answers command {id}"),
                        None => "no event answers this record".to_owned(),
                    },
                );
            }
            for answer in &partition.answers {
                unknown_origin(answer, found);
            }
            if let (Some((last, by)), Some(committed)) = (partition.answered, committed.get(number))
                && last >= *committed
            {
                found.violate(Invariant::Sequence, "COMMITTED_BEHIND_FOLD", &[by], || {
                    format!("partition {number}: committed up to {committed}, input {last} is answered")
                });
            }
        }
    }
}

impl<L: Language> Partition<L> {
    /// Pairs the next input record with its answer. Afterwards either nothing waits to be answered, or nothing waits
    /// to be asked; so one more record makes at most one pair.
    fn pair(&mut self, found: &mut Findings) -> Option<Pair<L>> {
        while let Some(answer) = self.answers.front() {
            let origin = answer.origin;
            match self.asked.front().map(|asked| asked.at.offset) {
                Some(asked) if asked < origin => {
                    let skipped = self.asked.pop_front()?;
                    found.check(Invariant::Consumed);
                    found.violate(
                        Invariant::Consumed,
                        "INPUT_SKIPPED",
                        &[skipped.at, answer.at],
                        || format!("input {origin} is answered, and this one before it is not"),
                    );
                }
                Some(asked) if asked == origin => {
                    found.check(Invariant::Consumed);
                    return self.asked.pop_front().zip(self.answers.pop_front());
                }
                _ if origin < self.read_to => {
                    if origin >= self.start {
                        unknown_origin(answer, found);
                    }
                    self.answers.pop_front();
                }
                _ => return None,
            }
        }
        None
    }
}

fn unknown_origin<L: Language>(answer: &Answer<L>, found: &mut Findings) {
    let origin = answer.origin;
    found.violate(Invariant::Consumed, "ORIGIN_UNKNOWN", &[answer.at], || {
        format!("answers input {origin}, where no record stands")
    });
}
