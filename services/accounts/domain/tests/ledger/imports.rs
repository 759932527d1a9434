//! Rows of recorded histories that name the row before them: behind a row that is refused, none is taken.

use proptest::{prelude::*, sample::select};
use tributary_accounts_domain::{Books, Recorded, decide, evolve};
use tributary_contracts::accounts::{
    AccountsCommand, AccountsEvent, Credit, Debit, Direction, EntryKind, EntryPosted, GlAccount, HoldPlaced,
    ImportRef, Reverse, Settle, TransferOut,
};
use tributary_ids::CommandId;

use crate::harness::{
    anna, boris, context, credit, credited, debit, entry, given, given_id, hold, opened, payment, settle,
    today, transfer_out,
};

fn row(sequence: u64, after: u64) -> Option<ImportRef> {
    Some(ImportRef {
        source: "berka".into(),
        sequence,
        after: Some(after),
    })
}

fn bring(sequence: u64, after: u64, amount: &str) -> Credit {
    Credit {
        import: row(sequence, after),
        ..credit(amount)
    }
}

fn brought(seq: u64, import: Option<ImportRef>, amount: i64, balance_after: i64) -> AccountsEvent {
    EntryPosted {
        import,
        ..entry(
            anna(),
            seq,
            EntryKind::Credit,
            amount,
            GlAccount::CASH,
            balance_after,
        )
    }
    .into()
}

#[test]
fn a_row_goes_on_where_the_row_before_was_taken_and_nowhere_else() {
    given([opened(anna())])
        .when(bring(7, 5, "1"))
        .then_refused("IMPORT_GAP")
        .when(bring(7, 0, "1"))
        .then([brought(2, row(7, 0), 100, 100)])
        .when(bring(12, 9, "1"))
        .then_refused("IMPORT_GAP")
        .when(bring(12, 0, "1"))
        .then_refused("IMPORT_GAP")
        .when(bring(9, 7, "1"))
        .then([brought(3, row(9, 7), 100, 200)])
        .when(bring(12, 9, "1"))
        .then([brought(4, row(12, 9), 100, 300)]);
}

#[test]
fn behind_a_refused_row_all_are_refused_until_it_is_repaired() {
    given([opened(anna()), brought(2, row(7, 0), 100, 100)])
        .when(bring(8, 7, "1.234"))
        .then_refused("AMOUNT_TOO_MANY_DECIMALS")
        .when(bring(9, 8, "1"))
        .then_refused("IMPORT_GAP")
        .when(bring(10, 9, "1"))
        .then_refused("IMPORT_GAP")
        .when(bring(8, 7, "1.23"))
        .then([brought(3, row(8, 7), 123, 223)])
        .when(bring(9, 8, "1"))
        .then([brought(4, row(9, 8), 100, 323)]);
}

#[test]
fn a_row_that_was_taken_is_known_whatever_it_says_of_the_one_before() {
    given([opened(anna()), brought(2, row(7, 0), 100, 100)])
        .when(bring(7, 3, "1"))
        .then_nothing_to_do("ROW_IMPORTED_BEFORE")
        .when(bring(4, 7, "1"))
        .then_nothing_to_do("ROW_IMPORTED_BEFORE");
}

#[test]
fn each_source_has_its_own_row_before() {
    let other = Credit {
        import: Some(ImportRef {
            source: "generated".into(),
            ..row(9, 7).unwrap()
        }),
        ..credit("1")
    };
    given([opened(anna()), brought(2, row(7, 0), 100, 100)])
        .when(other)
        .then_refused("IMPORT_GAP");
}

#[test]
fn a_gap_stops_every_kind_of_row() {
    let placed = HoldPlaced {
        account_id: anna(),
        seq: 3,
        hold_id: hold(),
        direction: Direction::Out,
        amount: 500,
        expires_at: None,
    };
    let import = row(9, 8);
    let rows: [AccountsCommand; 5] = [
        bring(9, 8, "1").into(),
        Debit {
            import: import.clone(),
            forced: true,
            ..debit("1")
        }
        .into(),
        Settle {
            import: import.clone(),
            ..settle("1", false)
        }
        .into(),
        TransferOut {
            import: import.clone(),
            ..transfer_out("1")
        }
        .into(),
        Reverse {
            account_id: anna(),
            entry_id: given_id(2).to_string().into(),
            booking_date: today(),
            import,
        }
        .into(),
    ];
    for command in rows {
        given([
            opened(anna()),
            opened(boris()),
            credited(anna(), 2, 1000, 1000),
            placed.clone().into(),
        ])
        .when(command)
        .then_refused("IMPORT_GAP");
    }
}

/// A row of a history as an importer sends it, spoilt where `sound` isn't.
fn command(number: usize, history: &[(bool, u8)], sound: bool) -> AccountsCommand {
    let (_, kind) = history[number];
    let sequence = |number: usize| 10 * (number as u64 + 1);
    let import = row(sequence(number), number.checked_sub(1).map_or(0, sequence));
    let amount = if sound { "2" } else { "0.001" };
    match kind {
        0 => Credit {
            import,
            ..credit(amount)
        }
        .into(),
        _ => Debit {
            import,
            forced: true,
            ..debit(amount)
        }
        .into(),
    }
}

proptest! {
    /// However often a history is sent, with whatever rows spoilt and in whatever pieces, the account holds a
    /// beginning of it, each row once; and the whole of it once all rows are sound.
    #[test]
    fn an_account_holds_a_beginning_of_the_history(
        history in prop::collection::vec((prop::bool::weighted(0.8), 0..2_u8), 1..20),
        runs in prop::collection::vec((any::<prop::sample::Index>(), select(vec![false, false, true])), 1..4),
    ) {
        let mut books = Books::default();
        let opening = Recorded { event_id: given_id(0), time_ms: 0 };
        evolve(&mut books, &opened(anna()), &opening).unwrap();
        let mut taken: Vec<u64> = Vec::new();
        let mut send = |from: usize, repaired: bool| {
            for number in from..history.len() {
                let decided = decide(&books, &command(number, &history, repaired || history[number].0), &context());
                for event in decided.iter().flat_map(|decision| &decision.events) {
                    let event_id = CommandId::named(&format!("{number}")).event(0);
                    evolve(&mut books, event, &Recorded { event_id, time_ms: 0 }).unwrap();
                    if let AccountsEvent::EntryPosted(entry) = event {
                        taken.push(entry.import.as_ref().unwrap().sequence);
                    }
                }
            }
            taken.clone()
        };
        for (from, repaired) in &runs {
            let taken = send(from.index(history.len()), *repaired);
            let beginning: Vec<u64> = (1..=taken.len() as u64).map(|number| 10 * number).collect();
            prop_assert_eq!(taken, beginning);
        }
        let first_bad = history.iter().position(|(sound, _)| !sound).unwrap_or(history.len());
        prop_assert!(send(0, false).len() >= first_bad);
        prop_assert_eq!(send(0, true).len(), history.len());
    }
}

#[test]
fn a_transfer_behind_a_gap_leaves_its_payment_unknown() {
    let out = |sequence, after| TransferOut {
        import: row(sequence, after),
        ..transfer_out("1")
    };
    let given = given([opened(anna()), credited(anna(), 2, 1000, 1000)])
        .when(out(9, 8))
        .then_refused("IMPORT_GAP");
    assert!(given.books.transit(anna(), payment()).is_none());
}
