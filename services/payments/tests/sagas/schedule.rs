//! Given / when / then for scheduled payments and standing orders, with the clock in the test's hands.

use tributary_contracts::{
    accounts::{CloseAccount, Debit, GlAccount},
    payments::{
        AmendStandingOrder, BusinessDayConvention, CancelPayment, CancelStandingOrder, CreateStandingOrder,
        Frequency, InitiateTransfer, OccurrenceOf, PaymentsEvent, SchedulePayment, Until,
    },
    sealed::Sealed,
};
use tributary_ids::{CustomerId, StandingOrderId};

use crate::{
    bank::{account, czk, payment, sealed, transfer},
    services::Services,
};

pub(crate) fn scheduled(amount: &str, execution_date: &str) -> SchedulePayment {
    SchedulePayment {
        payment_id: payment(),
        customer: CustomerId::named("ann"),
        debtor: account("ann"),
        creditor: account("bob"),
        amount: amount.into(),
        currency: czk(),
        execution_date: execution_date.parse().unwrap(),
        convention: BusinessDayConvention::Following,
        remittance: None,
        details: Default::default(),
    }
}

/// The texts of the payments that began, in the order of time.
fn texts(clock: &Services) -> Vec<Option<Sealed>> {
    clock.begun().into_iter().map(|begun| begun.remittance).collect()
}

fn order_id() -> StandingOrderId {
    StandingOrderId::named("rent")
}

pub(crate) fn order(
    amount: &str,
    frequency: Frequency,
    start_date: &str,
    until: Until,
) -> CreateStandingOrder {
    CreateStandingOrder {
        order_id: order_id(),
        customer: CustomerId::named("ann"),
        debtor: account("ann"),
        creditor: account("bob"),
        amount: amount.into(),
        currency: czk(),
        frequency,
        start_date: start_date.parse().unwrap(),
        until,
        convention: BusinessDayConvention::ModifiedFollowing,
        remittance: None,
        details: Default::default(),
    }
}

fn cancel() -> CancelStandingOrder {
    let order_id = order_id();
    CancelStandingOrder { order_id }
}

pub(crate) fn amend(amount: Option<&str>, until: Option<Until>) -> AmendStandingOrder {
    AmendStandingOrder {
        order_id: order_id(),
        amount: amount.map(Into::into),
        until,
    }
}

/// What ann takes off her account.
fn spent(amount: &str) -> Debit {
    Debit {
        account_id: account("ann"),
        amount: amount.into(),
        currency: czk(),
        contra: GlAccount::CASH,
        rounding: None,
        forced: false,
        booking_date: "2027-01-25".parse().unwrap(),
        value_date: None,
        import: None,
        details: Default::default(),
    }
}

/// Booking date and amount of every payment that began, in the order of time.
fn paid(clock: &Services) -> Vec<String> {
    let begun = clock.begun().into_iter();
    begun
        .map(|begun| format!("{} {}", begun.booking_date, begun.amount))
        .collect()
}

fn rejected_for(clock: &Services) -> Vec<String> {
    let told = clock.told().into_iter();
    told.filter_map(|told| match told.event {
        Ok(PaymentsEvent::PaymentRejected(rejected)) => Some(rejected.code.to_string()),
        _ => None,
    })
    .collect()
}

#[test]
fn a_scheduled_payment_reserves_nothing_until_its_cut_off_and_is_made_once() {
    let mut clock = Services::open();
    // A Saturday.
    clock.pay(scheduled("125.50", "2027-01-16"));
    clock.pay(scheduled("125.50", "2027-01-16"));
    clock.until("2027-01-18T13:59:59Z");
    assert_eq!((clock.balance("ann"), paid(&clock).len()), ((2_000_000, 0), 0));
    clock.until("2027-01-18T14:00:00Z");
    assert_eq!(paid(&clock), ["2027-01-18 12550"]);
    assert_eq!(
        (clock.balance("ann").0, clock.balance("bob").0),
        (1_987_450, 12_550)
    );
    // The wish comes again when its day is over.
    clock.until("2027-01-20T08:00:00Z");
    clock.pay(scheduled("125.50", "2027-01-16"));
    assert_eq!(paid(&clock).len(), 1);
    assert_eq!(clock.refused_for(), "");
    clock.pay(scheduled("125.51", "2027-01-16"));
    assert_eq!(clock.refused_for(), "PAYMENT_CONFLICT");
    let stories: std::collections::BTreeSet<_> =
        clock.told().iter().map(|told| told.correlation_id).collect();
    assert_eq!(stories.len(), 1, "one story");
}

#[test]
fn what_can_not_be_scheduled_is_refused() {
    let mut clock = Services::open();
    let mut refused = |command: SchedulePayment, code: &str| {
        clock.pay(command);
        assert_eq!(clock.refused_for(), code);
    };
    refused(scheduled("1", "2027-01-14"), "EXECUTION_DATE_PAST");
    refused(scheduled("1", "2028-01-17"), "EXECUTION_DATE_TOO_FAR");
    refused(scheduled("0", "2027-01-18"), "AMOUNT_NOT_POSITIVE");
    let dollars = SchedulePayment {
        currency: "USD".parse().unwrap(),
        ..scheduled("1", "2027-01-18")
    };
    refused(dollars, "CALENDAR_UNKNOWN");
    let to_self = SchedulePayment {
        creditor: account("ann"),
        ..scheduled("1", "2027-01-18")
    };
    refused(to_self, "TRANSFER_TO_SELF");
    clock.until("2027-01-15T14:00:00Z");
    clock.pay(scheduled("1", "2027-01-15"));
    assert_eq!(clock.refused_for(), "CUT_OFF_PASSED");
    let backwards = SchedulePayment {
        convention: BusinessDayConvention::Preceding,
        ..scheduled("1", "2027-01-17")
    };
    clock.pay(backwards);
    assert_eq!(clock.refused_for(), "CUT_OFF_PASSED");
    clock.pay(scheduled("1", "2028-01-16"));
    clock.until("2027-01-20T00:00:00Z");
    assert_eq!(paid(&clock).len(), 0);
    let waits = clock
        .payments
        .states()
        .find_map(|book| book.scheduled(payment()))
        .unwrap();
    assert_eq!(waits.execution_date.to_string(), "2028-01-17");
}

#[test]
fn a_scheduled_payment_begins_with_its_text() {
    let mut clock = Services::open();
    let with = |remittance| SchedulePayment {
        remittance,
        ..scheduled("1", "2027-01-18")
    };
    for (bad, code) in [
        (sealed("bob", 'A'), "SEALED_FOR_ANOTHER"),
        (
            Sealed {
                ciphertext: "rent for May".to_owned(),
                ..sealed("ann", 'A')
            },
            "FIELD_NOT_SEALED",
        ),
    ] {
        clock.pay(with(Some(bad)));
        assert_eq!(clock.refused_for(), code);
    }
    let text = || Some(sealed("ann", 'A'));
    clock.pay(with(text()));
    clock.pay(with(text()));
    for other in [None, Some(sealed("ann", 'B'))] {
        clock.pay(with(other));
        assert_eq!(clock.refused_for(), "PAYMENT_CONFLICT");
    }
    clock.until("2027-01-18T14:00:00Z");
    assert_eq!(texts(&clock), [text()]);
    // The wish comes again after its day.
    let conflicts = |clock: &Services| clock.told().iter().filter(|told| told.event.is_err()).count();
    let before = conflicts(&clock);
    clock.pay(with(text()));
    assert_eq!(conflicts(&clock), before);
    clock.pay(with(Some(sealed("ann", 'B'))));
    assert_eq!(conflicts(&clock), before + 1);
}

#[test]
fn every_payment_of_an_order_bears_its_text_and_says_which_it_is() {
    let mut clock = Services::open();
    let with = |remittance| CreateStandingOrder {
        remittance,
        ..order("7", Frequency::Weekly, "2027-01-15", Until::Times(3))
    };
    clock.pay(with(Some(sealed("bob", 'A'))));
    assert_eq!(clock.refused_for(), "SEALED_FOR_ANOTHER");
    let text = || Some(sealed("ann", 'A'));
    clock.pay(with(text()));
    clock.pay(with(text()));
    clock.pay(with(None));
    assert_eq!(clock.refused_for(), "ORDER_CONFLICT");
    clock.until("2027-01-18T00:00:00Z");
    clock.pay(amend(Some("8"), None));
    clock.until("2027-01-30T00:00:00Z");
    assert_eq!(texts(&clock), [text(), text(), text()]);
    let begun = clock.begun();
    let amounts: Vec<i64> = begun.iter().map(|begun| begun.amount).collect();
    assert_eq!(amounts, [700, 800, 800]);
    for (number, begun) in (1..).zip(&begun) {
        let occurrence = OccurrenceOf {
            order_id: order_id(),
            number,
        };
        assert_eq!(begun.occurrence, Some(occurrence));
        assert_eq!(begun.payment_id, occurrence.payment());
    }
}

#[test]
fn a_payment_that_names_an_order_whose_it_is_not_is_refused() {
    let mut clock = Services::open();
    let order_id = order_id();
    let command = InitiateTransfer {
        occurrence: Some(OccurrenceOf { order_id, number: 1 }),
        ..transfer("1")
    };
    clock.pay(command.clone());
    assert_eq!(clock.refused_for(), "OCCURRENCE_MISMATCH");
    clock.pay(InitiateTransfer {
        payment_id: order_id.payment(1),
        ..command
    });
    assert_eq!(paid(&clock).len(), 1);
}

#[test]
fn a_payment_is_cancelled_until_its_cut_off() {
    let payment_id = payment();
    let mut clock = Services::open();
    clock.pay(CancelPayment { payment_id });
    assert_eq!(clock.refused_for(), "PAYMENT_UNKNOWN");
    clock.pay(scheduled("1", "2027-01-18"));
    clock.until("2027-01-18T13:59:00Z");
    clock.pay(CancelPayment { payment_id });
    clock.pay(CancelPayment { payment_id });
    clock.pay(scheduled("1", "2027-01-18"));
    clock.pay(transfer("1"));
    assert_eq!(clock.refused_for(), "PAYMENT_CONFLICT", "its id is taken");
    clock.until("2027-01-19T15:00:00Z");
    assert_eq!(paid(&clock).len(), 0);

    let mut late = Services::open();
    late.pay(scheduled("1", "2027-01-18"));
    late.until("2027-01-18T14:00:00Z");
    late.pay(CancelPayment { payment_id });
    assert_eq!(late.refused_for(), "NOT_SCHEDULED");
    assert_eq!(late.balance("bob").0, 100);
}

#[test]
fn a_day_without_money_or_account_ends_as_any_payment_would() {
    let mut poor = Services::open();
    poor.pay(scheduled("20000.01", "2027-01-18"));
    poor.until("2027-01-18T15:00:00Z");
    assert_eq!(rejected_for(&poor), ["INSUFFICIENT_FUNDS"]);
    assert_eq!(poor.balance("ann"), (2_000_000, 0));

    let mut closed = Services::open();
    closed.pay(scheduled("1", "2027-01-18"));
    closed.ledger(spent("20000"));
    let account_id = account("ann");
    closed.ledger(CloseAccount {
        account_id,
        booking_date: "2027-01-15".parse().unwrap(),
    });
    closed.until("2027-01-18T15:00:00Z");
    assert_eq!(rejected_for(&closed), ["ACCOUNT_CLOSED"]);
}

#[test]
fn an_order_pays_every_month_until_it_has_paid_so_often() {
    let mut clock = Services::open();
    let monthly = Frequency::Monthly { day: 31 };
    clock.pay(order("10", monthly, "2027-01-16", Until::Times(3)));
    clock.pay(order("10", monthly, "2027-01-16", Until::Times(3)));
    clock.until("2027-05-31T20:00:00Z");
    // January 31 is a Sunday and February 28 one as well; neither leaves its month.
    assert_eq!(
        paid(&clock),
        ["2027-01-29 1000", "2027-02-26 1000", "2027-03-31 1000"]
    );
    let ids: Vec<_> = clock.begun().iter().map(|begun| begun.payment_id).collect();
    assert_eq!(ids, [1, 2, 3].map(|number| order_id().payment(number)));
    assert_eq!(clock.balance("bob").0, 3_000);
    let stories: std::collections::BTreeSet<_> =
        clock.told().iter().map(|told| told.correlation_id).collect();
    assert_eq!(stories.len(), 1, "the order and its payments are one story");
    clock.pay(cancel());
    assert_eq!(clock.refused_for(), "ORDER_ENDED");
    clock.pay(order("11", monthly, "2027-01-16", Until::Times(3)));
    assert_eq!(clock.refused_for(), "ORDER_CONFLICT");
}

#[test]
fn an_order_is_amended_and_pays_nothing_once_it_is_cancelled() {
    let mut clock = Services::open();
    clock.pay(cancel());
    assert_eq!(clock.refused_for(), "ORDER_UNKNOWN");
    clock.pay(order("10", Frequency::Weekly, "2027-01-18", Until::Cancelled));
    clock.until("2027-01-18T15:00:00Z");
    clock.pay(amend(Some("12.50"), None));
    clock.pay(amend(None, None));
    assert_eq!(clock.refused_for(), "AMENDMENT_EMPTY");
    clock.until("2027-01-26T15:00:00Z");
    clock.pay(cancel());
    clock.pay(cancel());
    clock.until("2027-03-01T15:00:00Z");
    assert_eq!(paid(&clock), ["2027-01-18 1000", "2027-01-25 1250"]);

    let mut ends = Services::open();
    ends.pay(order("10", Frequency::Weekly, "2027-01-18", Until::Cancelled));
    ends.pay(amend(None, Some(Until::Date("2027-01-25".parse().unwrap()))));
    ends.until("2027-02-10T15:00:00Z");
    assert_eq!(paid(&ends).len(), 2);
    ends.pay(amend(Some("1"), None));
    assert_eq!(ends.refused_for(), "ORDER_ENDED");

    let mut at_once = Services::open();
    at_once.pay(order("10", Frequency::Weekly, "2027-01-18", Until::Cancelled));
    at_once.pay(amend(None, Some(Until::Times(0))));
    at_once.until("2027-02-10T15:00:00Z");
    assert_eq!(paid(&at_once).len(), 0);
}

#[test]
fn what_can_not_be_an_order_is_refused() {
    let mut clock = Services::open();
    let start = "2027-01-18";
    for (command, code) in [
        (
            order("0", Frequency::Weekly, start, Until::Cancelled),
            "AMOUNT_NOT_POSITIVE",
        ),
        (
            order("1", Frequency::Weekly, "2027-01-14", Until::Cancelled),
            "EXECUTION_DATE_PAST",
        ),
        (
            order("1", Frequency::Weekly, "2028-02-01", Until::Cancelled),
            "EXECUTION_DATE_TOO_FAR",
        ),
        (
            order("1", Frequency::Monthly { day: 0 }, start, Until::Cancelled),
            "DAY_OF_MONTH_INVALID",
        ),
        (
            order("1", Frequency::Monthly { day: 32 }, start, Until::Cancelled),
            "DAY_OF_MONTH_INVALID",
        ),
        (
            order("1", Frequency::Weekly, start, Until::Times(0)),
            "ORDER_EMPTY",
        ),
        (
            order(
                "1",
                Frequency::Weekly,
                start,
                Until::Date("2027-01-17".parse().unwrap()),
            ),
            "ORDER_EMPTY",
        ),
    ] {
        clock.pay(command);
        assert_eq!(clock.refused_for(), code);
    }
}

#[test]
fn an_occurrence_without_money_does_not_stop_the_order() {
    let mut clock = Services::open();
    clock.pay(order("15000", Frequency::Weekly, "2027-01-18", Until::Times(3)));
    // An analyst would have to look at so much: it waits, and holds the money.
    clock.until("2027-01-19T20:00:00Z");
    assert_eq!(rejected_for(&clock), ["REVIEW_EXPIRED"]);
    clock.pay(amend(Some("9000"), None));
    clock.until("2027-01-25T20:00:00Z");
    clock.pay(amend(Some("9999"), None));
    clock.ledger(spent("11000"));
    clock.until("2027-02-02T20:00:00Z");
    let mut rejected = rejected_for(&clock);
    rejected.sort();
    assert_eq!(rejected, ["INSUFFICIENT_FUNDS", "REVIEW_EXPIRED"]);
    assert_eq!(paid(&clock).len(), 3);
    assert_eq!(clock.balance("bob").0, 900_000);
}

#[test]
fn what_was_missed_while_the_service_was_away_is_made_up_for_once_each() {
    let mut clock = Services::open();
    clock.pay(order("10", Frequency::Weekly, "2027-01-18", Until::Cancelled));
    clock.pay(scheduled("1", "2027-01-20"));
    clock.payments_away = true;
    // A Saturday, five Mondays later.
    clock.until("2027-02-20T12:00:00Z");
    assert_eq!(paid(&clock).len(), 0);
    clock.payments_away = false;
    clock.payments.restart();
    clock.settle();
    assert_eq!(paid(&clock).len(), 6);
    // Booked on the business day that comes, not on one that may be closed.
    assert!(
        paid(&clock).iter().all(|paid| paid.starts_with("2027-02-22")),
        "{:?}",
        paid(&clock)
    );
    assert_eq!(clock.balance("bob").0, 5_100);
    clock.until("2027-02-22T15:00:00Z");
    assert_eq!(clock.balance("bob").0, 6_100);
}

#[test]
fn whenever_the_service_dies_every_occurrence_is_paid_once() {
    for point in (1..150).step_by(3) {
        let mut clock = Services::open();
        clock.pay(order("10", Frequency::Weekly, "2027-01-18", Until::Times(2)));
        clock.pay(scheduled("1", "2027-01-18"));
        clock.until("2027-01-18T13:59:00Z");
        clock.dies_at(point);
        clock.until("2027-01-26T14:01:00Z");
        assert_eq!(
            (paid(&clock).len(), clock.balance("bob").0),
            (3, 2_100),
            "dies at point {point}"
        );
    }
}
