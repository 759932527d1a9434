use std::borrow::Cow;

use tributary_contracts::{
    accounts::{AccountsCommand, AccountsEvent, Release},
    codec::{self, DecodeError, Message, RawCommand, RawEvent, read_event},
    envelope::{BodyHash, Channel, CommandEnvelope, EventEnvelope, Initiator, Position, Remembered, ReplyTo},
    record::{Headers, Record},
    runtime::{Answer, Outcome, RuntimeMessage},
};
use tributary_ids::{AccountId, CommandId, CustomerId, HoldId};

fn release() -> AccountsCommand {
    AccountsCommand::from(Release {
        account_id: AccountId::named("a"),
        hold_id: HoldId::named("h"),
    })
}

fn initiator() -> Initiator {
    Initiator {
        actor: "teller/7".into(),
        on_behalf_of: Some(CustomerId::named("c")),
        channel: Channel::Branch,
        branch: Some("berka/district/18".into()),
    }
}

fn command() -> CommandEnvelope<AccountsCommand> {
    let id = CommandId::named("1");
    CommandEnvelope {
        id,
        correlation_id: id.0,
        causation_id: Some(CommandId::named("0").event(0).to_string()),
        reply_to: Some(ReplyTo {
            topic: "accounts.inbox".into(),
            partition: 1,
            key: None,
            command_id: None,
        }),
        not_after: Some(750_000_000_000),
        initiator: initiator(),
        data: release(),
    }
}

fn record(headers: Headers, value: Vec<u8>) -> Record {
    Record {
        partition: 0,
        offset: 5,
        timestamp_ms: 1,
        key: b"a".to_vec(),
        headers,
        value,
    }
}

fn of_type(ce_type: &str, value: &[u8]) -> Record {
    record(codec::headers(&"id", "accounts", ce_type, None), value.to_vec())
}

#[test]
fn a_command_reads_back_as_it_was_written() {
    let command = command();
    let record = of_type(command.data.ce_type(), &codec::encode(&command));
    let raw = RawCommand::read(&record).unwrap();
    let data = AccountsCommand::decode(raw.ce_type, raw.envelope.data.get()).unwrap();
    assert_eq!(data, command.data);
    let envelope = raw.envelope;
    assert_eq!(
        (envelope.id, envelope.correlation_id, envelope.causation_id),
        (command.id, command.correlation_id, command.causation_id)
    );
    assert_eq!(
        (envelope.reply_to, envelope.not_after, envelope.initiator),
        (command.reply_to, command.not_after, command.initiator)
    );
}

#[test]
fn what_a_command_leaves_out_is_absent() {
    let short = CommandEnvelope {
        causation_id: None,
        reply_to: None,
        not_after: None,
        ..command()
    };
    let value = serde_json::to_value(&short).unwrap();
    let names: Vec<&String> = value.as_object().unwrap().keys().collect();
    for absent in ["causation_id", "reply_to", "not_after"] {
        assert!(!names.iter().any(|name| *name == absent), "{absent}");
    }
    let read: CommandEnvelope<serde_json::Value> = codec::decode(&codec::encode(&short)).unwrap();
    assert_eq!(
        (read.causation_id, read.reply_to, read.not_after),
        (None, None, None)
    );
}

#[test]
fn an_event_reads_back_as_it_was_written_and_bears_its_commands_id() {
    let command_id = CommandId::named("1");
    let event = EventEnvelope {
        command_id,
        index: 1,
        of: 2,
        correlation_id: command_id.0,
        time: 725_846_400_000,
        origin: Position {
            topic: Cow::Borrowed("accounts.inbox"),
            partition: 1,
            offset: 42,
        },
        remembered: Some(Remembered {
            body_hash: BodyHash(u128::MAX - 1),
            not_after: 725_846_500_000,
        }),
        initiator: Some(initiator()),
        data: AccountsEvent::from(tributary_contracts::accounts::AccountUnblocked {
            account_id: AccountId::named("a"),
            seq: 3,
        }),
    };
    let record = of_type(event.data.ce_type(), &codec::encode(&event));
    assert_eq!(read_event::<AccountsEvent>(&record).unwrap(), event);
    assert_eq!(
        RawEvent::read(&record).unwrap().envelope.id().to_string(),
        format!("{command_id}:1")
    );
}

/// As it stands in logs already: reading it must never change.
#[test]
fn an_entry_that_was_written_in_the_first_version_is_read() {
    let value = br#"{"command_id":"00000000-0000-0000-0000-000000000001","index":0,"of":1,
        "correlation_id":"00000000-0000-0000-0000-000000000001","time":725846400000,
        "origin":{"topic":"accounts.inbox","partition":1,"offset":42},
        "data":{"account_id":"00000000-0000-0000-0000-0000000000aa","seq":2,"kind":"credit","currency":"CZK",
        "legs":[{"account":"00000000-0000-0000-0000-0000000000aa","side":"credit","amount":110000},
        {"account":"1010","side":"debit","amount":110000}],
        "booking_date":"1993-02-26","value_date":"1993-02-26","balance_after":110000}}"#;
    let event = read_event::<AccountsEvent>(&of_type("accounts.entry-posted.v1", value)).unwrap();
    let AccountsEvent::EntryPosted(entry) = event.data else {
        panic!("another event");
    };
    assert_eq!((entry.imbalance(), entry.movement()), (0, 110_000));
    assert!(!entry.forced && entry.details.is_empty() && entry.import.is_none());
}

#[test]
fn the_outcome_of_an_answer_stands_beside_its_command() {
    let answer = |outcome| {
        let command_id = CommandId::named("1");
        RuntimeMessage::from(Answer {
            command_id,
            outcome,
            result: None,
            by_follow_up: false,
        })
    };
    let refused = answer(Outcome::Refused {
        code: "ACCOUNT_UNKNOWN".to_owned(),
        detail: "no such account".to_owned(),
    });
    let accepted = answer(Outcome::Accepted { events: 2 });
    for (message, outcome) in [(refused, "refused"), (accepted, "accepted")] {
        let value = serde_json::to_value(&message).unwrap();
        assert_eq!(value["outcome"], outcome);
        assert_eq!(value["command_id"], CommandId::named("1").to_string());
        let read = RuntimeMessage::decode(message.ce_type(), &value.to_string()).unwrap();
        assert_eq!(read, message);
    }
}

#[test]
fn headers_hold_the_four_required_attributes_and_the_trace_where_there_is_one() {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let id = CommandId::named("1").event(4_000_000_000);
    let headers = codec::headers(&id, "accounts", "accounts.credit.v1", Some(trace));
    let id = id.to_string();
    assert_eq!(
        headers.iter().collect::<Vec<_>>(),
        [
            ("ce_specversion", &b"1.0"[..]),
            ("ce_id", id.as_bytes()),
            ("ce_source", b"accounts"),
            ("ce_type", b"accounts.credit.v1"),
            ("traceparent", trace.as_bytes()),
        ]
    );
    assert_eq!(codec::headers(&"x", "s", "t", None).get("traceparent"), None);
    let long = "x".repeat(100);
    assert_eq!(codec::headers(&long, "s", "t", None).text("ce_id"), Some(&*long));
}

#[test]
fn a_record_without_a_readable_type_is_of_no_type() {
    let mut unreadable = Headers::default();
    unreadable.push("ce_type", &[0xff]);
    for headers in [Headers::default(), unreadable] {
        let record = record(headers, codec::encode(&command()));
        let error = RawCommand::read(&record).unwrap_err();
        assert_eq!((error.code(), error), ("TYPE_MISSING", DecodeError::NoType));
        assert_eq!(RawEvent::read(&record).unwrap_err(), DecodeError::NoType);
    }
}

#[test]
fn another_version_of_a_known_type_is_told_from_a_type_that_nobody_knows() {
    for (ce_type, code) in [
        ("accounts.credit.v2", "SCHEMA_VERSION_UNSUPPORTED"),
        ("accounts.credit.v0", "SCHEMA_VERSION_UNSUPPORTED"),
        ("accounts.credits.v1", "TYPE_UNKNOWN"),
        ("accounts.credit", "TYPE_UNKNOWN"),
        ("", "TYPE_UNKNOWN"),
        // Known to others, not in an inbox.
        ("accounts.entry-posted.v1", "TYPE_UNKNOWN"),
    ] {
        let error = AccountsCommand::decode(ce_type, "{}").unwrap_err();
        assert_eq!(error.code(), code, "{ce_type}");
    }
}

#[test]
fn malformed_values_are_told_by_place_and_never_repeated() {
    let cases: [&[u8]; 5] = [
        b"",
        b"not JSON",
        br#"{"id":"#,
        br#"{"id":"SECRET"}"#,
        br#"[1,2,"SECRET"]"#,
    ];
    for value in cases {
        let error = RawCommand::read(&of_type("accounts.credit.v1", value)).unwrap_err();
        assert_eq!(error.code(), "MALFORMED");
        assert!(!error.to_string().contains("SECRET"), "{error}");
        assert!(error.to_string().contains("line 1 column"), "{error}");
    }
    let account = AccountId::named("a");
    for data in [
        format!(r#"{{"account_id":"{account}","hold_id":"SECRET"}}"#),
        format!(r#"{{"account_id":"{account}"}}"#),
        r#""SECRET""#.to_owned(),
    ] {
        let error = AccountsCommand::decode("accounts.release.v1", &data).unwrap_err();
        assert_eq!(error.code(), "MALFORMED");
        assert!(!error.to_string().contains("SECRET"), "{error}");
    }
}

#[test]
fn a_body_is_another_when_its_type_or_its_bytes_are() {
    let hash = BodyHash::of("accounts.credit.v1", b"{}");
    assert_eq!(hash, BodyHash::of("accounts.credit.v1", b"{}"));
    assert_ne!(hash, BodyHash::of("accounts.debit.v1", b"{}"));
    assert_ne!(hash, BodyHash::of("accounts.credit.v1", b"{ }"));
    // Where the type ends counts.
    assert_ne!(BodyHash::of("a", b"bc"), BodyHash::of("ab", b"c"));
    let raw = of_type("accounts.release.v1", &codec::encode(&command()));
    let raw = RawCommand::read(&raw).unwrap();
    let data = serde_json::to_string(&release()).unwrap();
    assert_eq!(
        raw.body_hash(),
        BodyHash::of("accounts.release.v1", data.as_bytes())
    );
}
