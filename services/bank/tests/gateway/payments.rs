use serde_json::json;

use crate::bank::{Client, key, payment, until};

#[test]
fn a_payment_is_answered_with_its_end_and_a_retry_with_the_same() {
    let client = Client::of_bank();
    let (debtor, creditor) = (client.account("1000.00"), client.account("0"));
    let key = key();
    let paid = client
        .post("/v1/payments", &key, &payment(&debtor, &creditor, "14.60"))
        .expect(201);
    assert_eq!(paid.text("state"), "completed");
    assert_eq!(paid.text("amount"), "14.60");
    let address = format!("/v1/payments/{}", paid.text("payment_id"));
    assert_eq!(paid.header("location"), address);

    // Written another way it is the same wish.
    for amount in ["14.60", "14.6"] {
        let again = client
            .post("/v1/payments", &key, &payment(&debtor, &creditor, amount))
            .expect(200);
        assert_eq!(again.body, paid.body);
    }
    let other = client
        .post("/v1/payments", &key, &payment(&debtor, &creditor, "14.61"))
        .expect(422);
    assert_eq!(other.code(), "COMMAND_ID_REUSED");

    let shown = client.get_after(&paid, &address).expect(200);
    assert_eq!(shown.body, paid.body);
    assert_eq!(shown.header("x-position"), paid.position());

    let timeline = until("the timeline's end", || {
        let timeline = client.get(&format!("{address}/timeline")).expect(200);
        let events = timeline.body["events"].as_array().unwrap().clone();
        let has = |kind: &str| events.iter().any(|event| event["type"] == kind);
        let whole = has("payments.payment-completed.v1")
            && has("fraud.payment-decided.v1")
            && events
                .iter()
                .filter(|event| event["type"] == "accounts.entry-posted.v1")
                .count()
                == 2;
        whole.then_some(events)
    });
    for event in &timeline {
        assert!(event["position"]["offset"].is_i64(), "{event}");
        assert!(
            event["command_position"]["topic"]
                .as_str()
                .unwrap()
                .ends_with(".inbox"),
            "{event}"
        );
    }

    // The ledger's rows, whose last event of the payment stands in the timeline.
    let entry = timeline
        .iter()
        .rfind(|event| event["type"] == "accounts.entry-posted.v1")
        .unwrap();
    assert_eq!(entry["data"]["account_id"], creditor.as_str());
    let position = format!(
        "accounts.events/{}@{}",
        entry["position"]["partition"], entry["position"]["offset"]
    );
    let credited = client
        .get_with(&format!("/v1/accounts/{creditor}"), &[("X-Wait-For", &position)])
        .expect(200);
    assert_eq!(credited.body["balances"]["available"], "14.60");
    until("the debit", || (client.posted(&debtor) == "985.40").then_some(()));
}

#[test]
fn an_acknowledged_command_can_be_waited_for() {
    let client = Client::of_bank();
    let (debtor, creditor) = (client.account("100.00"), client.account("0"));
    let sent = client
        .send("/v1/payments", &key(), &payment(&debtor, &creditor, "1.00"))
        .expect(202);
    let status = sent.header("location").to_owned();
    assert_eq!(sent.text("status"), status);
    // The position is the command's; the read model is waited for until it has taken in what answers it.
    let known = client.get_after(&sent, &status).expect(200);
    assert_eq!(known.text("status"), "accepted", "{known:?}");
    assert_eq!(known.text("resource"), sent.text("resource"));
    until("the payment's end", || {
        let known = client.get(&status).expect(200);
        (known.text("payment_state") == "completed").then_some(())
    });
    let unknown = client
        .get("/v1/commands/00000000-0000-4000-8000-000000000000")
        .expect(200);
    assert_eq!(unknown.text("status"), "unknown");
}

#[test]
fn the_same_wish_many_times_at_once_is_one_payment() {
    let client = Client::of_bank();
    let (debtor, creditor) = (client.account("100.00"), client.account("0"));
    let (key, body) = (key(), payment(&debtor, &creditor, "10.00"));
    let answers: Vec<_> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| client.post("/v1/payments", &key, &body)))
            .collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    for answer in &answers {
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        assert_eq!(answer.body, answers[0].body);
    }
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    until("the debit", || (client.posted(&debtor) == "90.00").then_some(()));
    let statement = client
        .get(&format!("/v1/accounts/{debtor}/statement"))
        .expect(200);
    assert_eq!(
        statement.body["entries"].as_array().unwrap().len(),
        2,
        "{statement:?}"
    );
}

#[test]
fn a_payment_that_can_not_be_is_rejected_and_says_why() {
    let client = Client::of_bank();
    let (debtor, creditor) = (client.account("10.00"), client.account("0"));
    let nobody = "00000000-0000-4000-8000-000000000001";
    for (debtor, creditor, amount, state, code) in [
        (
            debtor.as_str(),
            creditor.as_str(),
            "10.01",
            "rejected",
            "INSUFFICIENT_FUNDS",
        ),
        (nobody, creditor.as_str(), "1.00", "rejected", "ACCOUNT_UNKNOWN"),
        (debtor.as_str(), nobody, "1.00", "returned", "ACCOUNT_UNKNOWN"),
    ] {
        let key = key();
        let body = payment(debtor, creditor, amount);
        let ended = client.post("/v1/payments", &key, &body).expect(201);
        assert_eq!((ended.text("state"), ended.text("code")), (state, code));
        let again = client.post("/v1/payments", &key, &body).expect(200);
        // Its position may have moved on: an answer that nobody waits for any more still leaves an event.
        for field in ["payment_id", "state", "code", "ended_at"] {
            assert_eq!(again.text(field), ended.text(field), "{field}");
        }
    }
    until("the return", || (client.posted(&debtor) == "10.00").then_some(()));
}

#[test]
fn a_payment_that_needs_a_person_waits_and_goes_on_and_is_paid_back() {
    let client = Client::of_bank();
    let (debtor, creditor) = (client.account("50000.00"), client.account("0"));
    let (wish, body) = (key(), payment(&debtor, &creditor, "10000.01"));
    let headers = [("Idempotency-Key", wish.as_str()), ("Prefer", "wait=1")];
    let waiting = client.post_with("/v1/payments", &headers, &body).expect(202);
    assert_eq!(waiting.header("preference-applied"), "wait=1");
    let address = waiting.text("resource").to_owned();
    let id = address.rsplit('/').next().unwrap().to_owned();
    until("the review queue", || {
        let queue = client.get("/v1/payments?state=in-review&limit=200").expect(200);
        let queue = queue.body["payments"].as_array().unwrap().clone();
        queue
            .iter()
            .any(|payment| payment["payment_id"] == id.as_str())
            .then_some(())
    });

    let not = client
        .post(&format!("{address}/resume"), &key(), &json!({}))
        .expect(422);
    assert_eq!(not.code(), "NOT_QUARANTINED");
    let refund = json!({"amount": "1.00", "currency": "CZK", "reason": "DUPL"});
    let not = client
        .post(&format!("{address}/refunds"), &key(), &refund)
        .expect(422);
    assert_eq!(not.code(), "NOT_COMPLETED");

    let (review, body) = (
        key(),
        json!({"decision": "approve", "reason": "customer-confirmed"}),
    );
    let path = format!("{address}/review");
    let decided = client.post(&path, &review, &body).expect(200);
    assert_eq!(decided.text("review_decision"), "approve");
    client.post(&path, &review, &body).expect(200);
    let late = client.post(&path, &key(), &body).expect(422);
    assert_eq!(late.code(), "REVIEW_NOT_AWAITED");
    // A command about a payment has a status of its own.
    let sent = client.send(&path, &review, &body).expect(202);
    let known = client.get_after(&sent, sent.header("location")).expect(200);
    assert_eq!(known.text("status"), "accepted", "{known:?}");

    until("the payment's end", || {
        let shown = client.get(&address).expect(200);
        (shown.text("state") == "completed").then_some(())
    });
    let (wish, body) = (
        key(),
        json!({"amount": "10000.00", "currency": "CZK", "reason": "DUPL"}),
    );
    let path = format!("{address}/refunds");
    let refund = client.post(&path, &wish, &body);
    // A refund of that much waits for an analyst as well.
    let refund = match refund.status {
        202 => panic!("a refund is not assessed: {refund:?}"),
        _ => refund.expect(201),
    };
    assert_eq!(
        (refund.text("kind"), refund.text("state")),
        ("refund", "completed")
    );
    assert_eq!(refund.text("refunds"), id);
    assert_eq!(client.post(&path, &wish, &body).expect(200).body, refund.body);
    let more = client.post(&path, &key(), &body).expect(422);
    assert_eq!(more.code(), "REFUND_EXCEEDS_PAYMENT");
    // An event of the original's, which may stand in another partition than the refund's.
    until("the original to show its refund", || {
        let original = client.get(&address).expect(200);
        (original.body["refunded"] == "10000.00").then_some(())
    });
}

#[test]
fn lists_are_read_page_by_page() {
    let client = Client::of_bank();
    let (debtor, creditor) = (client.account("100.00"), client.account("0"));
    let mut paid = Vec::new();
    for _ in 0..5 {
        let answer = client
            .post("/v1/payments", &key(), &payment(&debtor, &creditor, "1.00"))
            .expect(201);
        let id = answer.text("payment_id").to_owned();
        client
            .get_after(&answer, &format!("/v1/payments/{id}"))
            .expect(200);
        paid.push(id);
    }
    until("the last debit", || {
        (client.posted(&debtor) == "95.00").then_some(())
    });
    let pages = |path: &str, list: &str, field: &str| {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = client.get(&format!("{path}{cursor}")).expect(200);
            let rows = page.body[list].as_array().unwrap();
            assert!(rows.len() <= 2 && !page.header("x-position").is_empty());
            found.extend(rows.iter().map(|row| row[field].clone()));
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    };
    let payments = |account: &str| {
        let path = format!("/v1/accounts/{account}/payments?limit=2");
        pages(&path, "payments", "payment_id")
    };
    paid.reverse();
    assert_eq!(payments(&debtor), paid);
    assert_eq!(payments(&creditor), paid);
    let balances = |order: &str| {
        let path = format!("/v1/accounts/{debtor}/statement?limit=2&order={order}");
        pages(&path, "entries", "balance_after")
    };
    let mut expected = vec!["100.00", "99.00", "98.00", "97.00", "96.00", "95.00"];
    assert_eq!(balances("oldest"), expected);
    expected.reverse();
    assert_eq!(balances("newest"), expected);
    let path = format!("/v1/accounts/{debtor}/statement?order=newest&cursor=statement.oldest.1");
    assert_eq!(client.get(&path).expect(400).code(), "CURSOR_INVALID");
}
