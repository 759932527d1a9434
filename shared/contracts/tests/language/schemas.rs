use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use regex::Regex;
use serde_json::{Value, json};
use tributary_contracts::{
    accounts::{AccountsCommand, AccountsEvent, CHART, GlAccount, LedgerAccount},
    codec::Message,
    envelope::BodyHash,
    schema,
};
use tributary_ids::AccountId;

const HOW_TO_UPDATE: &str = "UPDATE_SCHEMAS=1 cargo test -p tributary-contracts --test language";

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas")
}

fn generated() -> BTreeMap<String, Value> {
    let named = |(name, schema): (&str, Value)| (name.to_owned(), schema);
    schema::documents().into_iter().map(named).collect()
}

fn committed() -> BTreeMap<String, Value> {
    let Ok(entries) = fs::read_dir(directory()) else {
        return BTreeMap::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let schemas = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let schema = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, schema)
    };
    schemas.map(read).collect()
}

fn write(documents: &BTreeMap<String, Value>) {
    fs::create_dir_all(directory()).unwrap();
    for (name, schema) in documents {
        let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
        fs::write(directory().join(format!("{name}.json")), text).unwrap();
    }
}

#[test]
fn the_published_schemas_are_those_of_the_types_and_only_ever_grow() {
    let (committed, generated) = (committed(), generated());
    let broken: Vec<String> = committed
        .iter()
        .flat_map(|(name, old)| {
            let found = schema::incompatibilities(old, generated.get(name));
            found
                .into_iter()
                .map(move |incompatibility| format!("  {name} {incompatibility}"))
        })
        .collect();
    assert!(
        broken.is_empty(),
        "messages that are in the log could not be read any more:\n{}\nKeep the type as it is, and add a new version \
         of it beside it (`.v2`).",
        broken.join("\n")
    );
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        return write(&generated);
    }
    let names: BTreeSet<&String> = committed.keys().chain(generated.keys()).collect();
    let differing: Vec<_> = names
        .into_iter()
        .filter(|name| committed.get(*name) != generated.get(*name))
        .collect();
    assert!(
        differing.is_empty(),
        "docs/schemas is not what the types say: {differing:?}.\nThe change is compatible; publish it: {HOW_TO_UPDATE}"
    );
}

#[test]
fn every_type_has_one_schema_and_a_version_in_its_name() {
    let types: Vec<&str> = schema::all().into_iter().map(|(ce_type, _)| ce_type).collect();
    let unique: BTreeSet<&str> = types.iter().copied().collect();
    assert_eq!(unique.len(), types.len());
    let named =
        Regex::new(r"^(accounts|fraud|laundering|payments|tributary)\.[a-z]+(-[a-z]+)*\.v[1-9][0-9]*$")
            .unwrap();
    for ce_type in types {
        assert!(named.is_match(ce_type), "{ce_type}");
    }
}

/// Drops each property in turn: a reader must miss just those that the schema requires, and take no others.
fn assert_read_as_published<M: Message>(ce_type: &str, complete: &Value) {
    let schema = schema::all()
        .into_iter()
        .find(|(name, _)| *name == ce_type)
        .unwrap()
        .1;
    let properties: BTreeSet<&String> = schema["properties"].as_object().unwrap().keys().collect();
    let given: BTreeSet<&String> = complete.as_object().unwrap().keys().collect();
    assert_eq!(given, properties, "{ce_type}: the example shows every property");
    let message = M::decode(ce_type, &complete.to_string()).unwrap();
    assert_eq!(
        serde_json::to_value(&message).unwrap(),
        *complete,
        "{ce_type} is written as it is read"
    );
    for name in given {
        let mut without = complete.clone();
        without.as_object_mut().unwrap().remove(name);
        let is_required = schema["required"]
            .as_array()
            .unwrap()
            .iter()
            .any(|required| required == name);
        let is_missed = M::decode(ce_type, &without.to_string()).is_err();
        assert_eq!(is_missed, is_required, "{ce_type} without {name}");
    }
}

#[test]
fn a_reader_requires_what_the_schema_requires() {
    let id = |name: &str| AccountId::named(name).to_string();
    let details = json!({"purpose": "SALA", "country": {"code": "CZ", "source": "iban"}, "reference": "695247",
        "counterparty_bank": "AB"});
    let import = json!({"source": "berka", "sequence": 199_302_260_001_u64});
    assert_read_as_published::<AccountsCommand>(
        "accounts.open-account.v1",
        &json!({"account_id": id("a"), "owner": id("o"), "product": "recorded", "currency": "CZK",
            "overdraft_limit": "100.00", "booking_date": "1993-02-26", "opening_balance": "-12.30"}),
    );
    assert_read_as_published::<AccountsCommand>(
        "accounts.debit.v1",
        &json!({"account_id": id("a"), "amount": "14.60", "currency": "CZK", "contra": "1100:AB",
            "rounding": "-0.10", "forced": true, "booking_date": "1993-02-26", "value_date": "1993-02-27",
            "import": import, "details": details}),
    );
    assert_read_as_published::<AccountsCommand>(
        "accounts.transfer-out.v1",
        &json!({"account_id": id("a"), "payment_id": id("p"), "creditor": id("b"), "amount": "1", "currency": "JPY",
            "hold_id": id("h"), "booking_date": "1993-02-26", "value_date": "1993-02-26", "import": import,
            "details": details}),
    );
    let leg = |account: &str, side: &str| json!({"account": account, "side": side, "amount": 1460});
    assert_read_as_published::<AccountsEvent>(
        "accounts.entry-posted.v1",
        &json!({"account_id": id("a"), "seq": 7, "kind": "settlement", "currency": "CZK",
            "legs": [leg(&id("a"), "debit"), leg("1010", "credit")],
            "booking_date": "1993-02-26", "value_date": "1993-02-26", "balance_after": -1, "forced": true,
            "payment_id": id("p"), "counterparty": id("b"),
            "hold": {"hold_id": id("h"), "settled": 1460, "released": 0, "open": 3}, "reverses": "x:0",
            "import": import, "details": details}),
    );
}

#[test]
fn schemas_that_are_written_by_hand_hold_for_what_is_written() {
    let pattern = |schema: schemars::Schema| {
        let pattern = schema.get("pattern").and_then(Value::as_str).unwrap().to_owned();
        Regex::new(&pattern).unwrap()
    };
    let general = pattern(schemars::schema_for!(GlAccount));
    let ledger = pattern(schemars::schema_for!(LedgerAccount));
    let of_the_chart = CHART.iter().map(|line| match line.per_counterparty {
        true => format!("{}:GIBACZPXXXX", line.code),
        false => line.code.to_string(),
    });
    for text in of_the_chart {
        let written = text.parse::<GlAccount>().unwrap().to_string();
        assert!(general.is_match(&written), "{written}");
        assert!(ledger.is_match(&written), "{written}");
    }
    let customer = LedgerAccount::Customer(AccountId::named("a")).to_string();
    assert!(ledger.is_match(&customer));
    assert!(!general.is_match(&customer));
    for malformed in ["", "cash", "1100:", "1100:ab", "10100", "1010\n2100"] {
        assert!(!ledger.is_match(malformed), "{malformed:?}");
        assert!(malformed.parse::<LedgerAccount>().is_err(), "{malformed:?}");
    }
    let hash = pattern(schemars::schema_for!(BodyHash));
    let written = serde_json::to_value(BodyHash(7)).unwrap();
    assert!(hash.is_match(written.as_str().unwrap()));
    let currency = pattern(schemars::schema_for!(tributary_money::Currency));
    assert!(currency.is_match("CZK") && !currency.is_match("czk"));
}
