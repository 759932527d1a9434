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
        let branch = envelope
            .initiator
            .and_then(|initiator| initiator.branch)
            .map(String::from);
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

#[cfg(test)]
mod tests {
    use smallvec::smallvec;
    use tributary_contracts::accounts::{
        AccountOpened, Details, EntryKind, EntryPosted, GlAccount, ImportRef, LedgerAccount, Leg, Side,
    };
    use tributary_history::open_history;
    use tributary_ids::{AccountId, CommandId, CustomerId, PaymentId};

    use super::*;

    fn opened(account: &str) -> AccountsEvent {
        AccountOpened {
            account_id: AccountId::named(account),
            seq: 1,
            owner: CustomerId::named("owner"),
            product: "recorded".into(),
            currency: "CZK".parse().unwrap(),
            overdraft_limit: 0,
            booking_date: "1993-01-01".parse().unwrap(),
        }
        .into()
    }

    /// An entry of haler, customers' side.
    fn entry(account: &str, seq: u64, kind: EntryKind, movement: i64, balance_after: i64) -> EntryPosted {
        let leg = |account, signed: i64| Leg {
            account,
            side: if signed < 0 { Side::Debit } else { Side::Credit },
            amount: signed.abs(),
        };
        let contra = match kind {
            EntryKind::TransferOut | EntryKind::TransferIn | EntryKind::TransferReturn => {
                GlAccount::IN_TRANSIT
            }
            _ => GlAccount::CASH,
        };
        let account_id = AccountId::named(account);
        EntryPosted {
            account_id,
            seq,
            kind,
            currency: "CZK".parse().unwrap(),
            legs: smallvec![
                leg(LedgerAccount::Customer(account_id), movement),
                leg(LedgerAccount::Gl(contra), -movement)
            ],
            booking_date: "1993-01-02".parse().unwrap(),
            value_date: "1993-01-02".parse().unwrap(),
            balance_after,
            forced: false,
            payment_id: None,
            counterparty: None,
            hold: None,
            reverses: None,
            import: None,
            details: Details::default(),
        }
    }

    fn of_payment(payment: &str, entry: EntryPosted) -> AccountsEvent {
        EntryPosted {
            payment_id: Some(PaymentId::named(payment)),
            ..entry
        }
        .into()
    }

    fn steps(events: Vec<AccountsEvent>) -> Steps {
        let mut steps = Steps::default();
        for (number, event) in events.into_iter().enumerate() {
            let id = CommandId::named(&number.to_string()).event(0);
            steps.add(id, event, None);
        }
        steps
    }

    /// What is exported, as the histories' own reader takes it: it checks order, sequences and every balance.
    fn read_back(steps: Steps, source: &str, keeps_sequences: bool) -> (Exported, Vec<HistoryRow>) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("export.jsonl");
        let exported = write(&path, source, steps, keeps_sequences).unwrap().unwrap();
        let history = open_history(&path).unwrap();
        assert!(history.is_sound(), "{:?}", history.bad);
        let rows = history.rows().unwrap().map(Result::unwrap).collect();
        (exported, rows)
    }

    #[test]
    fn a_transfer_is_one_row_that_stands_behind_the_earlier_rows_of_both_sides() {
        let (exported, rows) = read_back(
            steps(vec![
                opened("a"),
                opened("b"),
                entry("a", 2, EntryKind::Credit, 500, 500).into(),
                of_payment("p", entry("a", 3, EntryKind::TransferOut, -200, 300)),
                entry("b", 2, EntryKind::Credit, 70, 70).into(),
                of_payment("p", entry("b", 3, EntryKind::TransferIn, 200, 270)),
            ]),
            "export",
            false,
        );
        assert_eq!((exported.rows, exported.untold.len()), (5, 0));
        let Some(HistoryRow::Transfer(transfer)) = rows.last() else {
            panic!("{rows:?}");
        };
        assert_eq!(
            (transfer.from_balance_after, transfer.to_balance_after),
            (Some(300), Some(270))
        );
    }

    #[test]
    fn two_accounts_that_had_each_sent_before_they_received_are_told_by_postings_that_even_out() {
        let (exported, rows) = read_back(
            steps(vec![
                opened("a"),
                opened("b"),
                entry("a", 2, EntryKind::Credit, 500, 500).into(),
                entry("b", 2, EntryKind::Credit, 500, 500).into(),
                of_payment("there", entry("a", 3, EntryKind::TransferOut, -200, 300)),
                of_payment("back", entry("b", 3, EntryKind::TransferOut, -100, 400)),
                of_payment("back", entry("a", 4, EntryKind::TransferIn, 100, 400)),
                of_payment("there", entry("b", 4, EntryKind::TransferIn, 200, 600)),
            ]),
            "export",
            false,
        );
        assert_eq!(exported.untold["transfers told as two postings"], 1);
        let transfers = rows.iter().filter(|row| matches!(row, HistoryRow::Transfer(_)));
        assert_eq!((transfers.count(), rows.len()), (1, 7));
    }

    #[test]
    fn a_transfer_that_came_back_is_told_by_its_way_there_and_back() {
        let steps = steps(vec![
            opened("a"),
            entry("a", 2, EntryKind::Credit, 500, 500).into(),
            of_payment("p", entry("a", 3, EntryKind::TransferOut, -200, 300)),
            of_payment("p", entry("a", 4, EntryKind::TransferReturn, 200, 500)),
        ]);
        assert_eq!(steps.in_transit(), 0);
        let (_, rows) = read_back(steps, "export", false);
        assert_eq!(rows.len(), 4);
    }

    #[test]
    fn rows_of_a_single_source_keep_their_sequences() {
        let row = |sequence| {
            Some(ImportRef {
                source: "berka".into(),
                sequence,
                after: None,
            })
        };
        let steps = steps(vec![
            opened("a"),
            EntryPosted {
                import: row(199_301_020_001),
                ..entry("a", 2, EntryKind::Credit, 500, 500)
            }
            .into(),
        ]);
        assert_eq!(single_source(&steps).as_deref(), Some("berka"));
        let (_, rows) = read_back(steps, "berka", true);
        assert_eq!(rows[1].sequence(), 199_301_020_001);
    }

    #[test]
    fn money_on_its_way_keeps_a_log_from_being_exported() {
        let steps = steps(vec![
            opened("a"),
            of_payment("p", entry("a", 2, EntryKind::TransferOut, -200, -200)),
        ]);
        assert_eq!(steps.in_transit(), 1);
    }
}
