//! Where the real data is, and copies of it to spoil.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use tributary_testkit::published;

/// The real bank's directory; None, said on the terminal, where there is none.
pub(crate) fn berka() -> Option<PathBuf> {
    published("berka/trans_1993.asc")?.parent().map(Path::to_path_buf)
}

/// A directory with the real bank's accounts and owners, and with `transactions` as its `trans.asc`.
pub(crate) fn copy_with(berka: &Path, transactions: &[u8]) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ["account.asc", "disp.asc"] {
        fs::copy(berka.join(name), copy.path().join(name)).unwrap();
    }
    fs::write(copy.path().join("trans.asc"), transactions).unwrap();
    copy
}

/// A small bank: accounts 1 and 2, opened on 1993-01-01, account 3, opened on 1992-05-05.
pub(crate) fn small_bank(transactions: &[u8]) -> TempDir {
    let bank = tempfile::tempdir().unwrap();
    let write = |name: &str, lines: &[&str]| {
        fs::write(bank.path().join(name), lines.join("\r\n") + "\r\n").unwrap();
    };
    write(
        "account.asc",
        &[
            r#""account_id";"district_id";"frequency";"date""#,
            r#"1;18;"POPLATEK MESICNE";930101"#,
            r#"2;1;"POPLATEK MESICNE";930101"#,
            r#"3;5;"POPLATEK TYDNE";920505"#,
        ],
    );
    write(
        "disp.asc",
        &[
            r#""disp_id";"client_id";"account_id";"type""#,
            r#"1;11;1;"OWNER""#,
            r#"2;12;2;"OWNER""#,
            r#"3;13;2;"DISPONENT""#,
            r#"4;14;3;"OWNER""#,
        ],
    );
    fs::write(bank.path().join("trans.asc"), transactions).unwrap();
    bank
}

pub(crate) const HEADER: &str =
    r#""trans_id";"account_id";"date";"type";"operation";"amount";"balance";"k_symbol";"bank";"account""#;

/// A file of transactions of these lines.
pub(crate) fn file_of<S: AsRef<str>>(lines: impl IntoIterator<Item = S>) -> Vec<u8> {
    let mut file = format!("{HEADER}\r\n");
    for line in lines {
        file += line.as_ref();
        file += "\r\n";
    }
    file.into_bytes()
}

/// A cash row: `amount` positive for a deposit, negative for a withdrawal, and the balance, in whole crowns.
pub(crate) fn cash(id: u64, account: u32, date: u32, amount: i64, balance: i64) -> String {
    let (kind, operation) = if amount < 0 {
        ("VYDAJ", "VYBER")
    } else {
        ("PRIJEM", "VKLAD")
    };
    let amount = amount.abs();
    format!(r#"{id};{account};{date};"{kind}";"{operation}";{amount}.00;{balance}.00;"";;"#)
}
