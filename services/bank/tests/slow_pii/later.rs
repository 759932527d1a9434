//! What waits for its day: a scheduled payment, a standing order, and a payment that the order makes.

use std::time::Duration;

use bank::LocalBank;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::runtime::Runtime;
use tributary_contracts::payments::{InitiateTransfer, OccurrenceOf, PaymentsCommand};
use tributary_contracts::sealed::Sealed;
use tributary_contracts::topics::{LOCAL_PARTITIONS, PAYMENTS_INBOX};
use tributary_ids::{PaymentId, StandingOrderId};
use tributary_stream::kafka::CommandProducer;
use tributary_stream::test_driver::command;

use crate::client::{Client, OWNER};

/// Their addresses, and the ciphertexts.
pub(crate) struct Later {
    /// Of a scheduled payment, of an order, and of the payment that the order makes.
    pub(crate) addresses: [String; 3],
    /// Of a payment that names the order and is none of its.
    pub(crate) forged: String,
    pub(crate) ciphertexts: [String; 2],
}

/// So many days from now.
#[expect(clippy::disallowed_methods, reason = "the bank refuses days that have passed")]
fn in_days(days: u64) -> String {
    (chrono::Utc::now().date_naive() + chrono::Days::new(days)).to_string()
}

pub(crate) fn scheduled(debtor: &str, creditor: &str, text: &str) -> Value {
    json!({
        "customer": OWNER, "debtor": debtor, "creditor": creditor, "amount": "1.00", "currency": "CZK",
        "execution_date": in_days(30), "remittance": text
    })
}

pub(crate) fn order(debtor: &str, creditor: &str, text: &str) -> Value {
    json!({
        "customer": OWNER, "debtor": debtor, "creditor": creditor, "amount": "1.00", "currency": "CZK",
        "frequency": "weekly", "start_date": in_days(30), "remittance": text
    })
}

impl Later {
    pub(crate) fn ask(
        bank: &LocalBank,
        runtime: &Runtime,
        client: &Client,
        (debtor, creditor): (&str, &str),
        text: &str,
    ) -> Self {
        let (status, waits) = client.post("/v1/payments", &scheduled(debtor, creditor, text));
        assert_eq!((status, &waits["state"]), (201, &json!("scheduled")), "{waits}");
        let (status, ordered) = client.post("/v1/standing-orders", &order(debtor, creditor, text));
        assert_eq!((status, &ordered["state"]), (201, &json!("active")), "{ordered}");
        for asked in [&waits, &ordered] {
            assert_eq!(
                asked["remittance"],
                json!({"state": "readable", "text": text}),
                "{asked}"
            );
        }
        let [waits, ordered] = [
            waits["payment_id"].as_str().unwrap(),
            ordered["standing_order_id"].as_str().unwrap(),
        ];
        let stored = |sql| -> Sealed {
            let stored: String = runtime.block_on(async {
                let mut database = PgConnection::connect(&bank.database_url()).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut database).await.unwrap()
            });
            stored.parse().unwrap()
        };
        let of_order = stored("SELECT remittance FROM payments.standing_orders");
        let of_payment = stored("SELECT remittance FROM payments.payments WHERE state = 'scheduled'");
        assert_ne!(of_order.ciphertext, of_payment.ciphertext);

        // As the payments service sends it when an occurrence is due, which is beyond a test's patience.
        let order_id = StandingOrderId(ordered.parse().unwrap());
        let occurrence = OccurrenceOf { order_id, number: 1 };
        let made = occurrence.payment();
        let pay = |payment_id, occurrence| {
            PaymentsCommand::from(InitiateTransfer {
                payment_id,
                customer: of_order.subject.to_string().parse().unwrap(),
                debtor: debtor.parse().unwrap(),
                creditor: creditor.parse().unwrap(),
                amount: "1.00".into(),
                currency: "CZK".parse().unwrap(),
                booking_date: in_days(0).parse().unwrap(),
                remittance: Some(of_order.clone()),
                details: Default::default(),
                occurrence,
            })
        };
        let forged = PaymentId::named("forged");
        let producer = CommandProducer::connect(&bank.brokers(), Duration::ZERO, 1, |_| {}).unwrap();
        for (name, of) in [
            ("made", pay(made, Some(occurrence))),
            // The order's text in a payment that is none of its.
            ("forged", pay(forged, None)),
        ] {
            let record = command(PAYMENTS_INBOX, LOCAL_PARTITIONS, name, of.key(), None, &of);
            producer.send(&record, 0).unwrap();
        }
        producer.flush().unwrap();
        let address = |payment: PaymentId| format!("/v1/payments/{payment}");
        for payment in [made, forged] {
            client.until("the payment is made", || {
                client.get(&address(payment)).1["state"] == "completed"
            });
        }
        Self {
            addresses: [
                format!("/v1/payments/{waits}"),
                format!("/v1/standing-orders/{ordered}"),
                address(made),
            ],
            forged: address(forged),
            ciphertexts: [of_payment.ciphertext, of_order.ciphertext],
        }
    }

    pub(crate) fn expect(&self, client: &Client, remittance: &Value) {
        for address in &self.addresses {
            let (status, shown) = client.get(address);
            assert_eq!((status, &shown["remittance"]), (200, remittance), "{shown}");
        }
        let (_, made) = client.get(&self.addresses[2]);
        assert!(
            self.addresses[1].ends_with(made["standing_order"].as_str().unwrap()) && made["occurrence"] == 1,
            "{made}"
        );
    }
}
