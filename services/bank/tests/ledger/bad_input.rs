//! What can't be booked is refused with a stable code, and leaves no trace in the books.

use serde_json::{Value, json};
use tributary_contracts::{
    codec,
    partition::partition_of,
    record::Outgoing,
    topics::{ACCOUNTS_INBOX, LOCAL_PARTITIONS, RECORD_BYTES_MAX},
};
use tributary_ids::{AccountId, CommandId};

use crate::bank::{Bank, bank, now_ms, refusal};

/// A record as a client in any language might write it.
pub(crate) fn raw(bank: &Bank, key: &str, ce_type: &str, value: Vec<u8>) -> Outgoing {
    let id = CommandId::named(&bank.unique("raw"));
    Outgoing {
        topic: ACCOUNTS_INBOX.name,
        partition: partition_of(key.as_bytes(), LOCAL_PARTITIONS).unwrap(),
        key: key.as_bytes().to_vec(),
        headers: codec::headers(&id, "test", ce_type, None),
        value,
    }
}

pub(crate) fn command(bank: &Bank, data: &Value) -> Value {
    let id = CommandId::named(&bank.unique("command"));
    json!({
        "id": id, "correlation_id": id, "not_after": now_ms() + 60_000,
        "initiator": {"actor": "teller/1", "channel": "branch"}, "data": data,
    })
}

pub(crate) fn debit(account: AccountId, changed: &Value) -> Value {
    let mut data = json!({
        "account_id": account, "amount": "10.00", "currency": "CZK", "contra": "1010", "booking_date": "2026-01-05",
    });
    for (field, value) in changed.as_object().unwrap() {
        data[field] = value.clone();
    }
    data
}

fn code_of(bank: &Bank, account: AccountId, ce_type: &str, envelope: &Value) -> Option<String> {
    let record = raw(
        bank,
        &account.to_string(),
        ce_type,
        serde_json::to_vec(envelope).unwrap(),
    );
    refusal(&bank.answer(&record)).map(str::to_owned)
}

pub(crate) const DEBIT: &str = "accounts.debit.v1";

#[test]
fn each_kind_of_bad_posting_has_its_code_and_no_effect() {
    let bank = bank();
    let account = bank.account("50.00");
    for (changed, code) in [
        (json!({"currency": "EUR"}), "CURRENCY_MISMATCH"),
        (json!({"amount": "10.001"}), "AMOUNT_TOO_MANY_DECIMALS"),
        (json!({"amount": "ten"}), "AMOUNT_NOT_A_NUMBER"),
        (json!({"amount": "0"}), "AMOUNT_NOT_POSITIVE"),
        (json!({"amount": "-1"}), "AMOUNT_NOT_POSITIVE"),
        (json!({"amount": "99999999999999999999"}), "AMOUNT_OVERFLOW"),
        (json!({"amount": "50.01"}), "INSUFFICIENT_FUNDS"),
        (json!({"contra": "2100"}), "CONTRA_NOT_ALLOWED"),
        (json!({"contra": "9999"}), "MALFORMED"),
        (json!({"currency": "XXX"}), "MALFORMED"),
        (json!({"amount": 10}), "MALFORMED"),
    ] {
        let envelope = command(&bank, &debit(account, &changed));
        assert_eq!(
            code_of(&bank, account, DEBIT, &envelope).as_deref(),
            Some(code),
            "{changed}"
        );
    }
    let unknown = AccountId::named(&bank.unique("nobody"));
    let envelope = command(&bank, &debit(unknown, &json!({})));
    assert_eq!(
        code_of(&bank, unknown, DEBIT, &envelope).as_deref(),
        Some("ACCOUNT_UNKNOWN")
    );

    // The whole balance can still be debited: nothing of the above took any of it.
    let envelope = command(&bank, &debit(account, &json!({"amount": "50.00"})));
    assert_eq!(code_of(&bank, account, DEBIT, &envelope), None);
}

#[test]
fn a_record_that_is_no_command_goes_to_the_dead_letters_with_its_reason() {
    let bank = bank();
    let account = bank.account("0");
    let key = account.to_string();
    let good = serde_json::to_vec(&command(&bank, &debit(account, &json!({})))).unwrap();
    for (ce_type, value, code) in [
        (DEBIT, b"{".to_vec(), "MALFORMED"),
        (DEBIT, Vec::new(), "MALFORMED"),
        (DEBIT, b"\xff\xfe".to_vec(), "MALFORMED"),
        ("accounts.debit.v0", good.clone(), "SCHEMA_VERSION_UNSUPPORTED"),
        ("accounts.debit.v9", good.clone(), "SCHEMA_VERSION_UNSUPPORTED"),
        ("accounts.steal.v1", good.clone(), "TYPE_UNKNOWN"),
        (DEBIT, vec![b' '; RECORD_BYTES_MAX + 1], "RECORD_TOO_LARGE"),
    ] {
        let before = bank.dead_letters().len();
        let events = bank.answer(&raw(&bank, &key, ce_type, value.clone()));
        assert_eq!(refusal(&events), Some(code), "{ce_type}");
        let letters = bank.dead_letters();
        assert_eq!(letters.len(), before + 1, "{code}");
        let origin = &events[0].origin;
        let letter = letters
            .iter()
            .find(|letter| {
                letter.partition == origin.partition
                    && letter.headers.text("dlq_origin_offset") == Some(&origin.offset.to_string())
            })
            .unwrap();
        assert_eq!(
            (&letter.value, letter.headers.text("dlq_code")),
            (&value, Some(code))
        );
    }
}

#[test]
fn a_record_in_the_wrong_partition_is_not_handled_there() {
    let bank = bank();
    let account = bank.account("50.00");
    let envelope = serde_json::to_vec(&command(&bank, &debit(account, &json!({})))).unwrap();
    let mut record = raw(&bank, &account.to_string(), DEBIT, envelope);
    record.partition = 1 - record.partition;
    assert_eq!(refusal(&bank.answer(&record)), Some("WRONG_PARTITION"));
}

#[test]
fn a_command_says_how_long_it_is_worth_something_and_not_for_too_long() {
    let bank = bank();
    let account = bank.account("50.00");
    for (not_after, code) in [
        (json!(now_ms() - 5_000), "COMMAND_EXPIRED"),
        (json!(now_ms() + 3_600_000), "TTL_TOO_LONG"),
        (Value::Null, "NOT_AFTER_MISSING"),
    ] {
        let mut envelope = command(&bank, &debit(account, &json!({})));
        envelope["not_after"] = not_after;
        assert_eq!(code_of(&bank, account, DEBIT, &envelope).as_deref(), Some(code));
    }
}

#[test]
fn an_answer_goes_only_where_answers_are_taken() {
    let bank = bank();
    let account = bank.account("50.00");
    for reply_to in [
        json!({"topic": "accounts.events", "partition": 0}),
        json!({"topic": "elsewhere", "partition": 0}),
        json!({"topic": "accounts.inbox", "partition": 99}),
    ] {
        let mut envelope = command(&bank, &debit(account, &json!({})));
        envelope["reply_to"] = reply_to;
        assert_eq!(
            code_of(&bank, account, DEBIT, &envelope).as_deref(),
            Some("REPLY_ADDRESS_UNKNOWN")
        );
    }
}
