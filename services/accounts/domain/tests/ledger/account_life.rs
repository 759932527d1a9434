use tributary_accounts_domain::Books;
use tributary_contracts::accounts::{
    AccountClosed, AccountOpened, AccountUnblocked, BlockAccount, BlockScope, CloseAccount, Direction,
    EntryKind, EntryPosted, GlAccount, OpenAccount, OverdraftLimitSet, SetOverdraftLimit, UnblockAccount,
};
use tributary_ids::CustomerId;

use crate::harness::{
    anna, blocked, closed, credit, credited, czk, date, day_closed, debit, entry, eur, given, open, opened,
    opened_with_overdraft, placed, today,
};

fn close() -> CloseAccount {
    CloseAccount {
        account_id: anna(),
        booking_date: today(),
    }
}

fn block(scope: BlockScope) -> BlockAccount {
    BlockAccount {
        account_id: anna(),
        scope,
        reason: "customer-request".into(),
    }
}

fn unblock() -> UnblockAccount {
    UnblockAccount { account_id: anna() }
}

fn set_limit(limit: &str) -> SetOverdraftLimit {
    SetOverdraftLimit {
        account_id: anna(),
        limit: limit.into(),
        currency: czk(),
    }
}

#[test]
fn an_account_opens_with_its_terms() {
    given([]).when(open()).then([opened(anna())]);
}

#[test]
fn an_opening_balance_stands_against_its_own_account() {
    let command = OpenAccount {
        opening_balance: "12.50".into(),
        ..open()
    };
    given([]).when(command).then([
        opened(anna()),
        entry(
            anna(),
            2,
            EntryKind::OpeningBalance,
            1250,
            GlAccount::OPENING_BALANCES,
            1250,
        )
        .into(),
    ]);
}

#[test]
fn an_opening_balance_below_the_overdraft_limit_is_marked_as_forced() {
    for (limit, forced) in [("10", true), ("20", false)] {
        let command = OpenAccount {
            opening_balance: "-12.50".into(),
            overdraft_limit: limit.into(),
            ..open()
        };
        given([]).when(command).then([
            opened_with_overdraft(anna(), limit.parse::<i64>().unwrap() * 100),
            EntryPosted {
                forced,
                ..entry(
                    anna(),
                    2,
                    EntryKind::OpeningBalance,
                    -1250,
                    GlAccount::OPENING_BALANCES,
                    -1250,
                )
            }
            .into(),
        ]);
    }
}

#[test]
fn opening_again_with_the_same_terms_changes_nothing_whatever_became_of_the_account() {
    let command = OpenAccount {
        opening_balance: "12.50".into(),
        ..open()
    };
    let limit_set = OverdraftLimitSet {
        account_id: anna(),
        seq: 3,
        limit: 500,
    };
    given([
        opened(anna()),
        entry(
            anna(),
            2,
            EntryKind::OpeningBalance,
            1250,
            GlAccount::OPENING_BALANCES,
            1250,
        )
        .into(),
        limit_set.into(),
    ])
    .when(command)
    .then_nothing_to_do("ACCOUNT_EXISTS");
    given([opened(anna()), closed(anna(), 2)])
        .when(open())
        .then_nothing_to_do("ACCOUNT_EXISTS");
}

#[test]
fn opening_again_with_other_terms_is_refused() {
    for other in [
        OpenAccount {
            owner: CustomerId::named("somebody else"),
            ..open()
        },
        OpenAccount {
            product: "savings".into(),
            ..open()
        },
        OpenAccount {
            currency: eur(),
            ..open()
        },
        OpenAccount {
            overdraft_limit: "1".into(),
            ..open()
        },
        OpenAccount {
            opening_balance: "1".into(),
            ..open()
        },
    ] {
        given([opened(anna())])
            .when(other)
            .then_refused("ACCOUNT_CONFLICT");
    }
}

#[test]
fn an_account_opens_in_the_open_day() {
    let late = AccountOpened {
        booking_date: date("1993-03-02"),
        ..match opened(anna()) {
            tributary_contracts::accounts::AccountsEvent::AccountOpened(event) => event,
            _ => unreachable!(),
        }
    };
    given([day_closed("1993-03-01")]).when(open()).then([late.into()]);
}

#[test]
fn an_account_with_impossible_terms_is_not_opened() {
    for (command, code) in [
        (
            OpenAccount {
                overdraft_limit: "-1".into(),
                ..open()
            },
            "AMOUNT_NEGATIVE",
        ),
        (
            OpenAccount {
                opening_balance: "1.234".into(),
                ..open()
            },
            "AMOUNT_TOO_MANY_DECIMALS",
        ),
        (
            OpenAccount {
                opening_balance: "-92233720368547758.08".into(),
                ..open()
            },
            "AMOUNT_OVERFLOW",
        ),
        (
            OpenAccount {
                product: "".into(),
                ..open()
            },
            "FIELD_EMPTY",
        ),
        (
            OpenAccount {
                product: "p".repeat(33).into(),
                ..open()
            },
            "FIELD_TOO_LONG",
        ),
        (
            OpenAccount {
                booking_date: date("1899-12-31"),
                ..open()
            },
            "DATE_OUT_OF_RANGE",
        ),
    ] {
        given([]).when(command).then_refused(code);
    }
}

#[test]
fn an_empty_account_closes_and_takes_nothing_more() {
    let closed = AccountClosed {
        account_id: anna(),
        seq: 2,
        booking_date: today(),
    };
    given([opened(anna())])
        .when(close())
        .then([closed.into()])
        .when(credit("1"))
        .then_refused("ACCOUNT_CLOSED")
        .when(debit("1"))
        .then_refused("ACCOUNT_CLOSED")
        .when(block(BlockScope::All))
        .then_refused("ACCOUNT_CLOSED")
        .when(unblock())
        .then_refused("ACCOUNT_CLOSED")
        .when(set_limit("1"))
        .then_refused("ACCOUNT_CLOSED")
        .when(close())
        .then_refused("ACCOUNT_CLOSED");
}

#[test]
fn an_account_with_money_holds_or_a_block_does_not_close() {
    given([opened(anna()), credited(anna(), 2, 1, 1)])
        .when(close())
        .then_refused("BALANCE_NOT_ZERO");
    given([opened(anna()), placed(anna(), 2, Direction::In, 1)])
        .when(close())
        .then_refused("HOLDS_OPEN");
    given([opened(anna()), blocked(anna(), 2, BlockScope::Debits)])
        .when(close())
        .then_refused("ACCOUNT_BLOCKED");
}

#[test]
fn a_block_can_be_changed_and_lifted() {
    given([opened(anna())])
        .when(block(BlockScope::Debits))
        .then([blocked(anna(), 2, BlockScope::Debits)])
        .when(block(BlockScope::All))
        .then([blocked(anna(), 3, BlockScope::All)])
        .when(unblock())
        .then([AccountUnblocked {
            account_id: anna(),
            seq: 4,
        }
        .into()])
        .when(unblock())
        .then_nothing_to_do("ACCOUNT_NOT_BLOCKED");
}

#[test]
fn a_block_needs_a_short_reason() {
    let long = BlockAccount {
        reason: "r".repeat(36).into(),
        ..block(BlockScope::All)
    };
    given([opened(anna())]).when(long).then_refused("FIELD_TOO_LONG");
}

#[test]
fn an_overdraft_limit_lets_debits_go_below_zero() {
    given([opened(anna())])
        .when(set_limit("5"))
        .then([OverdraftLimitSet {
            account_id: anna(),
            seq: 2,
            limit: 500,
        }
        .into()])
        .when(set_limit("5.00"))
        .then_nothing_to_do("LIMIT_UNCHANGED")
        .when(debit("5.01"))
        .then_refused("INSUFFICIENT_FUNDS")
        .when(debit("5"))
        .then([entry(anna(), 3, EntryKind::Debit, -500, GlAccount::CASH, -500).into()]);
}

#[test]
fn an_overdraft_limit_is_an_amount_of_the_accounts_currency() {
    given([opened(anna())])
        .when(set_limit("-5"))
        .then_refused("AMOUNT_NEGATIVE")
        .when(SetOverdraftLimit {
            currency: eur(),
            ..set_limit("5")
        })
        .then_refused("CURRENCY_MISMATCH");
}

#[test]
fn nothing_happens_on_an_account_that_was_never_opened() {
    given([])
        .when(close())
        .then_refused("ACCOUNT_UNKNOWN")
        .when(block(BlockScope::All))
        .then_refused("ACCOUNT_UNKNOWN")
        .when(unblock())
        .then_refused("ACCOUNT_UNKNOWN")
        .when(set_limit("1"))
        .then_refused("ACCOUNT_UNKNOWN");
}

#[test]
fn the_books_know_what_an_account_was_opened_with() {
    let books: Books = given([opened(anna())]).books;
    let terms = books.terms(anna()).unwrap();
    assert_eq!(terms.owner, CustomerId::named("owner"));
    assert_eq!(terms.product.as_str(), "current");
}
