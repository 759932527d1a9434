//! A history with rows that the ledger refuses: they and what stands behind them stay out, told by line, and everything
//! else is posted; the repaired file goes on from there.

use std::{fs, path::Path};

use bank::LocalBank;
use serde_json::{Value, json};

use super::replay_command;

/// Rows of one account behind its refused one: more than go to Kafka in one piece.
const BEHIND: u64 = 700;

/// The amounts of the history, in minor units, and the lines of its file.
#[derive(Default)]
struct File {
    lines: Vec<Value>,
    /// Lines by what the test calls them.
    bad: Vec<usize>,
    parked: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Taken,
    Bad,
    Parked,
}

impl File {
    fn row(&mut self, fate: Fate, row: Value) {
        self.lines.push(row);
        match fate {
            // The header is line 1.
            Fate::Bad => self.bad.push(self.lines.len() + 1),
            Fate::Parked => self.parked.push(self.lines.len() + 1),
            Fate::Taken => {}
        }
    }

    fn open(&mut self, account: &str) {
        self.row(
            Fate::Taken,
            json!({"row": "open", "account": account, "owner": "owner", "date": "2001-01-01", "currency": "CZK",
                   "product": "recorded"}),
        );
    }

    fn cash(&mut self, fate: Fate, account: &str, day: u64, position: u64, reference: &str, balance: i64) {
        self.row(
            fate,
            json!({"row": "posting", "account": account, "sequence": sequence(day, position),
                   "date": format!("2001-01-{day:02}"), "amount": 100, "contra": "cash", "kind": "cash",
                   "reference": reference, "balance_after": balance}),
        );
    }

    fn transfer(&mut self, fate: Fate, day: u64, from: &str, to: &str) {
        self.row(
            fate,
            json!({"row": "transfer", "payment": format!("{from} to {to}"), "date": format!("2001-01-{day:02}"),
                   "from": from, "from_sequence": sequence(day, 1), "to": to, "to_sequence": sequence(day, 2),
                   "amount": 50}),
        );
    }

    fn write(&self, path: &Path) {
        let header = json!({"tributary_history": 1, "source": "refusals", "currency": "CZK"});
        let lines: Vec<_> = [header].iter().chain(&self.lines).map(Value::to_string).collect();
        fs::write(path, lines.join("\n") + "\n").unwrap();
    }
}

fn sequence(day: u64, position: u64) -> u64 {
    (20_010_100 + day) * 10_000 + position
}

/// Anna's second row has a reference that the ledger doesn't take, Dana's hold is for more than she has.
fn history(repaired: bool) -> File {
    let mut file = File::default();
    let (reference, hold) = match repaired {
        true => ("1".to_owned(), 100),
        false => ("1".repeat(65), 100_000),
    };
    for name in ["anna", "boris", "cyril", "dana", "eva"] {
        file.open(name);
    }
    for name in ["anna", "boris", "cyril", "dana", "eva"] {
        file.cash(Fate::Taken, name, 1, 1, "1", 100);
    }
    file.cash(Fate::Bad, "anna", 2, 1, &reference, 200);
    for number in 0..BEHIND {
        file.cash(
            Fate::Parked,
            "anna",
            2,
            2 + number,
            "2",
            300 + 100 * number as i64,
        );
    }
    file.cash(Fate::Taken, "cyril", 2, 1, "1", 200);
    file.row(
        Fate::Parked,
        json!({"row": "reserve", "account": "anna", "sequence": sequence(3, 1), "date": "2001-01-03", "hold": "a",
               "amount": 10}),
    );
    file.row(
        Fate::Bad,
        json!({"row": "reserve", "account": "dana", "sequence": sequence(3, 1), "date": "2001-01-03", "hold": "d",
               "amount": hold}),
    );
    file.cash(Fate::Parked, "dana", 3, 2, "1", 200);
    // Boris isn't paid by Anna, so he can't pay Cyril either.
    file.transfer(Fate::Parked, 4, "anna", "boris");
    file.cash(Fate::Parked, "boris", 5, 1, "1", 250);
    file.transfer(Fate::Parked, 6, "boris", "cyril");
    file.cash(Fate::Parked, "cyril", 7, 1, "1", 350);
    file.cash(Fate::Taken, "eva", 8, 1, "1", 200);
    file
}

fn places(rows: &Value) -> Vec<String> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["place"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn what_stands_behind_a_refused_row_waits_for_its_repair(bank: &LocalBank, home: &Path) {
    let path = home.join("refusals.jsonl");
    let broken = history(false);
    broken.write(&path);
    let at = |lines: &[usize]| -> Vec<String> {
        lines
            .iter()
            .map(|line| format!("refusals.jsonl:{line}"))
            .collect()
    };
    // When the history comes, and when it comes again, the same rows are told, and nothing else differs.
    for new in [8, 0] {
        let (success, told, text) = replay_command(bank, &path);
        assert!(!success, "{text}");
        assert_eq!(places(&told["bad"]), at(&broken.bad), "{text}");
        assert_eq!(places(&told["parked"]), at(&broken.parked), "{text}");
        assert_eq!(told["bad"][0]["code"], "FIELD_TOO_LONG");
        assert_eq!(told["bad"][1]["code"], "INSUFFICIENT_FUNDS");
        assert_eq!(
            told["parked"][0]["reason"],
            format!("behind refusals.jsonl:{}", broken.bad[0])
        );
        assert!(text.contains("What was replayed reconciles"), "{text}");
        for place in ["history", "topic", "read_model"] {
            assert_eq!(told["transactions"][place], 7, "{text}");
            assert_eq!(told["balances"][0][place], 700, "{text}");
        }
        let known = told["known_before"].as_u64().unwrap();
        // Openings are commands too.
        assert_eq!(known, if new > 0 { 0 } else { 5 + 7 }, "{text}");
        assert_eq!(told["checker"]["clean"], true, "{text}");
    }
    // When it is repaired, it goes on where each account stood, and all of it is there, once.
    let whole = history(true);
    whole.write(&path);
    for known in [5 + 7, whole.lines.len() as u64 - 2] {
        let (success, told, text) = replay_command(bank, &path);
        assert!(success, "{text}");
        assert_eq!(told["known_before"], known, "{text}");
        assert_eq!(told["transactions"]["topic"], 7 + 1 + BEHIND + 5, "{text}");
        assert_eq!(told["hold_rows"]["topic"], 2, "{text}");
    }
}
