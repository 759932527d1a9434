//! The read model in a real PostgreSQL, folded from what the sagas wrote, row by row what the service itself knows.

use tributary_contracts::{
    payments::{CreateStandingOrder, Frequency, InitiateTransfer, ReviewDecision, SchedulePayment, Until},
    record::Outgoing,
};
use tributary_ids::PaymentId;
use tributary_payments::projection::PaymentsModel;
use tributary_projection::{MemoryTopic, ProjectionError};
use tributary_testkit::Database;

use crate::{
    bank::{Bank, NOW, PARTITIONS, payment, refund, sealed, transfer},
    faults,
    payments::review,
    schedule::{amend, order, scheduled},
    services::Services,
};

fn topic(written: &[Outgoing]) -> MemoryTopic {
    let topic = MemoryTopic::new("payments.events", PARTITIONS as usize);
    for record in written {
        append(&topic, record);
    }
    topic
}

fn append(topic: &MemoryTopic, record: &Outgoing) -> i64 {
    let Outgoing {
        partition,
        key,
        headers,
        value,
        ..
    } = record.clone();
    topic.append(partition, &key, headers, value, NOW)
}

/// What the row of a payment has to say, by the service's own state.
fn known(bank: &Bank, id: PaymentId) -> String {
    use tributary_payments_domain::Outcome;
    let payment = bank.payment(id).unwrap();
    let state = match payment.outcome {
        Some(Outcome::Completed) => "completed",
        Some(Outcome::Rejected) => "rejected",
        Some(Outcome::Returned(_)) => "returned",
        None => "under way",
    };
    format!(
        "{state} {} {}",
        payment.amount,
        payment.amount - payment.refundable()
    )
}

#[tokio::test]
async fn a_row_says_what_became_of_its_payment() {
    let mut database = Database::new("payment").await;
    let mut bank = Bank::open();
    bank.pay(InitiateTransfer {
        remittance: Some(sealed("ann", 'A')),
        ..transfer("125.50")
    });
    bank.settle();
    bank.pay(refund("half", "62.75"));
    bank.settle();
    // Refused: more than what is left.
    bank.pay(refund("more", "100"));
    bank.settle();
    database.fold(&topic(&bank.written), PaymentsModel).await.unwrap();
    let row = |id: PaymentId| {
        format!(
            "SELECT concat_ws('|', kind, state, amount, refunded, currency, code, returned_to, fraud_decision,
                              fraud_reasons::text, fraud_rules, review_decision, refunds, case_opened,
                              ended_ms - initiated_ms)
             FROM payments WHERE payment_id = '{id}'"
        )
    };
    assert_eq!(
        database.text(&row(payment())).await,
        "internal-transfer|completed|12550|6275|CZK|approve|{}|amount-limit.v1|f|0"
    );
    let refund = PaymentId::named("half");
    assert_eq!(
        database.text(&row(refund)).await,
        format!("refund|completed|6275|0|CZK|{}|f|0", payment())
    );
    let remittances = "SELECT string_agg(remittance, ';') FROM payments";
    assert_eq!(database.text(remittances).await, sealed("ann", 'A').to_string());
    let refusals = "SELECT string_agg(concat_ws('|', kind, code, command_type), ';') FROM refusals";
    assert_eq!(
        database.text(refusals).await,
        "refused|REFUND_EXCEEDS_PAYMENT|payments.refund-payment.v1"
    );
    database.clear().await;
}

#[tokio::test]
async fn a_payment_in_review_says_so_until_somebody_decides() {
    let mut database = Database::new("review").await;
    let mut bank = Bank::open();
    bank.pay(transfer("10000.01"));
    bank.settle();
    let state = "SELECT concat_ws('|', state, code, fraud_decision, fraud_reasons::text, review_decision) FROM payments";
    let topic = topic(&bank.written);
    database.fold(&topic, PaymentsModel).await.unwrap();
    assert_eq!(
        database.text(state).await,
        "in-review|review|{AMOUNT_ABOVE_LIMIT}"
    );
    let before = bank.written.len();
    bank.pay(review(ReviewDecision::Reject));
    bank.settle();
    for record in &bank.written[before..] {
        append(&topic, record);
    }
    database.fold(&topic, PaymentsModel).await.unwrap();
    assert_eq!(
        database.text(state).await,
        "rejected|REVIEW_REJECTED|review|{AMOUNT_ABOVE_LIMIT}|reject"
    );
    database.clear().await;
}

#[tokio::test]
async fn whatever_happens_every_row_ends_as_the_service_says() {
    let mut database = Database::new("whatever").await;
    for seed in 0..60 {
        let bank = faults::bank_after(seed);
        database.fold(&topic(&bank.written), PaymentsModel).await.unwrap();
        for id in [payment(), PaymentId::named("refund")] {
            let Some(_) = bank.payment(id) else { continue };
            let row = format!(
                "SELECT concat_ws(' ', state, amount, refunded) FROM payments WHERE payment_id = '{id}'"
            );
            assert_eq!(database.text(&row).await, known(&bank, id), "seed {seed}");
        }
        database.clear().await;
    }
}

#[tokio::test]
async fn an_event_that_contradicts_the_rows_stops_the_projection() {
    let mut database = Database::new("contradiction").await;
    let mut bank = Bank::open();
    bank.pay(transfer("125.50"));
    bank.settle();
    let topic = topic(&bank.written);
    let last = bank.written.last().unwrap();
    let offset = append(&topic, last);
    let stopped = database.fold(&topic, PaymentsModel).await.unwrap_err();
    let ProjectionError::Poison(poison) = &stopped else {
        panic!("{stopped}")
    };
    assert!(poison.to_string().contains("EVENT_PAYMENT_ENDED"), "{poison}");
    assert!(poison.to_string().contains(&offset.to_string()), "{poison}");
    database.clear().await;
}

#[tokio::test]
async fn payments_and_orders_of_later_days_say_when_they_are_due() {
    let mut database = Database::new("schedule").await;
    let mut clock = Services::open();
    clock.pay(SchedulePayment {
        remittance: Some(sealed("ann", 'A')),
        ..scheduled("1", "2027-01-16")
    });
    clock.pay(CreateStandingOrder {
        remittance: Some(sealed("ann", 'B')),
        ..order(
            "10",
            Frequency::Monthly { day: 31 },
            "2027-01-15",
            Until::Times(2),
        )
    });
    let text = format!(
        "SELECT remittance FROM payments WHERE payment_id = '{}'",
        payment()
    );
    let payment = format!(
        "SELECT concat_ws('|', state, booking_date, execution_date, due_ms - initiated_ms, ended_ms - due_ms < 1000)
         FROM payments WHERE payment_id = '{}'",
        payment()
    );
    let order = "SELECT concat_ws('|', state, amount, frequency, day_of_month, end_date, times, convention, executed,
                                  next_date, next_execution_date, next_due_ms - created_ms > 0) FROM standing_orders";
    let topic = topic_of(&clock);
    database.fold(&topic, PaymentsModel).await.unwrap();
    let text_of_order = "SELECT remittance FROM standing_orders";
    assert_eq!(database.text(&text).await, sealed("ann", 'A').to_string());
    assert_eq!(database.text(text_of_order).await, sealed("ann", 'B').to_string());
    let three_days_and_six_hours = 78 * 60 * 60 * 1000;
    assert_eq!(
        database.text(&payment).await,
        format!("scheduled|2027-01-18|2027-01-18|{three_days_and_six_hours}")
    );
    assert_eq!(
        database.text(order).await,
        "active|1000|monthly|31|2|modified-following|0|2027-01-31|2027-01-29|t"
    );
    database.clear().await;

    clock.until("2027-01-29T14:00:00Z");
    clock.pay(amend(Some("12"), None));
    database.fold(&topic_of(&clock), PaymentsModel).await.unwrap();
    assert_eq!(
        database.text(&payment).await,
        format!("completed|2027-01-18|2027-01-18|{three_days_and_six_hours}|t")
    );
    assert_eq!(
        database.text(order).await,
        "active|1200|monthly|31|2|modified-following|1|2027-02-28|2027-02-26|t"
    );
    let occurrences = "SELECT string_agg(concat_ws('|', number, o.amount, o.execution_date, state), ';')
                       FROM occurrences AS o JOIN payments USING (payment_id)";
    assert_eq!(database.text(occurrences).await, "1|1000|2027-01-29|completed");
    let of_order = "SELECT concat_ws('|', occurrence, p.remittance = o.remittance)
                    FROM payments AS p JOIN standing_orders AS o USING (order_id)";
    assert_eq!(database.text(of_order).await, "1|t");
    assert_eq!(database.text(&text).await, sealed("ann", 'A').to_string());
    database.clear().await;

    clock.until("2027-02-26T14:00:00Z");
    database.fold(&topic_of(&clock), PaymentsModel).await.unwrap();
    assert_eq!(
        database.text(order).await,
        "completed|1200|monthly|31|2|modified-following|2"
    );
    database.clear().await;
}

fn topic_of(clock: &Services) -> MemoryTopic {
    let topic = MemoryTopic::new("payments.events", PARTITIONS as usize);
    for record in clock.payments.read("payments.events").unwrap() {
        topic.append(
            record.partition,
            &record.key,
            record.headers,
            record.value,
            record.timestamp_ms,
        );
    }
    topic
}
