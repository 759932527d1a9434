//! What a history asks for, seen against what the ledger has already.

use hashbrown::HashMap;
use tributary_contracts::accounts::ImportRef;
use tributary_history::{History, HistoryError, HistoryRow};
use tributary_ids::AccountId;

use crate::{command::account_id, topic::TopicLedger};

/// Most that a single row's rounding can be, in minor units: the ledger's own limit.
const ROUNDING_MAX: u64 = 100;

/// An account of the history.
#[derive(Clone, Debug)]
struct Planned {
    /// Of the account's first row after its opening.
    first_sequence: Option<u64>,
    carried: Option<Carried>,
}

/// An account goes on where an earlier period of the same source has left it.
#[derive(Clone, Copy, Debug)]
struct Carried {
    balance: i64,
    /// The account's sequence number of the earlier period's last entry.
    last_seq: u64,
}

/// The accounts of a history.
#[derive(Debug)]
pub struct Plan {
    source: String,
    accounts: HashMap<AccountId, Planned>,
}

impl Plan {
    /// Reads through the history once.
    ///
    /// # Errors
    /// When the history can't be read.
    pub fn of(history: &History) -> Result<Self, HistoryError> {
        let mut accounts: HashMap<AccountId, Planned> = HashMap::new();
        for row in history.rows()? {
            let row = row?;
            let opens = matches!(row, HistoryRow::Open(_));
            let mut see = |account: &str, sequence: u64| {
                let planned = accounts.entry(account_id(account)).or_insert(Planned {
                    first_sequence: None,
                    carried: None,
                });
                if !opens && planned.first_sequence.is_none() {
                    planned.first_sequence = Some(sequence);
                }
            };
            see(row.account(), row.sequence());
            if let HistoryRow::Transfer(transfer) = &row {
                see(&transfer.to, transfer.to_sequence);
            }
        }
        let source = history.header.source.clone();
        Ok(Self { source, accounts })
    }

    /// The history's accounts.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.accounts.keys().copied()
    }

    /// Finds the accounts that an earlier period of the same source has brought to where this one goes on.
    pub fn look_at(&mut self, ledger: &TopicLedger) {
        for (account, planned) in &mut self.accounts {
            let Some(first) = planned.first_sequence else {
                continue;
            };
            let earlier = |import: &ImportRef| import.source == self.source && import.sequence < first;
            let entries = ledger.entries_of(*account);
            let here = entries
                .iter()
                .position(|entry| entry.import.as_ref().is_some_and(|import| !earlier(import)));
            let before = &entries[..here.unwrap_or(entries.len())];
            let imported = before.iter().any(|entry| entry.import.is_some());
            planned.carried = before.last().filter(|_| imported).map(|last| Carried {
                balance: last.balance_after,
                last_seq: last.seq,
            });
        }
    }

    /// The balance that the account has from an earlier period.
    pub fn carried(&self, account: AccountId) -> Option<i64> {
        Some(self.accounts.get(&account)?.carried?.balance)
    }

    /// Whether an account's entry is one of an earlier period, by the account's sequence number.
    pub fn is_earlier(&self, account: AccountId, seq: u64) -> bool {
        let planned = self.accounts.get(&account);
        planned
            .and_then(|planned| planned.carried)
            .is_some_and(|carried| seq <= carried.last_seq)
    }

    /// The source's rows, as they are to be posted: a row that begins a later period can't tell its rounding from the
    /// balance before it by itself; the ledger knows that balance.
    pub fn row(&self, mut row: HistoryRow) -> HistoryRow {
        if let HistoryRow::Posting(posting) = &mut row
            && let Some(planned) = self.accounts.get(&account_id(&posting.account))
            && planned.first_sequence == Some(posting.sequence)
            && let (Some(carried), Some(after)) = (planned.carried, posting.balance_after)
            && let Some(rounding) = after
                .checked_sub(carried.balance)
                .and_then(|step| step.checked_sub(posting.amount))
            && rounding.unsigned_abs() <= ROUNDING_MAX
        {
            posting.rounding = rounding;
        }
        row
    }

    /// The history's source.
    pub fn source(&self) -> &str {
        &self.source
    }
}

#[cfg(test)]
mod tests {
    use tributary_contracts::{
        accounts::{AccountsEvent, Details, EntryKind, EntryPosted, GlAccount, LedgerAccount, Leg, Side},
        codec::{self, Message},
        envelope::{EventEnvelope, Position},
        record::Record,
    };
    use tributary_history::{Contra, Header, Open, Posting, format::Writer, open_history};
    use tributary_ids::CommandId;

    use super::*;
    use crate::topic::News;

    const SECOND_YEAR: u64 = 199_401_010_001;

    /// A history of one account, known from 1994 on: the recorded balance is 10 haler off what its amount makes.
    fn later_period() -> (tempfile::TempDir, History) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("later.jsonl");
        let mut writer = Writer::create(&path, &Header::new("berka", "CZK".parse().unwrap())).unwrap();
        let date = "1994-01-01".parse().unwrap();
        let open = Open {
            account: "berka/1".into(),
            owner: "berka/client/1".into(),
            date,
            currency: "CZK".parse().unwrap(),
            product: "recorded".into(),
            branch: None,
            opening_balance: 990,
        };
        let posting = Posting {
            account: "berka/1".into(),
            sequence: SECOND_YEAR,
            date,
            value_date: None,
            amount: 510,
            rounding: 0,
            contra: Contra::Cash,
            kind: "cash".into(),
            reference: "1".into(),
            counterparty: None,
            balance_after: Some(1_500),
            forced: false,
        };
        for row in [HistoryRow::Open(open), HistoryRow::Posting(posting)] {
            writer.write(&row).unwrap();
        }
        writer.finish().unwrap();
        let history = open_history(&path).unwrap();
        assert!(history.is_sound(), "{:?}", history.bad);
        (home, history)
    }

    fn credited(sequence: u64, balance_after: i64) -> Record {
        let account_id = account_id("berka/1");
        let leg = |account, side| Leg {
            account,
            side,
            amount: balance_after,
        };
        let event = AccountsEvent::from(EntryPosted {
            account_id,
            seq: 2,
            kind: EntryKind::Credit,
            currency: "CZK".parse().unwrap(),
            legs: [
                leg(LedgerAccount::Customer(account_id), Side::Credit),
                leg(LedgerAccount::Gl(GlAccount::CASH), Side::Debit),
            ]
            .into_iter()
            .collect(),
            booking_date: "1993-12-31".parse().unwrap(),
            value_date: "1993-12-31".parse().unwrap(),
            balance_after,
            forced: false,
            payment_id: None,
            counterparty: None,
            hold: None,
            reverses: None,
            import: Some(ImportRef {
                source: "berka".into(),
                sequence,
            }),
            details: Details::default(),
        });
        let id = CommandId::named("a");
        let envelope = EventEnvelope {
            command_id: id,
            index: 0,
            of: 1,
            correlation_id: id.0,
            time: 0,
            origin: Position {
                topic: "accounts.inbox".into(),
                partition: 0,
                offset: 0,
            },
            remembered: None,
            initiator: None,
            data: &event,
        };
        Record {
            partition: 0,
            offset: 0,
            timestamp_ms: 0,
            key: account_id.to_string().into_bytes(),
            headers: codec::headers(&envelope.id(), "accounts", event.ce_type(), None),
            value: codec::encode(&envelope),
        }
    }

    fn seen(plan: &mut Plan, record: &Record) {
        let mut ledger = TopicLedger::new(plan.accounts());
        ledger.observe(record, &mut News::default()).unwrap();
        plan.look_at(&ledger);
    }

    #[test]
    fn a_later_period_goes_on_from_the_ledgers_balance_and_finds_its_first_rounding() {
        let (_home, history) = later_period();
        let mut plan = Plan::of(&history).unwrap();
        seen(&mut plan, &credited(199_312_310_001, 1_000));
        let account = account_id("berka/1");
        assert_eq!(plan.carried(account), Some(1_000));
        assert!(plan.is_earlier(account, 2) && !plan.is_earlier(account, 3));
        let last = history.rows().unwrap().last().unwrap().unwrap();
        let HistoryRow::Posting(posting) = plan.row(last) else {
            panic!("no posting");
        };
        assert_eq!(posting.rounding, -10);
    }

    #[test]
    fn rows_that_are_there_already_are_no_earlier_period() {
        let (_home, history) = later_period();
        let mut plan = Plan::of(&history).unwrap();
        seen(&mut plan, &credited(SECOND_YEAR, 1_500));
        assert_eq!(plan.carried(account_id("berka/1")), None);
    }
}
