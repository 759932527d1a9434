//! Faults of scheduled payments and standing orders.

use serde_json::{Value, json};
use tributary_ids::{AccountId, CustomerId, HoldId, StandingOrderId};

use crate::{
    log::{Log, NOW, payment},
    planted::{tells, tells_after},
};

pub(crate) const DUE: i64 = NOW + 5;

pub(crate) fn order() -> StandingOrderId {
    StandingOrderId::named("rent")
}

fn occurrence(number: u32) -> Value {
    let due_at = DUE + i64::from(number - 1);
    json!({"number": number, "date": "2026-11-25", "execution_date": "2026-11-25", "due_at": due_at})
}

fn terms() -> Value {
    json!({
        "customer": CustomerId::named("ann"), "debtor": AccountId::named("ann"), "creditor": AccountId::named("bob"),
        "amount": "100", "currency": "CZK",
    })
}

fn with(mut terms: Value, more: Value) -> Value {
    let fields = terms.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    terms
}

/// An input about an order, and the event that answers it.
fn about(log: &mut Log, name: &str, asked: (&str, Value), told: (&str, Value)) -> usize {
    let asked = log.ask("payments", name, &order().to_string(), asked.0, asked.1);
    log.tell(&asked, told.0, told.1)
}

pub(crate) fn create(log: &mut Log, name: &str) -> usize {
    let rule = json!({"order_id": order(), "frequency": "weekly", "start_date": "2026-11-25", "until": {"times": 2},
        "convention": "following", "remittance": text('A')});
    let asked = with(terms(), rule);
    let told = with(asked.clone(), json!({"amount": 10_000, "next": occurrence(1)}));
    about(
        log,
        name,
        ("payments.create-standing-order.v1", asked),
        ("payments.standing-order-created.v1", told),
    )
}

pub(crate) fn execute(log: &mut Log, number: u32, due: i64) -> usize {
    let timer = json!({"timer": {"due": due, "aggregate": order().to_string(), "name": "occurrence"}});
    let mut told = json!({"order_id": order(), "occurrence": number, "payment_id": order().payment(number),
        "amount": 10_000, "execution_date": "2026-11-25"});
    if number == 1 {
        told["next"] = occurrence(2);
    }
    about(
        log,
        &format!("occurrence/{number}/{due}"),
        ("tributary.timer-due.v1", timer),
        ("payments.standing-order-executed.v1", told),
    )
}

/// As if it were sealed.
fn text(character: char) -> Value {
    let ciphertext = character.to_string().repeat(123);
    json!({"subject": CustomerId::named("ann"), "cipher": "a256gcmsiv.v1", "ciphertext": ciphertext})
}

/// The payment of an occurrence begins, with the order's text.
fn pay(log: &mut Log, number: u32) -> usize {
    let id = order().payment(number);
    let asked = with(
        terms(),
        json!({"payment_id": id, "booking_date": "2026-11-25", "remittance": text('A'),
            "occurrence": {"order_id": order(), "number": number}}),
    );
    let told = with(
        asked.clone(),
        json!({"kind": "internal-transfer", "amount": 10_000, "hold_id": HoldId::named("hold"),
            "hold_expires_at": NOW + 90_000_000, "progress": {"asked": []}}),
    );
    let asked = log.ask(
        "payments",
        &format!("pay/{number}"),
        &id.to_string(),
        "payments.initiate-transfer.v1",
        asked,
    );
    log.tell(&asked, "payments.payment-initiated.v1", told)
}

pub(crate) fn schedule(log: &mut Log, name: &str) -> usize {
    let asked = with(
        terms(),
        json!({"payment_id": payment(), "execution_date": "2026-11-25", "convention": "following"}),
    );
    let mut told = with(
        asked.clone(),
        json!({"amount": 10_000, "requested_date": "2026-11-25", "due_at": DUE}),
    );
    told["execution_date"] = json!("2026-11-25");
    log.command(
        name,
        ("payments.schedule-payment.v1", asked),
        ("payments.payment-scheduled.v1", told),
    )
}

pub(crate) fn cancel(log: &mut Log) -> usize {
    let id = json!({"payment_id": payment()});
    log.command(
        "cancel",
        ("payments.cancel-payment.v1", id.clone()),
        ("payments.payment-cancelled.v1", id),
    )
}

#[test]
fn honest_ones_have_no_violation() {
    let mut log = Log::with_accounts();
    schedule(&mut log, "schedule");
    cancel(&mut log);
    create(&mut log, "create");
    log.wait_until(DUE + 2);
    execute(&mut log, 1, DUE);
    pay(&mut log, 1);
    execute(&mut log, 2, DUE + 1);
    pay(&mut log, 2);
    assert_eq!(log.check(false, None).violations(), []);
}

#[test]
fn a_text_that_is_another_ones() {
    let executed = |change: fn(&mut Value)| {
        let mut log = Log::with_accounts();
        create(&mut log, "create");
        log.wait_until(DUE + 2);
        execute(&mut log, 1, DUE);
        let place = pay(&mut log, 1);
        // The command as well, as if the order had sent it so.
        log.edit(place, change);
        log.edit(place - 1, change);
        log
    };
    let another: [fn(&mut Value); 3] = [
        |data| data["remittance"] = text('B'),
        |data| data["remittance"] = Value::Null,
        |data| data["occurrence"]["number"] = json!(2),
    ];
    for change in another {
        tells(&executed(change), false, (5, "EFFECT_NOT_AS_ASKED"));
    }
    // The event of a schedule says another text than the wish, and so does that of an order.
    let mut log = Log::with_accounts();
    let place = schedule(&mut log, "schedule");
    log.edit(place, |event| event["remittance"] = text('B'));
    tells(&log, false, (5, "EFFECT_NOT_AS_ASKED"));
    let mut log = Log::with_accounts();
    let place = create(&mut log, "create");
    log.edit(place, |event| event["remittance"] = text('B'));
    tells(&log, false, (5, "EFFECT_NOT_AS_ASKED"));
    // A scheduled payment begins without the text that it was scheduled with.
    let mut log = Log::with_accounts();
    let place = schedule(&mut log, "schedule");
    for place in [place - 1, place] {
        log.edit(place, |data| data["remittance"] = text('A'));
    }
    log.wait_until(DUE + 2);
    log.initiate("initiate");
    tells(&log, false, (5, "EFFECT_NOT_AS_ASKED"));
}

#[test]
fn an_occurrence_that_comes_twice_early_or_leads_to_nothing() {
    let mut log = Log::with_accounts();
    create(&mut log, "create");
    log.wait_until(DUE + 2);
    execute(&mut log, 1, DUE);
    tells(&log, true, (5, "OCCURRENCE_WITHOUT_PAYMENT"));
    execute(&mut log, 1, DUE);
    tells(&log, false, (5, "OCCURRENCE_OUT_OF_TURN"));
    let mut log = Log::with_accounts();
    create(&mut log, "create");
    log.wait_until(DUE + 2);
    execute(&mut log, 2, DUE + 1);
    tells(&log, false, (5, "OCCURRENCE_OUT_OF_TURN"));
    let mut log = Log::with_accounts();
    create(&mut log, "create");
    execute(&mut log, 1, DUE);
    tells(&log, false, (5, "PAID_EARLY"));
    let mut log = Log::with_accounts();
    create(&mut log, "create");
    log.wait_until(DUE + 2);
    let place = execute(&mut log, 1, DUE);
    log.edit(place, |event| event["amount"] = json!(10_001));
    tells(&log, false, (5, "EFFECT_NOT_AS_ASKED"));
}

#[test]
fn an_order_that_pays_after_its_end_or_never_began_or_twice() {
    let mut log = Log::with_accounts();
    create(&mut log, "create");
    let id = json!({"order_id": order()});
    about(
        &mut log,
        "cancel",
        ("payments.cancel-standing-order.v1", id.clone()),
        ("payments.standing-order-cancelled.v1", id),
    );
    log.wait_until(DUE + 2);
    execute(&mut log, 1, DUE);
    tells(&log, false, (5, "PAID_AFTER_CANCELLED"));
    let mut log = Log::with_accounts();
    log.wait_until(DUE + 2);
    execute(&mut log, 1, DUE);
    tells(&log, false, (8, "ORDER_NEVER_BEGAN"));
    let mut log = Log::with_accounts();
    create(&mut log, "create");
    create(&mut log, "again");
    tells(&log, false, (5, "ORDER_BEGAN_TWICE"));
}

#[test]
fn a_day_that_is_missed_or_swallowed() {
    let mut log = Log::with_accounts();
    create(&mut log, "create");
    tells_after(&log, true, Some(DUE + 1), (4, "DEADLINE_MISSED"));
    let timer = json!({"timer": {"due": DUE, "aggregate": order().to_string(), "name": "occurrence"}});
    about(
        &mut log,
        "timer",
        ("tributary.timer-due.v1", timer.clone()),
        ("tributary.timer-ignored.v1", timer),
    );
    tells(&log, false, (4, "DEADLINE_SWALLOWED"));
    let mut log = Log::with_accounts();
    schedule(&mut log, "schedule");
    tells_after(&log, true, Some(DUE + 1), (4, "DEADLINE_MISSED"));
}

#[test]
fn a_scheduled_payment_that_begins_early_cancelled_or_otherwise() {
    let mut log = Log::with_accounts();
    schedule(&mut log, "schedule");
    log.initiate("initiate");
    tells(&log, false, (5, "PAID_EARLY"));
    let mut log = Log::with_accounts();
    schedule(&mut log, "schedule");
    cancel(&mut log);
    log.wait_until(DUE + 2);
    log.initiate("initiate");
    tells(&log, false, (5, "PAID_AFTER_CANCELLED"));
    let mut log = Log::with_accounts();
    let place = schedule(&mut log, "schedule");
    log.edit(place, |event| event["amount"] = json!(1));
    log.wait_until(DUE + 2);
    log.initiate("initiate");
    tells(&log, false, (5, "EFFECT_NOT_AS_ASKED"));
    let mut log = Log::with_accounts();
    log.initiate("initiate");
    cancel(&mut log);
    tells(&log, false, (5, "CANCELLED_THOUGH_BEGUN"));
    let mut log = Log::with_accounts();
    schedule(&mut log, "schedule");
    schedule(&mut log, "again");
    tells(&log, false, (5, "PAYMENT_BEGAN_TWICE"));
}
