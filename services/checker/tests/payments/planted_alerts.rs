use serde_json::{Value, json};
use tributary_ids::{AccountId, PaymentId};

use crate::{
    log::{Log, payment},
    planted::tells,
};

/// The laundering service is told of a cycle with that payment, on that day, and raises an alert that names another or the same.
fn alert(log: &mut Log, told: PaymentId, named: PaymentId, day: &str) {
    let account = AccountId::named("ann");
    let moved = |id: PaymentId| -> Value {
        json!([{"payment_id": id, "debtor": account, "creditor": AccountId::named("bob"), "amount": 10_000, "date": day}])
    };
    let command = json!({"account": account, "currency": "CZK", "payments": moved(told)});
    let event = json!({
        "account": account, "rule": "cycle", "version": 2, "accounts": [account], "currency": "CZK",
        "payments": moved(named), "from": day, "to": day,
    });
    let name = format!("cycle/{}", log.records.len());
    let key = account.to_string();
    let asked = log.ask("laundering", &name, &key, "laundering.tell-cycle.v1", command);
    log.tell(&asked, "laundering.alert-raised.v1", event);
}

#[test]
fn an_alert_of_payments_that_were_made_is_no_violation_nor_is_one_long_after_it() {
    let mut log = Log::completed();
    alert(&mut log, payment(), payment(), "2026-01-01");
    alert(&mut log, payment(), payment(), "2026-05-01");
    assert_eq!(log.check(true, None).violations(), []);
}

#[test]
fn an_alert_of_nothing_twice_or_of_something_else() {
    let mut log = Log::completed();
    let never = PaymentId::named("never");
    alert(&mut log, never, never, "2026-01-01");
    tells(&log, false, (14, "ALERT_OF_NOTHING"));
    let mut log = Log::completed();
    alert(&mut log, payment(), payment(), "2026-01-01");
    alert(&mut log, payment(), payment(), "2026-04-30");
    tells(&log, false, (14, "ALERT_TWICE"));
    let mut log = Log::completed();
    alert(&mut log, never, payment(), "2026-01-01");
    tells(&log, false, (5, "EFFECT_NOT_AS_ASKED"));
}

/// Nobody waits for the laundering service.
#[test]
fn a_bank_is_at_rest_while_the_laundering_service_is_behind() {
    let mut log = Log::completed();
    let account = AccountId::named("ann");
    let command = json!({"account": account, "seq": 3, "side": "sent", "payment_id": payment(),
        "counterparty": AccountId::named("bob"), "amount": 10_000, "currency": "CZK", "date": "2026-11-25"});
    let key = account.to_string();
    log.ask(
        "laundering",
        "observe",
        &key,
        "laundering.observe-transfer.v1",
        command,
    );
    assert_eq!(log.check(true, None).violations(), []);
}
