//! `bank dlq` on a real Kafka: what could not be handled is listed, shown, and sent once more.

use std::{process::Command, time::Duration};

use serde_json::json;
use tributary_contracts::{
    accounts::AccountsEvent,
    codec::CE_ID,
    record::{Outgoing, Record},
    topics::RECORD_BYTES_MAX,
};
use tributary_stream::StreamEvent;
use tributary_testkit::output_within;

use crate::{
    bad_input::{DEBIT, command, debit, raw},
    bank::{Bank, bank, refusal},
};

/// Most time of one command.
const COMMAND_WITHIN: Duration = Duration::from_secs(120);

/// `bank dlq` with these arguments: whether it went well, and what it said.
fn dlq(bank: &Bank, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bank"));
    command.args(["dlq", "--brokers", bank.brokers()]).args(arguments);
    let output = output_within(&mut command, COMMAND_WITHIN);
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.success(), text.concat())
}

/// Has a record refused for good; its dead letter.
fn letter(bank: &Bank, record: &Outgoing, code: &str) -> Record {
    let events = bank.answer(record);
    assert_eq!(refusal(&events), Some(code));
    let origin = &events[0].origin;
    let letters = bank.dead_letters();
    let of_origin = |letter: &&Record| {
        letter.headers.text("dlq_origin_partition") == Some(&origin.partition.to_string())
            && letter.headers.text("dlq_origin_offset") == Some(&origin.offset.to_string())
    };
    letters.iter().find(of_origin).unwrap().clone()
}

/// Where the retry says that the record went.
fn retried(text: &str) -> (i32, i64) {
    let position = text.strip_prefix("sent again: accounts.inbox ").unwrap().trim();
    let (partition, offset) = position.split_once('/').unwrap();
    (partition.parse().unwrap(), offset.parse().unwrap())
}

#[test]
fn a_letter_is_listed_and_shown_with_its_reason_and_does_not_steer_the_terminal() {
    let bank = bank();
    let account = bank.account("0").to_string();
    for (value, code) in [
        (b"{\x1b[2J".to_vec(), "MALFORMED"),
        (vec![b' '; RECORD_BYTES_MAX + 1], "RECORD_TOO_LARGE"),
    ] {
        let record = raw(&bank, &account, DEBIT, value);
        let letter = letter(&bank, &record, code);
        let (partition, offset) = (letter.partition.to_string(), letter.offset.to_string());
        let (success, text) = dlq(&bank, &["list"]);
        assert!(success, "{text}");
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("{partition}/{offset} ")));
        let line = line.unwrap_or_default();
        assert!(line.contains(code) && line.contains(DEBIT), "{text}");
        assert!(text.lines().last().unwrap().contains("in accounts.dlq"), "{text}");

        let (success, text) = dlq(&bank, &["show", &partition, &offset]);
        assert!(success, "{text}");
        let id = letter.headers.text(CE_ID).unwrap();
        for part in [code, id, &account] {
            assert!(text.contains(part), "{part} is not shown");
        }
        assert!(text.contains(&format!("{} bytes", record.value.len())));
        assert!(!text.contains('\u{1b}'));
    }
}

#[test]
fn a_letter_whose_cause_is_gone_is_sent_again_and_carried_out_once() {
    // given: a good debit that came in the wrong partition
    let bank = bank();
    let account = bank.account("50.00");
    let envelope = serde_json::to_vec(&command(&bank, &debit(account, &json!({})))).unwrap();
    let mut record = raw(&bank, &account.to_string(), DEBIT, envelope);
    record.partition = 1 - record.partition;
    let letter = letter(&bank, &record, "WRONG_PARTITION");
    let position = [letter.partition.to_string(), letter.offset.to_string()];
    let retry = ["retry", &position[0], &position[1]];

    // when: it is sent again, twice
    let (success, first) = dlq(&bank, &retry);
    assert!(success, "{first}");
    let (success, second) = dlq(&bank, &retry);
    assert!(success, "{second}");

    // then: it found its partition and was booked, and the second time only answered
    assert_eq!(retried(&first).0, 1 - record.partition);
    let booked = |text: &str| {
        let (partition, offset) = retried(text);
        let events = bank.await_events(|events| {
            let answers: Vec<_> = events
                .iter()
                .filter(|event| event.origin.partition == partition && event.origin.offset == offset)
                .cloned()
                .collect();
            (!answers.is_empty()).then_some(answers)
        });
        let entry = |data: &_| matches!(data, StreamEvent::Service(AccountsEvent::EntryPosted(_)));
        events.iter().filter(|event| entry(&event.data)).count()
    };
    assert_eq!((booked(&first), booked(&second)), (1, 0));
}

#[test]
fn a_letter_whose_cause_is_still_there_comes_back() {
    let bank = bank();
    let account = bank.account("0").to_string();
    let record = raw(&bank, &account, DEBIT, b"{".to_vec());
    let letter = letter(&bank, &record, "MALFORMED");
    let before = bank.dead_letters().len();
    let (success, text) = dlq(
        &bank,
        &["retry", &letter.partition.to_string(), &letter.offset.to_string()],
    );
    assert!(success, "{text}");
    let (partition, offset) = retried(&text);
    bank.await_events(|events| {
        events
            .iter()
            .any(|event| event.origin.partition == partition && event.origin.offset == offset)
            .then_some(())
    });
    let letters = bank.dead_letters();
    assert_eq!(letters.len(), before + 1);
    let again = letters
        .iter()
        .find(|letter| letter.headers.text("dlq_origin_offset") == Some(&offset.to_string()))
        .unwrap();
    assert_eq!(
        again.headers.text(CE_ID),
        letter.headers.text(CE_ID),
        "the same record"
    );
    assert_eq!(again.value, letter.value);
    // What the first death added is told once, and of the second.
    let codes = again
        .headers
        .iter()
        .filter(|(name, _)| *name == "dlq_code")
        .count();
    assert_eq!(codes, 1);
}

#[test]
fn what_is_not_there_is_said() {
    let bank = bank();
    for (arguments, said) in [
        (
            &["show", "0", "999999"][..],
            "there is no dead letter at 0/999999 of accounts.dlq",
        ),
        (
            &["retry", "7", "0"],
            "there is no dead letter at 7/0 of accounts.dlq",
        ),
        (&["list", "--service", "nobody"], "there is no topic nobody.dlq"),
    ] {
        let (success, text) = dlq(&bank, arguments);
        assert!(!success && text.contains(said), "{text}");
    }
}
