//! A tiny honest bank: writes what an honest ledger writes, so that the checker can be shown honest logs, and logs
//! with one fault planted. It knows nothing of the real ledger.

mod accounts;
mod holds;
mod runtime;
mod transfers;

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::Value;
use tributary_contracts::{
    accounts::{AccountsCommand, AccountsEvent},
    codec::{self, Message, RawCommand},
    envelope::{BusinessDate, Channel, CommandEnvelope, EventEnvelope, Initiator, Position, Remembered},
    partition::partition_of,
    record::Record,
    runtime::RuntimeEvent,
};
use tributary_ids::{AccountId, CommandId, EventId, HoldId};
use tributary_money::{Currency, Money};

pub(crate) const PARTITIONS: i32 = 2;

/// How long the bank's commands are remembered, milliseconds.
const TTL_MS: i64 = 60_000;

#[derive(Clone)]
struct Account {
    seq: u64,
    posted: i64,
    pending_out: i64,
    blocked: bool,
}

/// An open hold.
#[derive(Clone)]
pub(crate) struct Hold {
    pub(crate) account: AccountId,
    pub(crate) open: i64,
    pub(crate) expires_at: Option<i64>,
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) partition: i32,
    pub(crate) index: usize,
}

/// An input record that was not answered yet.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) id: CommandId,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Vec<u8>,
    ce_type: String,
    remembered: Option<Remembered>,
}

/// One of the two kinds of event.
pub(crate) enum Told {
    Ledger(AccountsEvent),
    Runtime(RuntimeEvent),
}

impl<E: Into<AccountsEvent>> From<E> for Told {
    fn from(event: E) -> Self {
        Self::Ledger(event.into())
    }
}

/// Topics of the bank, by partition.
#[derive(Clone)]
pub(crate) struct Bank {
    pub(crate) inbox: Vec<Vec<Record>>,
    pub(crate) events: Vec<Vec<Record>>,
    pub(crate) dead_letters: Vec<Vec<Record>>,
    pub(crate) now: i64,
    pub(crate) today: BusinessDate,
    pub(crate) holds: BTreeMap<HoldId, Hold>,
    accounts: HashMap<AccountId, Account>,
    commands: u32,
    named: u32,
    /// Every third record is followed by a control marker, which takes an offset too.
    markers: bool,
}

impl Default for Bank {
    fn default() -> Self {
        let topic = || vec![Vec::new(); PARTITIONS as usize];
        Self {
            inbox: topic(),
            events: topic(),
            dead_letters: topic(),
            now: 1_000_000,
            today: BusinessDate::from_ymd_opt(1995, 3, 14).unwrap(),
            holds: BTreeMap::new(),
            accounts: HashMap::new(),
            commands: 0,
            named: 0,
            markers: true,
        }
    }
}

pub(crate) fn czk() -> Currency {
    "CZK".parse().unwrap()
}

fn text(minor: i64) -> smol_str::SmolStr {
    Money::new(minor, czk()).to_decimal().to_string().into()
}

impl Bank {
    /// A bank whose inbox has no control markers: offsets as a plain producer gets them.
    pub(crate) fn without_markers() -> Self {
        Self {
            markers: false,
            ..Self::default()
        }
    }

    fn next_offset(&self, records: &[Record]) -> i64 {
        let marker = |last: &Record| i64::from(self.markers && last.offset % 3 == 2);
        records.last().map_or(0, |last| last.offset + 1 + marker(last))
    }

    // ----- the logs

    fn record(&mut self, key: &[u8], ce_type: &str, value: &impl Serialize, id: &str) -> Record {
        Record {
            partition: 0,
            offset: 0,
            timestamp_ms: self.now,
            key: key.to_vec(),
            headers: codec::headers(&id, "test", ce_type, None),
            value: codec::encode(value),
        }
    }

    fn put(
        &mut self,
        key: &[u8],
        ce_type: &str,
        id: CommandId,
        not_after: Option<i64>,
        data: impl Serialize,
    ) -> Asked {
        self.now += 7;
        let envelope = CommandEnvelope {
            id,
            correlation_id: id.0,
            causation_id: None,
            reply_to: None,
            not_after,
            initiator: Initiator {
                actor: "test".into(),
                on_behalf_of: None,
                channel: Channel::Branch,
                branch: None,
            },
            data,
        };
        let partition = partition_of(key, PARTITIONS).unwrap();
        let mut record = self.record(key, ce_type, &envelope, &id.to_string());
        record.partition = partition;
        record.offset = self.next_offset(&self.inbox[partition as usize]);
        let body_hash = RawCommand::read(&record).unwrap().body_hash();
        let asked = Asked {
            id,
            partition,
            offset: record.offset,
            key: key.to_vec(),
            ce_type: ce_type.to_owned(),
            remembered: not_after.map(|not_after| Remembered { body_hash, not_after }),
        };
        self.inbox[partition as usize].push(record);
        asked
    }

    /// Sends a command under the next id.
    pub(crate) fn ask(&mut self, command: impl Into<AccountsCommand>) -> Asked {
        self.commands += 1;
        let id = CommandId::named(&format!("command/{}", self.commands));
        self.ask_as(id, command)
    }

    pub(crate) fn ask_as(&mut self, id: CommandId, command: impl Into<AccountsCommand>) -> Asked {
        let command = command.into();
        let not_after = Some(self.now + TTL_MS);
        self.put(
            command.key().as_bytes(),
            command.ce_type(),
            id,
            not_after,
            command,
        )
    }

    /// Answers an input record; where its events stand.
    pub(crate) fn answer(&mut self, asked: &Asked, told: Vec<Told>) -> Vec<Place> {
        let of = told.len() as u32;
        let mut places = Vec::new();
        for (index, told) in told.into_iter().enumerate() {
            let (ce_type, data, remembered) = match &told {
                Told::Ledger(event) => (
                    event.ce_type(),
                    serde_json::to_value(event).unwrap(),
                    asked.remembered,
                ),
                Told::Runtime(event) => {
                    let remembered = asked
                        .remembered
                        .filter(|_| matches!(event, RuntimeEvent::CommandRefused(_)));
                    (event.ce_type(), serde_json::to_value(event).unwrap(), remembered)
                }
            };
            let envelope = EventEnvelope {
                command_id: asked.id,
                index: index as u32,
                of,
                correlation_id: asked.id.0,
                time: self.now,
                origin: Position {
                    topic: "accounts.inbox".into(),
                    partition: asked.partition,
                    offset: asked.offset,
                },
                remembered,
                initiator: None,
                data,
            };
            let mut record = self.record(&asked.key, ce_type, &envelope, &envelope.id().to_string());
            record.partition = asked.partition;
            record.offset = self.next_offset(&self.events[asked.partition as usize]);
            let log = &mut self.events[asked.partition as usize];
            log.push(record);
            places.push(Place {
                partition: asked.partition,
                index: log.len() - 1,
            });
        }
        places
    }

    fn tell(&mut self, asked: &Asked, event: impl Into<AccountsEvent>) -> Place {
        self.answer(asked, vec![event.into().into()])[0]
    }

    pub(crate) fn tell_runtime(&mut self, asked: &Asked, event: impl Into<RuntimeEvent>) -> Place {
        self.answer(asked, vec![Told::Runtime(event.into())])[0]
    }

    /// The record of an event.
    pub(crate) fn event(&mut self, place: Place) -> &mut Record {
        &mut self.events[place.partition as usize][place.index]
    }

    /// The id of an event's entry.
    pub(crate) fn entry_id(&self, place: Place) -> EventId {
        let envelope = codec::RawEvent::read(&self.events[place.partition as usize][place.index])
            .unwrap()
            .envelope;
        envelope.id()
    }

    /// Changes an event in place.
    pub(crate) fn edit(&mut self, place: Place, change: impl FnOnce(&mut Value)) {
        let record = self.event(place);
        let mut value: Value = serde_json::from_slice(&record.value).unwrap();
        change(&mut value);
        record.value = serde_json::to_vec(&value).unwrap();
    }

    /// Takes an event out of the log.
    pub(crate) fn drop_event(&mut self, place: Place) {
        self.events[place.partition as usize].remove(place.index);
    }

    /// Writes an event at the end of its partition.
    pub(crate) fn append(&mut self, record: Record) {
        let offset = self.next_offset(&self.events[record.partition as usize]);
        self.events[record.partition as usize].push(Record { offset, ..record });
    }

    /// Writes an event once more, at the end of its partition.
    pub(crate) fn repeat(&mut self, place: Place) {
        let record = self.event(place).clone();
        self.append(record);
    }
}
