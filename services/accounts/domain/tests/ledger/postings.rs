use tributary_contracts::accounts::{
    BlockScope, Country, Credit, Debit, Details, EntryKind, EntryPosted, GlAccount, ImportRef, LedgerAccount,
};

use crate::harness::{
    anna, blocked, closed, credit, credited, date, day_closed, debit, entry, eur, forced_down, given, leg,
    opened, opened_with_overdraft, today,
};

fn row(sequence: u64) -> Option<ImportRef> {
    Some(ImportRef {
        source: "berka".into(),
        sequence,
        after: None,
    })
}

#[test]
fn a_credit_raises_the_balance_against_its_contra_account() {
    let nostro = GlAccount::nostro("AB").unwrap();
    let command = Credit {
        contra: nostro,
        ..credit("12.3")
    };
    given([opened(anna())])
        .when(command)
        .then([entry(anna(), 2, EntryKind::Credit, 1230, nostro, 1230).into()]);
}

#[test]
fn a_debit_takes_what_is_available_and_no_more() {
    given([opened(anna()), credited(anna(), 2, 1000, 1000)])
        .when(debit("10.01"))
        .then_refused("INSUFFICIENT_FUNDS")
        .when(debit("10"))
        .then([entry(anna(), 3, EntryKind::Debit, -1000, GlAccount::CASH, 0).into()]);
}

#[test]
fn a_forced_debit_goes_below_zero_and_is_marked() {
    let forced = Debit {
        forced: true,
        ..debit("10")
    };
    given([opened(anna())])
        .when(forced)
        .then([forced_down(anna(), 2, 1000, -1000)])
        .when(debit("0.01"))
        .then_refused("INSUFFICIENT_FUNDS");
}

#[test]
fn a_debit_that_may_be_forced_and_needs_no_force_is_not_marked() {
    let forced = Debit {
        forced: true,
        ..debit("10")
    };
    given([opened_with_overdraft(anna(), 1000)])
        .when(forced)
        .then([entry(anna(), 2, EntryKind::Debit, -1000, GlAccount::CASH, -1000).into()]);
}

#[test]
fn a_block_stops_discretionary_postings_and_a_forced_one_past_it_is_marked() {
    for (scope, credit_fits) in [(BlockScope::Debits, true), (BlockScope::All, false)] {
        let account = || {
            given([
                opened(anna()),
                credited(anna(), 2, 1000, 1000),
                blocked(anna(), 3, scope),
            ])
        };
        account().when(debit("1")).then_refused("ACCOUNT_BLOCKED");
        let forced = Debit {
            forced: true,
            ..debit("1")
        };
        account().when(forced).then([forced_down(anna(), 4, 100, 900)]);
        match credit_fits {
            true => account().when(credit("1")).then([credited(anna(), 4, 100, 1100)]),
            false => account().when(credit("1")).then_refused("ACCOUNT_BLOCKED"),
        };
    }
}

#[test]
fn a_closed_account_takes_not_even_a_forced_debit() {
    let forced = Debit {
        forced: true,
        ..debit("1")
    };
    given([opened(anna()), closed(anna(), 2)])
        .when(forced)
        .then_refused("ACCOUNT_CLOSED");
}

#[test]
fn a_rounding_is_a_leg_of_its_own() {
    let command = Credit {
        rounding: Some("-0.07".into()),
        ..credit("10")
    };
    let outcome = given([opened(anna())]).when(command);
    assert_eq!(
        outcome.entry().legs.as_slice(),
        [
            leg(LedgerAccount::Customer(anna()), 993),
            leg(LedgerAccount::Gl(GlAccount::CASH), -1000),
            leg(LedgerAccount::Gl(GlAccount::ROUNDING), 7),
        ]
    );
    assert_eq!(outcome.entry().balance_after, 993);
}

#[test]
fn the_rounding_of_a_debit_is_seen_from_the_customer_too() {
    let command = Debit {
        rounding: Some("0.05".into()),
        ..debit("10")
    };
    let outcome = given([opened(anna()), credited(anna(), 2, 995, 995)]).when(command);
    assert_eq!(
        outcome.entry().legs.as_slice(),
        [
            leg(LedgerAccount::Customer(anna()), -995),
            leg(LedgerAccount::Gl(GlAccount::CASH), 1000),
            leg(LedgerAccount::Gl(GlAccount::ROUNDING), -5),
        ]
    );
}

#[test]
fn a_credit_of_nothing_books_its_rounding_alone() {
    let command = Credit {
        rounding: Some("0.10".into()),
        ..credit("0")
    };
    given([opened(anna())]).when(command).then([entry(
        anna(),
        2,
        EntryKind::Credit,
        10,
        GlAccount::ROUNDING,
        10,
    )
    .into()]);
}

#[test]
fn a_credit_that_its_rounding_evens_out_has_no_leg_of_the_customer() {
    let command = Credit {
        rounding: Some("-0.10".into()),
        ..credit("0.10")
    };
    let outcome = given([opened(anna())]).when(command);
    assert_eq!(
        outcome.entry().legs.as_slice(),
        [
            leg(LedgerAccount::Gl(GlAccount::CASH), -10),
            leg(LedgerAccount::Gl(GlAccount::ROUNDING), 10),
        ]
    );
    let expected = outcome.entry().clone().into();
    outcome.then([expected]);
}

#[test]
fn an_amount_that_is_none_is_refused_with_its_reason() {
    for (amount, code) in [
        ("0", "AMOUNT_NOT_POSITIVE"),
        ("0.00", "AMOUNT_NOT_POSITIVE"),
        ("-1", "AMOUNT_NOT_POSITIVE"),
        ("1.234", "AMOUNT_TOO_MANY_DECIMALS"),
        ("ten", "AMOUNT_NOT_A_NUMBER"),
        ("", "AMOUNT_NOT_A_NUMBER"),
        ("92233720368547758.08", "AMOUNT_OVERFLOW"),
    ] {
        given([opened(anna())])
            .when(credit(amount))
            .then_refused(code)
            .when(debit(amount))
            .then_refused(code);
    }
}

#[test]
fn a_rounding_is_small() {
    for (rounding, code) in [
        ("1.01", "ROUNDING_TOO_LARGE"),
        ("-1.01", "ROUNDING_TOO_LARGE"),
        ("x", "AMOUNT_NOT_A_NUMBER"),
    ] {
        let command = Credit {
            rounding: Some(rounding.into()),
            ..credit("10")
        };
        given([opened(anna())]).when(command).then_refused(code);
    }
}

#[test]
fn a_balance_that_would_overflow_is_refused() {
    let max = || given([opened(anna()), credited(anna(), 2, i64::MAX, i64::MAX)]);
    max().when(credit("0.01")).then_refused("AMOUNT_OVERFLOW");
    let forced = |amount: &str| Debit {
        forced: true,
        ..debit(amount)
    };
    given([opened(anna()), forced_down(anna(), 2, i64::MAX, -i64::MAX)])
        .when(forced("0.02"))
        .then_refused("AMOUNT_OVERFLOW");
}

#[test]
fn the_amount_and_its_rounding_together_must_fit_too() {
    let command = Debit {
        rounding: Some("-0.02".into()),
        forced: true,
        ..debit("92233720368547758.07")
    };
    given([opened(anna())])
        .when(command)
        .then_refused("AMOUNT_OVERFLOW");
    let lowest = Debit {
        rounding: Some("-0.01".into()),
        forced: true,
        ..debit("92233720368547758.07")
    };
    given([opened(anna())])
        .when(lowest)
        .then_refused("AMOUNT_OVERFLOW");
}

#[test]
fn a_posting_to_no_account_or_in_another_currency_is_refused() {
    given([]).when(credit("1")).then_refused("ACCOUNT_UNKNOWN");
    given([]).when(debit("1")).then_refused("ACCOUNT_UNKNOWN");
    let euros = Credit {
        currency: eur(),
        ..credit("1")
    };
    given([opened(anna())])
        .when(euros)
        .then_refused("CURRENCY_MISMATCH");
    let euros = Debit {
        currency: eur(),
        ..debit("1")
    };
    given([opened(anna())])
        .when(euros)
        .then_refused("CURRENCY_MISMATCH");
}

#[test]
fn only_transfers_post_against_payments_in_transit() {
    let into_transit = Credit {
        contra: GlAccount::IN_TRANSIT,
        ..credit("1")
    };
    given([opened(anna())])
        .when(into_transit)
        .then_refused("CONTRA_NOT_ALLOWED");
    let out_of_transit = Debit {
        contra: GlAccount::IN_TRANSIT,
        ..debit("1")
    };
    given([opened(anna())])
        .when(out_of_transit)
        .then_refused("CONTRA_NOT_ALLOWED");
}

#[test]
fn the_row_of_a_history_is_posted_once_however_often_it_comes() {
    let import = |sequence, amount: &str| Credit {
        import: row(sequence),
        ..credit(amount)
    };
    let posted = EntryPosted {
        import: row(7),
        ..entry(anna(), 2, EntryKind::Credit, 100, GlAccount::CASH, 100)
    };
    let taken = Debit {
        import: row(9),
        ..debit("1")
    };
    let then_taken = EntryPosted {
        import: row(9),
        ..entry(anna(), 3, EntryKind::Debit, -100, GlAccount::CASH, 0)
    };
    given([opened(anna())])
        .when(import(7, "1"))
        .then([posted.into()])
        .when(import(7, "1"))
        .then_nothing_to_do("ROW_IMPORTED_BEFORE")
        .when(import(6, "1"))
        .then_nothing_to_do("ROW_IMPORTED_BEFORE")
        .when(taken.clone())
        .then([then_taken.into()])
        .when(taken)
        .then_nothing_to_do("ROW_IMPORTED_BEFORE");
}

#[test]
fn histories_of_other_sources_count_for_themselves() {
    let first = EntryPosted {
        import: row(7),
        ..entry(anna(), 2, EntryKind::Credit, 100, GlAccount::CASH, 100)
    };
    let other = Credit {
        import: Some(ImportRef {
            source: "generated".into(),
            sequence: 7,
            after: None,
        }),
        ..credit("1")
    };
    let outcome = given([opened(anna()), first.into()]).when(other);
    assert_eq!(outcome.entry().balance_after, 200);
}

#[test]
fn what_comes_late_books_into_the_open_day_with_its_own_value_date() {
    let late = EntryPosted {
        booking_date: date("1993-04-01"),
        value_date: today(),
        ..entry(anna(), 2, EntryKind::Credit, 100, GlAccount::CASH, 100)
    };
    given([opened(anna()), day_closed("1993-03-31")])
        .when(credit("1"))
        .then([late.into()]);
}

#[test]
fn a_value_date_of_its_own_is_kept() {
    let backdated = Credit {
        value_date: Some(date("1993-02-15")),
        ..credit("1")
    };
    let outcome = given([opened(anna())]).when(backdated);
    assert_eq!(outcome.entry().value_date, date("1993-02-15"));
    assert_eq!(outcome.entry().booking_date, today());
}

#[test]
fn a_date_that_cannot_be_meant_is_refused() {
    for (booking_date, value_date) in [
        (date("0093-03-01"), None),
        (date("+10000-01-01"), None),
        (today(), Some(date("1899-12-31"))),
    ] {
        let command = Debit {
            booking_date,
            value_date,
            ..debit("1")
        };
        given([opened(anna())])
            .when(command)
            .then_refused("DATE_OUT_OF_RANGE");
    }
}

#[test]
fn details_are_kept_with_the_entry() {
    let details = Details {
        purpose: Some("SIPO".into()),
        counterparty_bank: Some("AB".into()),
        country: Some(Country {
            code: "CZ".into(),
            source: "iban".into(),
        }),
        reference: Some("695247".into()),
    };
    let command = Credit {
        details: details.clone(),
        ..credit("1")
    };
    let outcome = given([opened(anna())]).when(command);
    assert_eq!(outcome.entry().details, details);
}

#[test]
fn details_and_names_that_are_too_long_empty_or_malformed_are_refused() {
    let long = || Some("x".repeat(65).into());
    let country = |code: &str, source: &str| Details {
        country: Some(Country {
            code: code.into(),
            source: source.into(),
        }),
        ..Details::default()
    };
    let details = |code, details| {
        let command = Credit {
            details,
            ..credit("1")
        };
        given([opened(anna())]).when(command).then_refused(code);
    };
    details(
        "FIELD_TOO_LONG",
        Details {
            purpose: long(),
            ..Details::default()
        },
    );
    details(
        "FIELD_TOO_LONG",
        Details {
            counterparty_bank: long(),
            ..Details::default()
        },
    );
    details(
        "FIELD_TOO_LONG",
        Details {
            reference: long(),
            ..Details::default()
        },
    );
    details(
        "FIELD_EMPTY",
        Details {
            purpose: Some("".into()),
            ..Details::default()
        },
    );
    details("FIELD_EMPTY", country("CZ", ""));
    details("FIELD_MALFORMED", country("cz", "iban"));
    details("FIELD_MALFORMED", country("CZE", "iban"));
    for (source, code) in [
        ("", "FIELD_EMPTY"),
        ("a history with an endless name, for sure", "FIELD_TOO_LONG"),
    ] {
        let command = Debit {
            import: Some(ImportRef {
                source: source.into(),
                sequence: 1,
                after: None,
            }),
            ..debit("1")
        };
        given([opened(anna())]).when(command).then_refused(code);
    }
}
