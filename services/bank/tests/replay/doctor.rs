//! Events as they would stand in the log if the ledger had done something wrong.

use std::collections::BTreeMap;

use serde_json::Value;
use tributary_contracts::{codec::CE_TYPE, record::Record};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// A posting that never was.
    Dropped,
    /// A posting that was made twice.
    Doubled,
    /// Two postings of one account with one another's money.
    Swapped,
}

/// A copy of the log with the fault.
pub(crate) fn doctored(records: &[Record], fault: Fault) -> Vec<Record> {
    let (one, other) = two_postings_of_an_account(records);
    let mut doctored = records.to_vec();
    match fault {
        Fault::Dropped => drop(doctored.remove(one)),
        Fault::Doubled => doctored.insert(one + 1, records[one].clone()),
        Fault::Swapped => {
            let (mut first, mut second) = (value(&records[one]), value(&records[other]));
            std::mem::swap(&mut first["data"]["legs"], &mut second["data"]["legs"]);
            doctored[one].value = serde_json::to_vec(&first).unwrap();
            doctored[other].value = serde_json::to_vec(&second).unwrap();
        }
    }
    doctored
}

fn value(record: &Record) -> Value {
    serde_json::from_slice(&record.value).unwrap()
}

/// Where two credits of the same account stand that differ.
fn two_postings_of_an_account(records: &[Record]) -> (usize, usize) {
    let mut seen: BTreeMap<&[u8], (usize, Value)> = BTreeMap::new();
    for (place, record) in records.iter().enumerate() {
        if record.headers.text(CE_TYPE) != Some("accounts.entry-posted.v1") {
            continue;
        }
        let legs = value(record)["data"]["legs"].clone();
        match seen.get(record.key.as_slice()) {
            Some((before, other)) if *other != legs => return (*before, place),
            Some(_) => {}
            None => drop(seen.insert(&record.key, (place, legs))),
        }
    }
    panic!("no account has two entries that differ");
}
