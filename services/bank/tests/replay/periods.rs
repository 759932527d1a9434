//! Periods of a small bank in the published form, one after the other: an account goes on where the ledger has it, and is
//! left out where the period begins elsewhere.

use std::{fs, path::Path};

use bank::LocalBank;
use serde_json::Value;

use super::replay_command;

const HEADER: &str =
    r#""trans_id";"account_id";"date";"type";"operation";"amount";"balance";"k_symbol";"bank";"account""#;

/// January: accounts 1, 2 and 3 begin.
const FIRST: [&str; 4] = [
    r#"1;1;930101;"PRIJEM";"VKLAD";100.00;100.00;"";;"#,
    r#"2;1;930110;"VYDAJ";"VYBER";30.00;70.00;"";;"#,
    r#"3;2;930101;"PRIJEM";"VKLAD";200.00;200.00;"";;"#,
    r#"4;3;930101;"PRIJEM";"VKLAD";300.00;300.00;"";;"#,
];

/// February: account 1 stands still, account 2's first row is rounded by 10 haler, account 3 is overdrawn, account 4 is
/// new.
const SECOND: [&str; 5] = [
    r#"5;2;930201;"PRIJEM";"";1.50;201.60;"UROK";;"#,
    r#"6;2;930202;"VYDAJ";"PREVOD NA UCET";11.60;190.00;"SIPO";"ST";66487163"#,
    r#"7;3;930203;"VYDAJ";"VYBER KARTOU";400.00;-100.00;"";;"#,
    r#"8;3;930203;"PRIJEM";"VKLAD";50.00;-50.00;"";;"#,
    r#"9;4;930205;"PRIJEM";"VKLAD";10.00;10.00;"";;"#,
];

/// March: the first three.
const THIRD: [&str; 6] = [
    r#"10;1;930301;"PRIJEM";"VKLAD";5.00;75.00;"";;"#,
    r#"11;1;930302;"PRIJEM";"VKLAD";5.00;80.00;"";;"#,
    r#"12;2;930301;"PRIJEM";"VKLAD";5.00;195.00;"";;"#,
    r#"13;2;930302;"PRIJEM";"VKLAD";5.00;200.00;"";;"#,
    r#"14;3;930301;"VYDAJ";"VYBER";0.40;-50.40;"SANKC. UROK";;"#,
    r#"15;3;930302;"PRIJEM";"VKLAD";60.40;10.00;"";;"#,
];

fn directory(home: &Path, name: &str, lines: &[&str]) -> std::path::PathBuf {
    let directory = home.join(name);
    fs::create_dir(&directory).unwrap();
    let write = |name: &str, header: &str, lines: Vec<String>| {
        let text: String = [header.to_owned()]
            .into_iter()
            .chain(lines)
            .map(|line| line + "\r\n")
            .collect();
        fs::write(directory.join(name), text).unwrap();
    };
    let accounts = (1..=4).map(|number| {
        let opened = if number == 4 { "930205" } else { "930101" };
        format!(r#"{number};18;"POPLATEK MESICNE";{opened}"#)
    });
    let owners = (1..=4).map(|number| format!(r#"{number};{number};{number};"OWNER""#));
    write(
        "account.asc",
        r#""account_id";"district_id";"frequency";"date""#,
        accounts.collect(),
    );
    write(
        "disp.asc",
        r#""disp_id";"client_id";"account_id";"type""#,
        owners.collect(),
    );
    let transactions = lines.iter().map(|line| (*line).to_owned());
    write("trans.asc", HEADER, transactions.collect());
    directory
}

pub(crate) fn an_account_goes_on_where_the_ledger_has_it_and_nowhere_else(bank: &LocalBank, home: &Path) {
    let periods = [("first", &FIRST[..]), ("second", &SECOND), ("third", &THIRD)];
    let [first, second, third] = periods.map(|(name, lines)| directory(home, name, lines));
    let sound = |path: &Path, carried_on: u64, transactions: u64| {
        let (success, told, text) = replay_command(bank, path);
        assert!(success, "{text}");
        assert_eq!(told["carried_on"], carried_on, "{text}");
        assert_eq!(told["transactions"]["topic"], transactions, "{text}");
        told
    };
    sound(&first, 0, 4);

    // When a period is missing, the accounts that moved in it are left out, and the one that didn't goes on.
    let (success, told, text) = replay_command(bank, &third);
    assert!(!success, "{text}");
    let bad: Vec<_> = told["bad"].as_array().unwrap().iter().collect();
    let told_of = |row: &Value| {
        let text = |field: &str| row[field].as_str().unwrap().to_owned();
        [text("place"), text("account"), text("code")]
    };
    let differs = |place: &str, account: &str| [place, account, "REPLAY_OPENING_DIFFERS"].map(str::to_owned);
    assert_eq!(
        bad.into_iter().map(told_of).collect::<Vec<_>>(),
        [
            differs("trans.asc:4", "berka/2"),
            differs("trans.asc:6", "berka/3")
        ]
    );
    assert_eq!(told["parked"].as_array().unwrap().len(), 2, "{text}");
    assert!(text.contains("What was replayed reconciles"), "{text}");
    assert_eq!(told["transactions"]["topic"], 2, "{text}");

    // When it comes after all, they go on, and the rounding between two periods is found.
    let told = sound(&second, 2, 5);
    assert_eq!(told["roundings"]["topic"], 1);
    sound(&third, 3, 6);

    // When all of it comes as one, nothing is new.
    let lines = [&FIRST[..], &SECOND, &THIRD].concat();
    let whole = directory(home, "whole", &lines);
    let told = sound(&whole, 0, 15);
    assert_eq!(told["sent"], told["known_before"]);
    assert_eq!(told["accounts"]["topic"], 4);
}
