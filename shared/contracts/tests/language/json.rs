//! The codec reads and writes what serde_json does.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::LazyLock,
};

use proptest::{collection::vec, prelude::*};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};
use tributary_contracts::{
    accounts::{AccountsCommand, AccountsEvent},
    codec::{self, DecodeError, Message, RawCommand, RawEvent, ReadCommand, decode_typed, read_event},
    envelope::{CommandEnvelope, EventEnvelope},
    fraud::{FraudCommand, FraudEvent, PayeesCommand, PayeesEvent},
    laundering::{LaunderingCommand, LaunderingEvent},
    payments::{PaymentsCommand, PaymentsEvent},
    record::Record,
    runtime::{RuntimeEvent, RuntimeMessage},
    schema,
};

use crate::samples::{Choices, damaged, of_schema, written};

fn record(ce_type: &str, value: Vec<u8>) -> Record {
    Record {
        partition: 0,
        offset: 5,
        timestamp_ms: 1,
        key: b"a".to_vec(),
        headers: codec::headers(&"id", "test", ce_type, None),
        value,
    }
}

/// What serde_json alone makes of a message's data.
fn plain<M: Message>(ce_type: &str, data: &str) -> Result<M, DecodeError> {
    M::knows(ce_type)?;
    let mut reader = serde_json::Deserializer::from_str(data);
    M::read(ce_type, &mut reader)
        .and_then(|message| reader.end().map(|()| message))
        .map_err(|error| DecodeError::malformed(&error))
}

/// A command's envelope, what became of its data, and the data's text.
type AsRead<M> = CommandEnvelope<(Result<M, DecodeError>, String)>;

fn plain_command<M: Message>(record: &Record) -> Result<AsRead<M>, DecodeError> {
    let raw = RawCommand::read(record)?;
    Ok(raw
        .envelope
        .map_data(|data| (plain(raw.ce_type, data.get()), data.get().to_owned())))
}

fn plain_event<M: Message>(record: &Record) -> Result<EventEnvelope<M>, DecodeError> {
    let raw = RawEvent::read(record)?;
    raw.envelope.try_map_data(|data| plain(raw.ce_type, data.get()))
}

fn written_alike<T: Serialize>(value: &T) {
    assert_eq!(
        String::from_utf8(codec::encode(value)).unwrap(),
        serde_json::to_string(value).unwrap()
    );
}

/// Reads the record both ways, as a command and as an event, and writes again what could be read. Whether its data could.
fn alike<M: Message + Debug + PartialEq>(record: &Record) -> bool {
    let command = ReadCommand::<M>::read(record);
    let raw_hash = RawCommand::read(record).map(|raw| raw.body_hash());
    assert_eq!(
        command.as_ref().map(ReadCommand::body_hash),
        raw_hash.as_ref().copied()
    );
    let command = command.map(|read| {
        let parts = |data: tributary_contracts::json::Data<'_, M>| (data.message, data.text.to_owned());
        read.envelope.map_data(parts)
    });
    assert_eq!(command, plain_command(record));
    let event = read_event::<M>(record);
    assert_eq!(event, plain_event(record));
    if let Ok(event) = &event {
        written_alike(event);
    }
    let Ok(command) = command else {
        return event.is_ok();
    };
    let text = command.data.1.clone();
    let command = command.map_data(|(message, _)| message);
    assert_eq!(command.data, decode_typed(record.ce_type().unwrap(), &text));
    match &command.data {
        Ok(message) => {
            written_alike(message);
            written_alike(&command.map_data(|message| message.unwrap()));
            true
        }
        Err(_) => event.is_ok(),
    }
}

fn alike_by_type(ce_type: &str, value: Vec<u8>) -> bool {
    fn of<M: Message + Debug + PartialEq>(record: &Record, ce_type: &str) -> Option<bool> {
        M::TYPES.contains(&ce_type).then(|| alike::<M>(record))
    }
    let record = record(ce_type, value);
    of::<AccountsCommand>(&record, ce_type)
        .or_else(|| of::<AccountsEvent>(&record, ce_type))
        .or_else(|| of::<PaymentsCommand>(&record, ce_type))
        .or_else(|| of::<PaymentsEvent>(&record, ce_type))
        .or_else(|| of::<FraudCommand>(&record, ce_type))
        .or_else(|| of::<FraudEvent>(&record, ce_type))
        .or_else(|| of::<PayeesCommand>(&record, ce_type))
        .or_else(|| of::<PayeesEvent>(&record, ce_type))
        .or_else(|| of::<LaunderingCommand>(&record, ce_type))
        .or_else(|| of::<LaunderingEvent>(&record, ce_type))
        .or_else(|| of::<RuntimeMessage>(&record, ce_type))
        .or_else(|| of::<RuntimeEvent>(&record, ce_type))
        .unwrap_or_else(|| alike::<AccountsCommand>(&record))
}

type Schemas = Vec<(&'static str, Value)>;

/// CloudEvents type and schema of the data of every message.
static TYPES: LazyLock<Schemas> = LazyLock::new(schema::all);

/// Those of both envelopes.
static ENVELOPES: LazyLock<Schemas> = LazyLock::new(|| {
    let mut documents = schema::documents();
    documents.retain(|(name, _)| [schema::COMMAND_ENVELOPE, schema::EVENT_ENVELOPE].contains(name));
    assert_eq!(documents.len(), 2);
    documents
});

/// An envelope, of a command or of an event, around data of that type.
fn message(data_schema: &Value, choices: &mut Choices) -> String {
    let (_, envelope) = &ENVELOPES[choices.below(ENVELOPES.len())];
    let mut message = of_schema(envelope, envelope, choices);
    message["data"] = of_schema(data_schema, data_schema, choices);
    written(&message, choices)
}

fn choices() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..500)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn messages_as_others_may_write_them_are_read_and_written_as_serde_json_does(bytes in choices(), damage: bool) {
        let mut choices = Choices::of(bytes);
        let (ce_type, schema) = &TYPES[choices.below(TYPES.len())];
        let text = message(schema, &mut choices);
        let value = if damage { damaged(text, &mut choices) } else { text.into_bytes() };
        alike_by_type(ce_type, value);
    }

    #[test]
    fn any_bytes_are_read_as_serde_json_does(value in vec(any::<u8>(), 0..60), of in 0..100_usize) {
        let ce_type = TYPES.get(of).map_or("nobody.knows.v1", |(ce_type, _)| ce_type);
        alike_by_type(ce_type, value);
    }

    #[test]
    fn any_json_is_read_and_written_as_serde_json_does(bytes in choices(), damage: bool) {
        let mut choices = Choices::of(bytes);
        let (_, schema) = &TYPES[choices.below(TYPES.len())];
        let value = of_schema(schema, schema, &mut choices);
        written_alike(&value);
        let text = written(&value, &mut choices);
        let bytes = if damage { damaged(text, &mut choices) } else { text.into_bytes() };
        read_alike::<Value>(&bytes);
    }

    #[test]
    fn any_text_and_number_is_written_as_serde_json_does(text: String, numbers: (i64, u64, u8, f64), odd: char) {
        written_alike(&(&text, numbers, odd, format_args!("{text}{odd}")));
        let json = serde_json::to_vec(&(&text, numbers)).unwrap();
        read_alike::<(String, (i64, u64, u8, f64))>(&json);
    }
}

fn read_alike<T: DeserializeOwned + Debug + PartialEq>(json: &[u8]) {
    let plain = serde_json::from_slice::<T>(json).map_err(|error| DecodeError::malformed(&error));
    assert_eq!(codec::decode::<T>(json), plain);
}

/// The samples above would prove nothing, were none of some type good.
#[test]
fn of_every_type_samples_are_read() {
    let mut good = BTreeSet::new();
    for (ce_type, schema) in &*TYPES {
        for seed in 0..200_u64 {
            let bytes = (0..500).map(|place| {
                let name = format!("{seed}/{place}");
                tributary_ids::CommandId::named(&name).0.as_bytes()[0]
            });
            let text = message(schema, &mut Choices::of(bytes.collect()));
            if alike_by_type(ce_type, text.into_bytes()) {
                good.insert(*ce_type);
                break;
            }
        }
    }
    let missing: Vec<_> = TYPES
        .iter()
        .filter(|(ce_type, _)| !good.contains(ce_type))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// A field of each kind that serde knows, which messages may have one day.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Kinds {
    bytes: (i8, i16, i32, u8, u16, u32),
    float: (f32, f64),
    letter: char,
    unit: (),
    nothing: Nothing,
    wrapped: Wrapped,
    pair: Pair,
    forms: Vec<Form>,
    by_number: BTreeMap<i32, bool>,
    by_text: BTreeMap<String, Option<u8>>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Nothing;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped(Option<String>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u8, String);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Form {
    Unit,
    Newtype(Wrapped),
    Tuple(u8, u8),
    Struct { a: u8, b: Option<i64> },
}

#[test]
fn every_kind_of_value_is_read_and_written_as_serde_json_does() {
    let kinds = Kinds {
        bytes: (-1, -2, -3, 4, 5, 6),
        float: (1.5, -0.0),
        letter: '"',
        unit: (),
        nothing: Nothing,
        wrapped: Wrapped(None),
        pair: Pair(1, "\u{1}".to_owned()),
        forms: vec![
            Form::Unit,
            Form::Newtype(Wrapped(Some("x".to_owned()))),
            Form::Tuple(1, 2),
            Form::Struct { a: 1, b: Some(-2) },
        ],
        by_number: BTreeMap::from([(-1, true), (2, false)]),
        by_text: BTreeMap::from([("a\"b".to_owned(), None), (String::new(), Some(1))]),
        rest: BTreeMap::from([("more".to_owned(), Value::from(vec![1, 2]))]),
    };
    written_alike(&kinds);
    let json = serde_json::to_value(&kinds).unwrap();
    read_alike::<Kinds>(json.to_string().as_bytes());
    // Each by itself too, since what gives up at one of them doesn't get to the next.
    written_alike(&kinds.bytes);
    written_alike(&kinds.letter);
    written_alike(&(i128::MIN, u128::MAX));
    read_alike::<(i128, u128)>(format!("[{},{}]", i128::MIN, u128::MAX).as_bytes());
    read_alike::<(i128, u128)>(b"[-1,2]");
    written_alike(&(kinds.unit, &kinds.nothing, &kinds.wrapped, &kinds.pair));
    written_alike(&kinds.forms);
    written_alike(&kinds.by_number);
    written_alike(&(&kinds.by_text, &kinds.rest));
    for field in ["bytes", "forms", "by_text", "unit", "letter"] {
        let bytes = json[field].to_string();
        read_alike::<(i8, i16, i32, u8, u16, u32)>(bytes.as_bytes());
        read_alike::<Vec<Form>>(bytes.as_bytes());
        read_alike::<BTreeMap<String, Option<u8>>>(bytes.as_bytes());
        read_alike::<Option<()>>(bytes.as_bytes());
        read_alike::<char>(bytes.as_bytes());
    }
}

#[test]
fn variants_and_arrays_that_are_not_whole_are_refused_as_by_serde_json() {
    for json in [
        r#""Unit""#,
        r#"{"Unit":null}"#,
        r#"{"Newtype":"x"}"#,
        r#"{"Newtype":null}"#,
        r#"{"Newtype":"x","Unit":null}"#,
        r#"{"Tuple":[1,2]}"#,
        r#"{"Tuple":[1]}"#,
        r#"{"Tuple":[1,2,3]}"#,
        r#"{"Struct":{"a":1}}"#,
        r#"{"Struct":{"a":1,"a":2}}"#,
        r#"{"Struct":[1,2]}"#,
        r#"{"Other":1}"#,
        r#"{}"#,
        r#"{"Tuple":[1,2],}"#,
        r#"{"Tuple":[1,2,]}"#,
        r#"{"Tuple":[,1,2]}"#,
        r#"{,"Tuple":[1,2]}"#,
        r#"{"Tuple":[01,2]}"#,
        r#"{"Tuple":[-0,2]}"#,
        r#"{"Tuple" [1,2]}"#,
        r#""Unit" x"#,
        "\u{feff}\"Unit\"",
        "nul",
        "",
    ] {
        read_alike::<Form>(json.as_bytes());
        read_alike::<Value>(json.as_bytes());
        read_alike::<Vec<Form>>(format!("[{json}]").as_bytes());
    }
}

#[test]
fn what_is_json_already_is_written_as_it_is() {
    let raw = to_raw_value(&Value::from(vec!["a\"b", "c"])).unwrap();
    let borrowed: &RawValue = &raw;
    written_alike(&(borrowed, BTreeMap::from([("raw", borrowed)])));
    let spaced = RawValue::from_string("{ \"a\" : 1.50 }".to_owned()).unwrap();
    assert_eq!(codec::encode(&[&spaced]), b"[{ \"a\" : 1.50 }]");
    let value = Value::from(vec!["a\"b", "\u{1}", "\u{e9}"]);
    let encoded = codec::Encoded::of(&value);
    written_alike(&(&encoded, BTreeMap::from([("raw", &encoded)])));
    assert_eq!(codec::encode(&encoded), codec::encode(&value));
}

#[test]
fn deep_values_are_refused_as_by_serde_json_and_overflow_no_stack() {
    for depth in [99, 100, 101, 127, 128, 129, 100_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let whole = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            read_alike::<Value>(whole.as_bytes());
            read_alike::<Value>(open.repeat(depth).as_bytes());
        }
    }
}
