use tributary_history::{Counterparty, Reversal};

use super::*;

fn czk() -> Currency {
    "CZK".parse().unwrap()
}

fn opened() -> Translator {
    let mut translator = Translator::new("berka");
    for account in ["berka/1", "berka/2"] {
        let open = Open {
            account: account.into(),
            owner: "berka/client/7".into(),
            date: "1993-01-01".parse().unwrap(),
            currency: czk(),
            product: "recorded".into(),
            branch: Some("berka/district/18".into()),
            opening_balance: 0,
        };
        let opening = translator.command(&HistoryRow::Open(open), &Plan::default());
        assert!(opening.unwrap().unwrap().is_alone());
    }
    translator
}

fn posting(amount: i64, rounding: i64) -> Posting {
    Posting {
        account: "berka/1".into(),
        sequence: 199_301_010_001,
        date: "1993-01-01".parse().unwrap(),
        value_date: None,
        amount,
        rounding,
        contra: Contra::Bank("AB".into()),
        kind: "VYDAJ/PREVOD NA UCET".into(),
        reference: "17".into(),
        counterparty: Some(Counterparty {
            bank: Some("AB".into()),
            account: Some("1234567".into()),
        }),
        balance_after: Some(0),
        forced: false,
    }
}

fn command_of(row: Posting) -> Option<AccountsCommand> {
    opened()
        .command(&HistoryRow::Posting(row), &Plan::default())
        .unwrap()
        .map(|command| command.data)
}

#[test]
fn a_debit_is_booked_whatever_the_balance_and_names_the_bank_but_never_the_outside_account() {
    let Some(AccountsCommand::Debit(debit)) = command_of(posting(-1_230, 0)) else {
        panic!("no debit");
    };
    assert_eq!(
        (debit.amount.as_str(), debit.forced, debit.rounding.clone()),
        ("12.30", true, None)
    );
    assert_eq!(debit.contra, GlAccount::nostro("AB").unwrap());
    assert_eq!(debit.details.counterparty_bank.as_deref(), Some("AB"));
    let text = serde_json::to_string(&debit).unwrap();
    assert!(!text.contains("1234567"), "{text}");
}

#[test]
fn a_rounding_travels_apart_and_a_row_of_a_rounding_alone_is_a_credit_of_nothing() {
    let Some(AccountsCommand::Credit(credit)) = command_of(posting(500, -10)) else {
        panic!("no credit");
    };
    assert_eq!(
        (credit.amount.as_str(), credit.rounding.as_deref()),
        ("5.00", Some("-0.10"))
    );
    let Some(AccountsCommand::Credit(credit)) = command_of(posting(0, -10)) else {
        panic!("no credit");
    };
    assert_eq!(
        (credit.amount.as_str(), credit.rounding.as_deref()),
        ("0.00", Some("-0.10"))
    );
}

#[test]
fn a_row_that_moves_nothing_is_no_command() {
    assert_eq!(command_of(posting(0, 0)), None);
}

#[test]
fn a_bank_or_account_that_the_chart_cannot_hold_is_a_fault_of_the_row() {
    for contra in [
        Contra::Bank("ab".into()),
        Contra::Gl("1011".into()),
        Contra::Gl("2100".into()),
    ] {
        let row = HistoryRow::Posting(Posting {
            contra,
            ..posting(1, 0)
        });
        assert_eq!(
            opened().command(&row, &Plan::default()),
            Err(RowFault::ContraUnknown)
        );
    }
}

#[test]
fn the_same_row_is_the_same_command_in_every_replay() {
    let row = HistoryRow::Posting(posting(100, 0));
    assert_eq!(
        opened().command(&row, &Plan::default()),
        opened().command(&row, &Plan::default())
    );
}

#[test]
fn a_reversal_names_the_entry_that_its_row_became() {
    let mut translator = opened();
    let original = translator
        .command(&HistoryRow::Posting(posting(100, 0)), &Plan::default())
        .unwrap()
        .unwrap();
    let reversal = HistoryRow::Reversal(Reversal {
        account: "berka/1".into(),
        sequence: 199_301_010_002,
        date: "1993-01-01".parse().unwrap(),
        of: 199_301_010_001,
        amount: -100,
        contra: Contra::Cash,
        reference: "18".into(),
        balance_after: None,
        forced: false,
    });
    let Some(AccountsCommand::Reverse(reverse)) = translator
        .command(&reversal, &Plan::default())
        .unwrap()
        .map(|c| c.data)
    else {
        panic!("no reversal");
    };
    assert_eq!(reverse.entry_id, original.id.event(0).to_string());
}

#[test]
fn a_row_names_the_last_one_before_it_that_its_account_takes() {
    let mut translator = opened();
    let mut named = |sequence, amount| {
        let row = Posting {
            sequence,
            ..posting(amount, 0)
        };
        let command = translator.command(&HistoryRow::Posting(row), &Plan::default());
        command.unwrap().map(|command| {
            let import = command.data.import().unwrap();
            (import.sequence, import.after)
        })
    };
    assert_eq!(named(7, 100), Some((7, Some(0))));
    assert_eq!(named(8, 0), None);
    assert_eq!(named(9, -100), Some((9, Some(7))));
}

#[test]
fn a_name_that_is_an_id_stands_for_itself() {
    let id = AccountId::named("berka/1");
    assert_eq!(account_id(&id.to_string()), id);
    assert_eq!(account_id("berka/1"), id);
}

#[test]
fn a_transfer_is_sent_by_the_debtor_with_its_own_sequence() {
    let transfer = HistoryRow::Transfer(Transfer {
        payment: "p".into(),
        date: "1993-01-01".parse().unwrap(),
        time: None,
        from: "berka/1".into(),
        from_sequence: 5,
        to: "berka/2".into(),
        to_sequence: 9,
        amount: 100,
        from_balance_after: None,
        to_balance_after: None,
    });
    let command = opened().command(&transfer, &Plan::default()).unwrap().unwrap();
    assert_eq!(command.account, AccountId::named("berka/1"));
    assert_eq!(command.data.import().map(|import| import.sequence), Some(5));
}
