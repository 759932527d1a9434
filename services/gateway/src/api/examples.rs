//! One payment and what belongs to it, as the OpenAPI document shows requests and answers.

use serde_json::{Value, json};

const ANN: &str = "0f1a3c52-0f3e-4a11-8f7f-1f0b0d2c9a01";
const DEBTOR: &str = "22ea29ca-7b14-5576-9515-80955eb5ad60";
const CREDITOR: &str = "dcf7fdf0-7432-5a82-953d-0e26b08ec7f5";
const PAYMENT: &str = "bc35d03f-b424-5e5f-9bf4-21c2b875d32f";
const ORDER: &str = "335259ca-b001-5ed8-ac52-df61637324f4";
const COMMAND: &str = "9a8a00ce-44ac-568a-8ca4-0ad9a1d4794c";
const WISH: &str = "a2c98350-9bd8-5457-8a60-95d0c2251bbb";

fn at(topic: &str, offset: u64) -> Value {
    json!({"topic": topic, "partition": 1, "offset": offset})
}

pub(crate) fn new_account() -> Value {
    json!({
        "owner": ANN, "product": "current", "currency": "CZK", "overdraft_limit": "0", "opening_balance": "1000.00",
    })
}

pub(crate) fn account() -> Value {
    json!({
        "account_id": DEBTOR, "owner": ANN, "product": "current", "currency": "CZK", "status": "open",
        "overdraft_limit": "0.00",
        "balances": {"posted": "985.40", "pending_in": "0.00", "pending_out": "0.00", "available": "985.40"},
        "opened_on": "2026-11-26", "position": at("accounts.events", 107), "as_of": [at("accounts.events", 108)],
    })
}

pub(crate) fn statement() -> Value {
    let entry = json!({
        "seq": 3, "entry_id": "7c3f6484-9ba1-5613-b7d3-b47813f98f17:0", "kind": "transfer-out", "amount": "-14.60",
        "currency": "CZK", "balance_after": "985.40", "booking_date": "2026-11-26", "value_date": "2026-11-26",
        "recorded_at": "2026-11-26T01:47:08.495Z", "forced": false, "payment_id": PAYMENT, "counterparty": CREDITOR,
        "position": at("accounts.events", 107), "command_position": at("accounts.inbox", 93),
    });
    json!({"entries": [entry], "next_cursor": "statement.newest.3", "as_of": [at("accounts.events", 108)]})
}

pub(crate) fn new_payment() -> Value {
    json!({
        "customer": ANN, "debtor": DEBTOR, "creditor": CREDITOR, "amount": "14.60", "currency": "CZK",
        "remittance": "rent for May",
    })
}

pub(crate) fn payment() -> Value {
    json!({
        "payment_id": PAYMENT, "kind": "internal-transfer", "customer": ANN, "debtor": DEBTOR, "creditor": CREDITOR,
        "amount": "14.60", "currency": "CZK", "booking_date": "2026-11-26",
        "remittance": {"state": "readable", "text": "rent for May"}, "state": "completed",
        "fraud": {"decision": "approve", "reasons": [], "rules": "amount-limit.v1"},
        "case_opened": false, "refunded": "0.00", "correlation_id": WISH,
        "initiated_at": "2026-11-26T01:47:08.107Z", "ended_at": "2026-11-26T01:47:08.810Z",
        "position": at("payments.events", 7),
    })
}

pub(crate) fn payment_page() -> Value {
    json!({
        "payments": [payment()], "next_cursor": format!("account.1795657628107.{PAYMENT}"),
        "as_of": [at("payments.events", 11)],
    })
}

pub(crate) fn timeline() -> Value {
    let event = json!({
        "type": "payments.payment-completed.v1", "event_id": "7c3f6484-9ba1-5613-b7d3-b47813f98f17:0",
        "recorded_at": "2026-11-26T01:47:08.810Z", "position": at("payments.events", 7),
        "command_position": at("payments.inbox", 5),
        "data": {"payment_id": PAYMENT, "progress": {"ended": {"step": "settle", "verdict": "done"}}},
    });
    json!({"payment_id": PAYMENT, "correlation_id": WISH, "events": [event], "truncated": false})
}

pub(crate) fn new_refund() -> Value {
    json!({"amount": "14.60", "currency": "CZK", "reason": "DUPL"})
}

pub(crate) fn new_review() -> Value {
    json!({"decision": "approve", "reason": "customer-confirmed"})
}

pub(crate) fn new_standing_order() -> Value {
    json!({
        "customer": ANN, "debtor": DEBTOR, "creditor": CREDITOR, "amount": "250.00", "currency": "CZK",
        "frequency": "monthly", "day_of_month": 31, "start_date": "2027-01-16", "end_date": "2027-12-31",
        "business_day_convention": "modified-following",
    })
}

pub(crate) fn amendment() -> Value {
    json!({"amount": "275.00", "end_date": null})
}

pub(crate) fn standing_order() -> Value {
    let paid = json!({
        "occurrence": 1, "payment_id": PAYMENT, "amount": "250.00", "execution_date": "2027-01-29", "state": "completed",
    });
    json!({
        "standing_order_id": ORDER, "customer": ANN, "debtor": DEBTOR, "creditor": CREDITOR, "amount": "250.00",
        "currency": "CZK", "frequency": "monthly", "day_of_month": 31, "start_date": "2027-01-16",
        "end_date": "2027-12-31", "business_day_convention": "modified-following", "state": "active", "executed": 1,
        "next_execution_date": "2027-02-26", "next_due_at": "2027-02-26T14:00:00.000Z", "payments": [paid],
        "correlation_id": WISH, "created_at": "2026-11-26T01:50:12.002Z", "position": at("payments.events", 21),
    })
}

pub(crate) fn standing_order_page() -> Value {
    let mut order = standing_order();
    if let Some(fields) = order.as_object_mut() {
        fields.remove("payments");
    }
    json!({
        "standing_orders": [order], "next_cursor": format!("standing-orders.1795657812002.{ORDER}"),
        "as_of": [at("payments.events", 21)],
    })
}

pub(crate) fn acknowledged() -> Value {
    let status = format!("/v1/commands/{COMMAND}");
    let resource = format!("/v1/payments/{PAYMENT}");
    json!({"command_id": COMMAND, "status": status, "resource": resource, "position": at("payments.inbox", 5)})
}

pub(crate) fn command_status() -> Value {
    json!({
        "command_id": COMMAND, "status": "accepted", "resource": format!("/v1/payments/{PAYMENT}"),
        "payment_state": "completed", "position": at("payments.events", 7),
    })
}

pub(crate) fn health() -> Value {
    json!({"status": "up"})
}

pub(crate) fn problem() -> Value {
    json!({
        "type": "/docs/errors.md#currency_mismatch", "title": "The command was refused", "status": 422,
        "code": "CURRENCY_MISMATCH", "detail": "the account is of another currency",
        "position": at("payments.events", 11),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::de::DeserializeOwned;

    use super::*;
    use crate::api::{accounts, payments, standing_orders};

    fn document() -> Value {
        serde_json::from_str(&crate::document().unwrap()).unwrap()
    }

    fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
        match schema["$ref"].as_str() {
            Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
            None => schema,
        }
    }

    /// An example has every field that is required and none that isn't known, all the way down.
    fn check(document: &Value, schema: &Value, example: &Value, place: &str) {
        let schema = resolved(document, schema);
        let of_option = schema["oneOf"]
            .as_array()
            .and_then(|schemas| schemas.iter().find(|schema| schema["$ref"].is_string()));
        if let Some(schema) = of_option {
            return check(document, schema, example, place);
        }
        if let Some(allowed) = schema["enum"].as_array() {
            assert!(allowed.contains(example), "{place}: {example}");
        }
        match example {
            Value::Object(fields) if schema["properties"].is_object() => {
                let properties = schema["properties"].as_object().unwrap();
                for required in schema["required"].as_array().into_iter().flatten() {
                    assert!(
                        fields.contains_key(required.as_str().unwrap()),
                        "{place}: {required}"
                    );
                }
                for (name, value) in fields {
                    let place = format!("{place}.{name}");
                    let property = properties
                        .get(name)
                        .unwrap_or_else(|| panic!("{place} is unknown"));
                    check(document, property, value, &place);
                }
            }
            Value::Array(items) => {
                for item in items {
                    check(document, &schema["items"], item, place);
                }
            }
            _ => {
                let kind = match example {
                    Value::Null => "null",
                    Value::Bool(_) => "boolean",
                    Value::Number(_) => "integer",
                    Value::String(_) => "string",
                    Value::Object(_) | Value::Array(_) => "object",
                };
                let of_schema = &schema["type"];
                let fits = of_schema == kind
                    || of_schema
                        .as_array()
                        .is_some_and(|kinds| kinds.contains(&json!(kind)))
                    || of_schema.is_null();
                assert!(fits, "{place}: {example} is no {of_schema}");
            }
        }
    }

    #[test]
    fn every_body_has_an_example_that_fits_it() {
        let document = document();
        let mut seen = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let answers = operation["responses"].as_object().unwrap();
                let bodies = answers.values().chain([&operation["requestBody"]]);
                let contents = bodies.filter_map(|body| body["content"].as_object()).flatten();
                for (kind, content) in contents.filter(|(kind, _)| kind.ends_with("json")) {
                    let place = format!("{method} {path} {kind}");
                    let schema = resolved(&document, &content["schema"]);
                    let examples = schema["examples"].as_array();
                    let example = examples.and_then(|examples| examples.first());
                    let example = example.unwrap_or_else(|| panic!("{place} has no example"));
                    check(&document, schema, example, &place);
                    seen.insert(content["schema"]["$ref"].to_string());
                }
            }
        }
        assert_eq!(seen.len(), 17, "{seen:?}");
    }

    #[test]
    fn every_example_of_a_request_is_taken() {
        fn taken<T: DeserializeOwned>(example: Value) {
            serde_json::from_value::<T>(example).map(drop).unwrap();
        }
        taken::<accounts::NewAccount>(new_account());
        taken::<payments::NewPayment>(new_payment());
        taken::<payments::NewRefund>(new_refund());
        taken::<payments::NewReview>(new_review());
        taken::<standing_orders::NewStandingOrder>(new_standing_order());
        taken::<standing_orders::Amendment>(amendment());
    }
}
