use std::collections::BTreeSet;

use serde_json::{Value, json};
use tributary_gateway::Limits;

use crate::bank::{Client, gateway, key, payment};

const TEXT: &str = "n\u{e1}jem za kv\u{11b}ten, VS 2026/05";

fn with(mut body: Value, remittance: &str) -> Value {
    body["remittance"] = json!(remittance);
    body
}

#[test]
fn a_remittance_is_shown_to_whoever_sees_the_payment_and_belongs_to_the_wish() {
    let client = Client::of_bank();
    let (debtor, creditor) = (client.account("100.00"), client.account("0"));
    let (key, body) = (key(), payment(&debtor, &creditor, "1.00"));
    let readable = json!({"state": "readable", "text": TEXT});
    let paid = client
        .post("/v1/payments", &key, &with(body.clone(), TEXT))
        .expect(201);
    assert_eq!(paid.body["remittance"], readable);

    // Again: the same wish. With another text, or none: another one.
    let again = client
        .post("/v1/payments", &key, &with(body.clone(), TEXT))
        .expect(200);
    assert_eq!(again.body["remittance"], readable);
    assert_eq!(again.text("payment_id"), paid.text("payment_id"));
    for other in [with(body.clone(), "something else"), body.clone()] {
        let refused = client.post("/v1/payments", &key, &other).expect(422);
        assert_eq!(refused.code(), "COMMAND_ID_REUSED");
    }

    let address = format!("/v1/payments/{}", paid.text("payment_id"));
    let shown = client.get_after(&paid, &address).expect(200);
    assert_eq!(shown.body["remittance"], readable);
    // In a list, beside one that has none.
    let plain = client
        .post("/v1/payments", &crate::bank::key(), &body)
        .expect(201);
    assert!(plain.body.get("remittance").is_none());
    let list = format!("/v1/accounts/{creditor}/payments");
    let list = client.get_after(&plain, &list).expect(200);
    let texts: BTreeSet<String> = list.body["payments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|payment| payment["remittance"]["text"].to_string())
        .collect();
    assert_eq!(
        texts,
        BTreeSet::from([json!(TEXT).to_string(), "null".to_owned()])
    );
    // What followed, and the events, hold the ciphertext.
    let timeline = client
        .get(&format!("{address}/timeline"))
        .expect(200)
        .body
        .to_string();
    assert!(
        timeline.contains("a256gcmsiv.v1") && !timeline.contains(TEXT),
        "{timeline}"
    );

    // A gateway that has no key store says so, and takes none.
    let without = gateway(Limits::default());
    let client = Client::at(without.address());
    let shown = client.get(&address).expect(200);
    assert_eq!(shown.body["remittance"], json!({"state": "unavailable"}));
    let refused = client
        .post("/v1/payments", &crate::bank::key(), &with(body, TEXT))
        .expect(422);
    assert_eq!(refused.code(), "REMITTANCE_UNSUPPORTED");
    assert!(!refused.body.to_string().contains(TEXT));
    without.stop();
}
