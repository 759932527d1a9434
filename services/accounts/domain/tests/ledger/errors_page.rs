use std::path::Path;

use tributary_accounts_domain::Rejection;
use tributary_contracts::codec::DecodeError;

/// Codes that the runtime gives, and those of messages that can't be read.
const OF_THE_RUNTIME: [&str; 12] = [
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
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/errors.md");
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
    let mut known: Vec<&str> = [Rejection::CODES, &OF_THE_RUNTIME, &unreadable].concat();
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
    let mut given = codes_in("../../../shared/stream/src/process.rs");
    given.extend(codes_in("../../../shared/stream/src/process/output.rs"));
    given.extend(codes_in("../src/service.rs"));
    given.sort_unstable();
    given.dedup();
    let mut listed = OF_THE_RUNTIME.map(str::to_owned);
    listed.sort_unstable();
    assert_eq!(given, listed);
}

#[test]
fn a_refusal_says_what_is_wrong_without_saying_of_whom() {
    let refusal = Rejection::FieldTooLong {
        field: "details.reference",
        bytes_max: 64,
    };
    assert_eq!(refusal.to_string(), "details.reference has more than 64 bytes");
}
