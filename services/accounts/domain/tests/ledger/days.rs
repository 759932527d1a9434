use tributary_accounts_domain::{Books, REMEMBERED_MS, Recorded, evolve};
use tributary_contracts::accounts::{CloseDay, Direction, EntryKind, HoldReleased};

use crate::harness::{
    NOW, PARTITION, anna, boris, credited, date, day_closed, given, given_id, hold, opened, payment, placed,
    step,
};

fn close(day: &str) -> CloseDay {
    CloseDay {
        partition: PARTITION,
        date: date(day),
    }
}

#[test]
fn days_close_in_order_and_each_once() {
    given([])
        .when(close("1993-03-01"))
        .then([day_closed("1993-03-01")])
        .when(close("1993-03-01"))
        .then_refused("DAY_ALREADY_CLOSED")
        .when(close("1993-02-28"))
        .then_refused("DAY_OUT_OF_ORDER")
        .when(close("1993-03-04"))
        .then([day_closed("1993-03-04")]);
}

#[test]
fn a_day_that_cannot_be_meant_is_not_closed() {
    for day in ["1899-12-31", "9999-12-31", "+10000-01-01"] {
        given([]).when(close(day)).then_refused("DATE_OUT_OF_RANGE");
    }
}

#[test]
fn a_partition_closes_its_own_days_only() {
    let elsewhere = CloseDay {
        partition: PARTITION + 1,
        ..close("1993-03-01")
    };
    given([]).when(elsewhere).then_refused("WRONG_PARTITION");
}

/// Closes a day at a record time.
fn close_at(books: &mut Books, day: &str, time_ms: i64) {
    let recorded = Recorded {
        event_id: given_id(99),
        time_ms,
    };
    evolve(books, &day_closed(day), &recorded).unwrap();
}

#[test]
fn entries_that_can_no_longer_be_reversed_are_forgotten_at_a_closing() {
    let mut books = given([opened(anna()), credited(anna(), 2, 1000, 1000)]).books;
    close_at(&mut books, "1993-05-29", NOW);
    assert!(books.entry(given_id(1)).is_some());
    close_at(&mut books, "1993-06-27", NOW);
    assert!(
        books.entry(given_id(1)).is_some(),
        "no sweep within 30 days of the last"
    );
    close_at(&mut books, "1993-06-28", NOW);
    assert!(books.entry(given_id(1)).is_none());
}

#[test]
fn ended_holds_and_payments_are_remembered_in_real_time_however_fast_days_pass() {
    let released = HoldReleased {
        account_id: anna(),
        seq: 4,
        hold_id: hold(),
        amount: 100,
        expired: false,
    };
    let mut books = given([
        opened(anna()),
        credited(anna(), 2, 1000, 1000),
        placed(anna(), 3, Direction::Out, 100),
        released.into(),
        step(EntryKind::TransferOut, 5, 700, 300).into(),
    ])
    .books;
    close_at(&mut books, "2003-01-01", NOW + REMEMBERED_MS);
    assert!(books.hold(anna(), hold()).is_some());
    close_at(&mut books, "2003-02-01", NOW + REMEMBERED_MS + 1);
    assert!(books.hold(anna(), hold()).is_none());
    close_at(&mut books, "2013-01-01", NOW + 2 * REMEMBERED_MS);
    assert!(books.transit(anna(), payment()).is_some());
    close_at(&mut books, "2013-02-01", NOW + 2 * REMEMBERED_MS + 1);
    assert!(books.transit(anna(), payment()).is_none());
}

#[test]
fn an_open_hold_is_never_forgotten() {
    let mut books = given([opened(boris()), placed(boris(), 2, Direction::In, 100)]).books;
    close_at(&mut books, "2003-02-01", NOW + 10 * REMEMBERED_MS);
    assert!(books.hold(boris(), hold()).is_some());
}
