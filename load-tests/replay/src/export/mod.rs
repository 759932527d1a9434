//! A log as a history that can be replayed.

mod order;
mod steps;

use std::{collections::BTreeMap, path::Path, time::Duration};

use tributary_contracts::{
    accounts::AccountsEvent,
    codec::{DecodeError, Message, RawEvent},
    record::Record,
    runtime::RuntimeEvent,
    topics::ACCOUNTS_EVENTS,
};
use tributary_history::{Header, HistoryError, HistoryRow, format::Writer};
use tributary_ids::{NAMESPACE, derive};
use tributary_money::Currency;
use tributary_stream::{
    kafka::{EventReader, Watermarks},
    log::Fault,
};

use order::Ordering;
use steps::Steps;

/// Events taken at once, and how long to wait for them.
const READ: (Duration, usize) = (Duration::from_millis(500), 5_000);

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error("{0}")]
    Log(Fault),
    #[error("accounts.events/{partition}, offset {offset}: {error}")]
    Unreadable {
        partition: i32,
        offset: i64,
        error: DecodeError,
    },
    #[error("{0} payments are in transit: export when the bank is at rest")]
    InTransit(usize),
    #[error("there is no account in the log")]
    Empty,
}

impl From<Fault> for ExportError {
    fn from(fault: Fault) -> Self {
        Self::Log(fault)
    }
}

/// What was exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    pub source: String,
    pub accounts: u64,
    /// Rows, openings included.
    pub rows: u64,
    /// What a history has no words for, by what it is. Balances don't depend on it.
    pub untold: BTreeMap<String, u64>,
}

/// Writes the log as a history, whose replay on an empty ledger gives the same balances.
///
/// Where one source is behind every entry, its name and its sequences are kept, so that the bank that the log is of knows
/// the rows; else the rows are numbered anew under a name that says what they are.
///
/// # Errors
/// When the log can't be read or the file not be written, and when payments are in transit.
pub fn export(brokers: &str, path: &Path) -> Result<Exported, ExportError> {
    let steps = read(brokers)?;
    match steps.in_transit() {
        0 => {}
        some => return Err(ExportError::InTransit(some)),
    }
    let source = single_source(&steps);
    if let Some(source) = source
        && let Some(exported) = write(path, &source, read(brokers)?, true)?
    {
        return Ok(exported);
    }
    let source = new_source(&steps);
    write(path, &source, steps, false)?.ok_or(ExportError::Empty)
}

fn read(brokers: &str) -> Result<Steps, ExportError> {
    let starts = Watermarks::connect(brokers)?.starts(ACCOUNTS_EVENTS.name)?;
    let mut reader = EventReader::open(brokers, ACCOUNTS_EVENTS.name, &starts)?;
    let mut steps = Steps::default();
    let (max_wait, records_max) = READ;
    loop {
        for record in reader.poll(max_wait, records_max)?.records {
            observe(&record, &mut steps).map_err(|error| ExportError::Unreadable {
                partition: record.partition,
                offset: record.offset,
                error,
            })?;
        }
        if reader.at_end() {
            return Ok(steps);
        }
    }
}

fn observe(record: &Record, steps: &mut Steps) -> Result<(), DecodeError> {
    let RawEvent { ce_type, envelope } = RawEvent::read(record)?;
    if !RuntimeEvent::TYPES.contains(&ce_type) {
        let event = AccountsEvent::decode(ce_type, envelope.data.get())?;
        let id = envelope.id();
        let branch = envelope.initiator.and_then(|initiator| initiator.branch);
        steps.add(id, event, branch);
    }
    Ok(())
}

/// The source that is behind every entry, if one is.
fn single_source(steps: &Steps) -> Option<String> {
    let mut sources = steps.sources.keys();
    match (sources.next(), sources.next()) {
        (Some(source), None) => source.clone(),
        _ => None,
    }
}

/// A name that two different logs don't share.
fn new_source(steps: &Steps) -> String {
    let mut digest = NAMESPACE;
    for (id, account) in &steps.accounts {
        let last = account
            .steps
            .last()
            .map_or(account.opening_balance, |step| step.balance_after);
        digest = derive(digest, &format!("{id} {} {last}", account.steps.len()));
    }
    format!("export-{}", &digest.simple().to_string()[..8])
}

/// Writes the file; none when the sequences to be kept don't grow.
fn write(
    path: &Path,
    source: &str,
    steps: Steps,
    keeps_sequences: bool,
) -> Result<Option<Exported>, ExportError> {
    let mut currencies: BTreeMap<Currency, u64> = BTreeMap::new();
    for account in steps.accounts.values() {
        *currencies.entry(account.opened.currency).or_default() += 1;
    }
    let main = currencies.iter().max_by_key(|(_, accounts)| **accounts);
    let (currency, _) = main.ok_or(ExportError::Empty)?;
    let mut untold: BTreeMap<String, u64> = steps
        .untold
        .iter()
        .map(|(what, count)| ((*what).to_owned(), *count))
        .collect();
    let accounts = steps.accounts.len() as u64;
    let mut writer = Writer::create(path, &Header::new(source, *currency))?;
    let mut ordering = Ordering::new(steps, keeps_sequences);
    let mut rows = 0;
    let mut put = |row: &HistoryRow| {
        rows += 1;
        writer.write(row)
    };
    while let Some(row) = ordering.next_row() {
        put(&row)?;
    }
    if ordering.out_of_sequence {
        return Ok(None);
    }
    writer.finish()?;
    let told_otherwise = [
        ("transfers told as two postings", ordering.split),
        ("booking days moved behind later ones", ordering.moved_days),
    ];
    untold.extend(
        told_otherwise
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| (what.to_owned(), count)),
    );
    Ok(Some(Exported {
        source: source.to_owned(),
        accounts,
        rows,
        untold,
    }))
}
