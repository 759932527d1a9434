use tributary_analytics::timeline::Timeline;
use tributary_contracts::{
    codec::{self, Message},
    envelope::{Channel, EventEnvelope, Initiator, Position},
    payments::{PaymentUnchanged, PaymentsEvent},
    runtime::{CommandRefused, RuntimeEvent},
};
use tributary_ids::{CommandId, PaymentId};
use tributary_projection::MemoryTopic;
use tributary_testkit::Database;

/// An event of one wish, through that door.
fn append(topic: &MemoryTopic, wish: &str, channel: Channel, event: impl Message) {
    let ce_type = event.ce_type();
    let command_id = CommandId::named(wish);
    let envelope = EventEnvelope {
        command_id,
        index: 0,
        of: 1,
        correlation_id: command_id.0,
        time: 1_800_000_000_000,
        origin: Position {
            topic: "payments.inbox".into(),
            partition: 1,
            offset: 7,
        },
        remembered: None,
        initiator: Some(Initiator {
            actor: "customer".into(),
            on_behalf_of: None,
            channel,
            branch: None,
        }),
        data: event,
    };
    let headers = codec::headers(&envelope.id(), "test", ce_type, None);
    topic.append(1, b"key", headers, codec::encode(&envelope), 1_800_000_000_000);
}

fn unchanged(code: &str) -> PaymentsEvent {
    let payment_id = PaymentId::named("payment");
    let code = code.into();
    PaymentsEvent::PaymentUnchanged(PaymentUnchanged { payment_id, code })
}

#[tokio::test]
async fn a_wish_is_followed_by_position_time_and_data() {
    let mut database = Database::new("timeline").await;
    let topic = MemoryTopic::new("payments.events", 2);
    append(&topic, "wish", Channel::Online, unchanged("PAYMENT_EXISTS"));
    // Text that PostgreSQL's own types don't hold is data all the same.
    append(&topic, "wish", Channel::Online, unchanged("a\u{0}b\\u0000"));
    let refused = RuntimeEvent::CommandRefused(CommandRefused {
        command_type: "payments.initiate-transfer.v1".to_owned(),
        code: "AMOUNT_NOT_POSITIVE".to_owned(),
        detail: "the amount is zero".to_owned(),
    });
    append(&topic, "other", Channel::Online, refused);
    append(
        &topic,
        "row 1 of a history",
        Channel::Import,
        unchanged("PAYMENT_EXISTS"),
    );
    database
        .fold(&topic, Timeline::<PaymentsEvent>::default())
        .await
        .unwrap();
    let told = |wish: &str| {
        format!(
            "SELECT string_agg(concat_ws(' ', partition, event_offset, command_offset, event_index, type, recorded_ms,
                                         data), '; ' ORDER BY event_offset)
             FROM events WHERE correlation_id = '{}'",
            CommandId::named(wish).0
        )
    };
    let payment = PaymentId::named("payment");
    assert_eq!(
        database.text(&told("wish")).await,
        format!(
            "1 0 7 0 payments.payment-unchanged.v1 1800000000000 {{\"payment_id\":\"{payment}\",\"code\":\"PAYMENT_EXISTS\"}}; \
             1 1 7 0 payments.payment-unchanged.v1 1800000000000 {{\"payment_id\":\"{payment}\",\"code\":\"a\\u0000b\\\\u0000\"}}"
        )
    );
    assert!(
        database
            .text(&told("other"))
            .await
            .contains("AMOUNT_NOT_POSITIVE")
    );
    assert_eq!(database.text(&told("row 1 of a history")).await, "null");
    database.clear().await;
}
