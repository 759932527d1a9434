use std::path::Path;

use tributary_accounts_domain as accounts;
use tributary_contracts::codec::DecodeError;
use tributary_payments_domain as payments;

/// Codes that the runtime gives, and those of messages that can't be read.
const OF_THE_RUNTIME: [&str; 13] = [
    "ANSWER_NOT_REPEATABLE",
    "ANSWER_UNEXPECTED",
    "DECISION_EMPTY",
    "FOLLOW_UP_UNADDRESSED",
    "REPLY_ADDRESS_UNKNOWN",
    "TIMER_NOT_DISARMED",
    "TTL_TOO_LONG",
    "COMMAND_EXPIRED",
    "COMMAND_ID_REUSED",
    "NOT_AFTER_MISSING",
    "WRONG_PARTITION",
    "HANDLER_PANICKED",
    "RECORD_TOO_LARGE",
];

/// The codes that have an entry of their own: headings of the page.
fn documented() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    std::fs::read_to_string(page)
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_code_has_an_entry_and_every_entry_a_code() {
    let unreadable = [
        DecodeError::NoType.code(),
        DecodeError::UnknownType(String::new()).code(),
        DecodeError::UnsupportedVersion(String::new()).code(),
        DecodeError::Malformed(String::new()).code(),
    ];
    let of_sagas: Vec<String> = [
        "sagas/internal_transfer.rs",
        "sagas/steps.rs",
        "decide/answers.rs",
    ]
    .into_iter()
    .flat_map(|file| codes_in(&format!("../payments/domain/src/{file}")))
    // Names of rules that spoke, and codes of others that are recognised.
    .filter(|code| !["FRAUD_SILENT", "ACCOUNT_UNKNOWN"].contains(&code.as_str()))
    .collect();
    let refusals = [accounts::Rejection::CODES, payments::Rejection::CODES];
    let mut known: Vec<&str> = [refusals.concat().as_slice(), &OF_THE_RUNTIME, &unreadable].concat();
    known.extend(of_sagas.iter().map(String::as_str));
    known.push(tributary_saga::UNANSWERED);
    known.extend(tributary_fraud::CODES);
    let of_rules = codes_in("../fraud/src/rules/refused.rs");
    known.extend(of_rules.iter().map(String::as_str));
    known.extend(tributary_gateway::CODES);
    known.sort_unstable();
    known.dedup();
    let mut documented = documented();
    documented.sort_unstable();
    assert_eq!(documented, known);
}

/// Words in quotes that are written as codes are.
fn codes_in(source: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{source}: {error}"));
    let shouts = |word: &&str| {
        word.contains('_') && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    text.split('"').filter(shouts).map(str::to_owned).collect()
}

#[test]
fn every_code_that_the_runtime_gives_is_listed_here() {
    let mut given = codes_in("../../shared/stream/src/process.rs");
    given.extend(codes_in("../../shared/stream/src/process/output.rs"));
    for service in [
        "accounts/src/service",
        "payments/src/service",
        "fraud/src/customers",
        "fraud/src/payees",
        "fraud/src/laundering",
    ] {
        given.extend(codes_in(&format!("../{service}.rs")));
    }
    given.sort_unstable();
    given.dedup();
    let mut listed = OF_THE_RUNTIME.map(str::to_owned);
    listed.sort_unstable();
    assert_eq!(given, listed);
}
