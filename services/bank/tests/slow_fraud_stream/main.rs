//! A week of the published transactions through the running fraud services, whose features are those of a batch over the same
//! rows, bit for bit.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use chrono::NaiveDate;
use serde_json::Value;
use tributary_fraud_domain::{DAY_S, FEATURES};
use tributary_fraud_training::{
    batch, export,
    handbook::{HEADER, Transaction, Transactions},
    parity::compare,
};
use tributary_testkit::{output_within, published};

/// The week, and from when on a tenth of the terminals goes ahead of it, so that windows are full.
const WEEK: [&str; 2] = ["2018-08-08", "2018-08-14"];
const FULL_FROM: &str = "2018-07-01";
const TERMINALS_AHEAD: u32 = 1_000;

/// The rules that come with the bank.
const RETAIL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fraud/rules/retail.json");

/// Most time of the stream, on a busy machine and in the dev profile.
const WITHIN: Duration = Duration::from_secs(900);

/// The Handbook's published file; None, said on the terminal, where there is none.
fn handbook() -> Option<PathBuf> {
    published("handbook/transactions_2018-04-01_2018-08-14.csv.zst")
}

fn day(text: &str) -> i64 {
    let day: NaiveDate = text.parse().unwrap();
    day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() / DAY_S
}

fn is_of_the_week(row: &Transaction) -> bool {
    (day(WEEK[0])..=day(WEEK[1])).contains(&row.day())
}

/// The week whole, and what makes its windows full of some terminals.
fn chosen(file: &Path) -> Vec<Transaction> {
    let mut rows = Transactions::load(file).unwrap().rows;
    rows.retain(|row| {
        let ahead = row.terminal < TERMINALS_AHEAD && row.day() >= day(FULL_FROM);
        is_of_the_week(row) || (ahead && row.day() <= day(WEEK[1]))
    });
    rows
}

fn write(path: &Path, rows: &[Transaction]) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    writeln!(out, "{HEADER}").unwrap();
    for row in rows {
        let Transaction {
            id,
            at_s,
            customer,
            terminal,
            amount_minor,
            fraud,
        } = row;
        let time = chrono::DateTime::from_timestamp(*at_s, 0)
            .unwrap()
            .format("%Y-%m-%d %H:%M:%S");
        let (units, hundredths, fraud) = (amount_minor / 100, amount_minor % 100, u8::from(*fraud));
        writeln!(
            out,
            "{id},{time},{customer},{terminal},{units}.{hundredths:02},{fraud},0"
        )
        .unwrap();
    }
    out.flush().unwrap();
}

#[test]
fn features_of_a_week_in_the_stream_are_those_of_a_batch_bit_for_bit() {
    let Some(published) = handbook() else { return };
    let rows = chosen(&published);
    let directory = tempfile::tempdir().unwrap();
    let [file, exported, told] =
        ["week.csv", "features.csv", "told.json"].map(|name| directory.path().join(name));
    write(&file, &rows);
    let mut command = Command::new(env!("CARGO_BIN_EXE_bank"));
    command.args(["fraud", "stream"]).arg(&file);
    command.arg("--export").arg(&exported).arg("--json").arg(&told);
    command.args(["--rules", RETAIL]);
    let output = output_within(&mut command, WITHIN);
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&text);
    println!("{text}");
    assert!(output.status.success(), "{text}");

    let told: Value = serde_json::from_slice(&std::fs::read(&told).unwrap()).unwrap();
    let frauds = rows.iter().filter(|row| row.fraud).count();
    assert_eq!(told["transactions"], rows.len());
    for none in ["lost", "doubled", "repeated", "strayed", "undelivered"] {
        assert_eq!(told[none], 0, "{none}");
    }
    assert_eq!(told["labels"]["taken"], frauds);
    assert_eq!(told["rules"], "retail.json");
    for decision in ["approve", "review", "decline"] {
        assert!(told["decisions"][decision].as_u64() > Some(0), "{decision}");
    }
    for hop in ["fraud", "fraud-payees"] {
        let handled = told["times"][hop]["in_handler"]["records"].as_u64().unwrap();
        assert!(handled >= rows.len() as u64, "{hop}: {handled}");
    }

    // Judged here once more, from the file that the command wrote.
    let streamed = export::read(&exported, &rows).unwrap();
    let expected = batch::features(&rows);
    let parity = |streamed: &[_]| {
        let streamed: Vec<_> = streamed.iter().copied().map(Some).collect();
        compare(&rows, &streamed, &expected)
    };
    assert!(parity(&streamed).holds(), "{}", parity(&streamed));
    for (index, feature) in FEATURES.iter().enumerate() {
        let tells = rows
            .iter()
            .zip(&streamed)
            .filter(|(row, features)| is_of_the_week(row) && features.0[index] != 0.0)
            .count();
        assert!(tells > 20, "{} tells of {tells} rows of the week", feature.name);
    }
    // The last digit of one number in one line.
    let mut planted = streamed;
    let row = rows.len() / 2;
    planted[row].0[4] = f64::from_bits(planted[row].0[4].to_bits() + 1);
    let found = parity(&planted);
    assert_eq!((found.differing, found.differences.len()), (1, 1));
    assert_eq!(found.differences[0].transaction, rows[row].id);
}
