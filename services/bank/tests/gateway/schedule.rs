use serde_json::{Value, json};

use crate::bank::{Client, OWNER, key, payment, until};

/// So many days from now.
#[expect(clippy::disallowed_methods, reason = "the bank refuses days that have passed")]
fn in_days(days: u64) -> String {
    (chrono::Utc::now().date_naive() + chrono::Days::new(days)).to_string()
}

fn with(mut body: Value, more: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    body
}

#[test]
fn a_payment_of_a_later_day_is_scheduled_shown_and_cancelled() {
    let client = Client::of_bank();
    let (debtor, creditor) = (client.account("100.00"), client.account("0"));
    let body = with(
        payment(&debtor, &creditor, "14.60"),
        json!({"execution_date": in_days(30), "business_day_convention": "modified-following",
            "remittance": "rent for May"}),
    );
    let key_of_it = key();
    let scheduled = client.post("/v1/payments", &key_of_it, &body).expect(201);
    assert_eq!(scheduled.text("state"), "scheduled");
    let readable = json!({"state": "readable", "text": "rent for May"});
    assert_eq!(scheduled.body["remittance"], readable);
    assert_eq!(scheduled.text("booking_date"), scheduled.text("execution_date"));
    assert!(
        scheduled
            .text("due_at")
            .starts_with(scheduled.text("execution_date"))
    );
    let again = client.post("/v1/payments", &key_of_it, &body).expect(200);
    assert_eq!(again.body, scheduled.body);
    let address = format!("/v1/payments/{}", scheduled.text("payment_id"));
    let shown = client.get_after(&scheduled, &address).expect(200);
    assert_eq!(shown.body, scheduled.body);
    let queue = client.get("/v1/payments?state=scheduled&limit=200").expect(200);
    let waiting = queue.body["payments"].as_array().unwrap();
    let listed = waiting
        .iter()
        .find(|waits| waits["payment_id"] == shown.body["payment_id"]);
    assert_eq!(listed.unwrap()["remittance"], readable);
    let another = with(body.clone(), json!({"remittance": "rent for June"}));
    let refused = client.post("/v1/payments", &key_of_it, &another).expect(422);
    assert_eq!(refused.code(), "COMMAND_ID_REUSED");
    assert_eq!(client.posted(&debtor), "100.00");

    let cancelled = client.delete(&address, &key()).expect(200);
    assert_eq!(cancelled.text("state"), "cancelled");
    assert_eq!(cancelled.body["remittance"], readable);
    assert!(cancelled.body["ended_at"].is_string());
    client.delete(&address, &key()).expect(200);
    let again = client.post("/v1/payments", &key_of_it, &body).expect(200);
    assert_eq!(again.text("state"), "cancelled");
}

#[test]
fn what_can_not_be_scheduled_says_why() {
    let client = Client::of_bank();
    let (debtor, creditor) = (client.account("100.00"), client.account("0"));
    let dated = |more: Value| {
        let body = with(payment(&debtor, &creditor, "1"), more);
        let refused = client.post("/v1/payments", &key(), &body).expect(422);
        refused.code().to_owned()
    };
    assert_eq!(
        dated(json!({"execution_date": "2001-01-01"})),
        "EXECUTION_DATE_PAST"
    );
    assert_eq!(
        dated(json!({"execution_date": in_days(400)})),
        "EXECUTION_DATE_TOO_FAR"
    );
    assert_eq!(
        dated(json!({"execution_date": in_days(20), "currency": "USD"})),
        "CALENDAR_UNKNOWN"
    );
    assert_eq!(
        dated(json!({"execution_date": in_days(20), "booking_date": in_days(20)})),
        "FIELD_MALFORMED"
    );
    let paid = client
        .post("/v1/payments", &key(), &payment(&debtor, &creditor, "1"))
        .expect(201);
    let address = format!("/v1/payments/{}", paid.text("payment_id"));
    until("the payment", || {
        (client.get(&address).status == 200).then_some(())
    });
    let late = client.delete(&address, &key()).expect(422);
    assert_eq!(late.code(), "NOT_SCHEDULED");
    let unknown = client
        .delete("/v1/payments/5c0f9a63-7d0b-5a43-9f0e-6b1d2f64a7c1", &key())
        .expect(404);
    assert_eq!(unknown.code(), "PAYMENT_UNKNOWN");
}

#[test]
fn a_standing_order_is_created_amended_listed_and_cancelled() {
    let client = Client::of_bank();
    let (debtor, creditor) = (client.account("100.00"), client.account("0"));
    let body = json!({
        "customer": OWNER, "debtor": debtor, "creditor": creditor, "amount": "25", "currency": "CZK",
        "frequency": "monthly", "day_of_month": 31, "start_date": in_days(10), "times": 12,
        "remittance": "gym",
    });
    let readable = json!({"state": "readable", "text": "gym"});
    let key_of_it = key();
    let created = client.post("/v1/standing-orders", &key_of_it, &body).expect(201);
    assert_eq!(created.text("state"), "active");
    assert_eq!(created.text("amount"), "25.00");
    assert_eq!(created.body["times"], 12);
    assert_eq!(created.body["payments"], json!([]));
    assert_eq!(created.body["remittance"], readable);
    assert!(
        created
            .text("next_due_at")
            .starts_with(created.text("next_execution_date"))
    );
    let address = format!("/v1/standing-orders/{}", created.text("standing_order_id"));
    assert_eq!(created.header("location"), address);
    let again = client.post("/v1/standing-orders", &key_of_it, &body).expect(200);
    assert_eq!(again.body, created.body);
    let other = with(body.clone(), json!({"amount": "26"}));
    let refused = client.post("/v1/standing-orders", &key_of_it, &other).expect(422);
    assert_eq!(refused.code(), "COMMAND_ID_REUSED");

    let amendment = json!({"amount": "27.50", "times": null});
    let amended = client.patch(&address, &key(), &amendment).expect(200);
    assert_eq!(amended.text("amount"), "27.50");
    assert_eq!(amended.body["remittance"], readable);
    assert!(amended.body.get("times").is_none(), "{amended:?}");
    let refused = client.patch(&address, &key(), &json!({})).expect(422);
    assert_eq!(refused.code(), "AMENDMENT_EMPTY");
    let both = json!({"end_date": in_days(90), "times": 1});
    assert_eq!(
        client.patch(&address, &key(), &both).expect(422).code(),
        "FIELD_MALFORMED"
    );

    let list = client
        .get_after(&amended, &format!("/v1/accounts/{debtor}/standing-orders"))
        .expect(200);
    assert_eq!(list.body["standing_orders"].as_array().unwrap().len(), 1);
    assert_eq!(list.body["standing_orders"][0]["amount"], "27.50");
    assert_eq!(list.body["standing_orders"][0]["remittance"], readable);

    let sent = client.delete_without_waiting(&address, &key()).expect(202);
    let status = client.get_after(&sent, sent.text("status")).expect(200);
    assert_eq!(
        (status.text("status"), status.text("resource")),
        ("accepted", address.as_str())
    );
    let shown = client.get(&address).expect(200);
    assert_eq!(shown.text("state"), "cancelled");
    assert_eq!(shown.body["remittance"], readable);
    assert!(shown.body.get("next_due_at").is_none(), "{shown:?}");
    let late = client
        .patch(&address, &key(), &json!({"amount": "1"}))
        .expect(422);
    assert_eq!(late.code(), "ORDER_ENDED");
    let unknown = client
        .get("/v1/standing-orders/5c0f9a63-7d0b-5a43-9f0e-6b1d2f64a7c1")
        .expect(404);
    assert_eq!(unknown.code(), "ORDER_UNKNOWN");
}

#[test]
fn what_can_not_be_an_order_says_why() {
    let client = Client::of_bank();
    let (debtor, creditor) = (client.account("100.00"), client.account("0"));
    let body = json!({
        "customer": OWNER, "debtor": debtor, "creditor": creditor, "amount": "25", "currency": "CZK",
        "frequency": "weekly", "start_date": in_days(10),
    });
    for (more, code) in [
        (json!({"day_of_month": 5}), "FIELD_MALFORMED"),
        (json!({"end_date": in_days(60), "times": 2}), "FIELD_MALFORMED"),
        (json!({"end_date": in_days(9)}), "ORDER_EMPTY"),
        (
            json!({"frequency": "monthly", "day_of_month": 32}),
            "DAY_OF_MONTH_INVALID",
        ),
        (json!({"amount": "0"}), "AMOUNT_NOT_POSITIVE"),
        (json!({"remittance": " "}), "FIELD_EMPTY"),
        (json!({"remittance": "x".repeat(141)}), "FIELD_TOO_LONG"),
        (json!({"remittance": "a\nb"}), "FIELD_MALFORMED"),
        (json!({"creditor": debtor}), "TRANSFER_TO_SELF"),
    ] {
        let refused = client
            .post("/v1/standing-orders", &key(), &with(body.clone(), more))
            .expect(422);
        assert_eq!(refused.code(), code);
    }
}
