//! What a history asks for, seen against what the ledger has already.

use hashbrown::HashMap;
use tributary_contracts::accounts::ImportRef;
use tributary_history::{History, HistoryError, HistoryRow};
use tributary_ids::{AccountId, CommandId, EventId};

use crate::{
    command::{account_id, command_id},
    topic::TopicLedger,
};

/// Most that a first row's rounding can be, in minor units: what the Berka bank's rows are rounded by.
const ROUNDING_MAX: u64 = 10;

/// An account of the history.
#[derive(Clone, Debug, Default)]
struct Planned {
    /// Of the account's first row after its opening.
    first_sequence: Option<u64>,
    /// That row records the balance after it, so that its rounding can be told once the balance before it is known.
    can_round: bool,
    /// The entry of a transfer that brings money before any row that names the source in the log.
    first_arrival: Option<EventId>,
    /// Such a row was seen.
    names_source: bool,
    /// The balance that the ledger has before any of this history's rows; none where it has no entries then.
    found: Option<i64>,
    carried: Option<Carried>,
}

/// An account goes on where an earlier period of the same source has left it.
#[derive(Clone, Copy, Debug)]
struct Carried {
    balance: i64,
    /// The account's sequence number of the earlier period's last entry.
    last_seq: u64,
    /// Sequence of the source's last row that the earlier period has brought.
    taken: u64,
}

impl Planned {
    /// Sees a row of the account's own.
    fn see(&mut self, row: &HistoryRow) {
        let (takes, can_round) = match row {
            HistoryRow::Open(_) => return,
            HistoryRow::Posting(row) => (row.amount != 0 || row.rounding != 0, row.balance_after.is_some()),
            HistoryRow::Reserve(_) | HistoryRow::Release(_) => (false, false),
            HistoryRow::Transfer(_) | HistoryRow::Settle(_) | HistoryRow::Reversal(_) => (true, false),
        };
        if self.first_sequence.is_none() {
            self.first_sequence = Some(row.sequence());
            self.can_round = can_round;
        }
        self.names_source |= takes;
    }

    /// Sees a transfer that pays the account.
    fn see_arrival(&mut self, sequence: u64, entry: EventId) {
        self.first_sequence.get_or_insert(sequence);
        if !self.names_source {
            self.first_arrival.get_or_insert(entry);
        }
    }
}

/// The accounts of a history.
#[derive(Debug, Default)]
pub struct Plan {
    source: String,
    accounts: HashMap<AccountId, Planned>,
    /// Whether transfers are made by payments, which the ledger doesn't know as rows of the source.
    through_payments: bool,
    /// The payments that transfers were made by, and what the log has of them.
    payments: HashMap<CommandId, [Option<EventId>; 2]>,
}

impl Plan {
    /// Reads through the history once.
    ///
    /// # Errors
    /// When the history can't be read.
    pub fn of(history: &History) -> Result<Self, HistoryError> {
        let source = history.header.source.clone();
        let mut accounts: HashMap<AccountId, Planned> = HashMap::new();
        for row in history.rows()? {
            let row = row?;
            let account = account_id(row.account());
            accounts.entry(account).or_default().see(&row);
            if let HistoryRow::Transfer(transfer) = &row {
                let arrival = command_id(&source, account, transfer.from_sequence)
                    .follow_up(0)
                    .event(0);
                let creditor = accounts.entry(account_id(&transfer.to)).or_default();
                creditor.see_arrival(transfer.to_sequence, arrival);
            }
        }
        Ok(Self {
            source,
            accounts,
            ..Self::default()
        })
    }

    /// The same with transfers that are made by payments.
    pub(crate) fn through_payments(self) -> Self {
        Self {
            through_payments: true,
            ..self
        }
    }

    /// Takes note of the entries, on the debtor's account and on the creditor's, of the payment that made a transfer.
    pub(crate) fn was_paid(&mut self, row: CommandId, entries: [Option<EventId>; 2]) {
        self.payments.insert(row, entries);
    }

    /// The entries that a transfer has, or would have, on the debtor's account and on the creditor's.
    pub(crate) fn entries_of_transfer(&self, row: CommandId) -> [EventId; 2] {
        let by_ledger = [row.event(0), row.follow_up(0).event(0)];
        match self.payments.get(&row) {
            Some([left, entered]) => [left.unwrap_or(by_ledger[0]), entered.unwrap_or(by_ledger[1])],
            None => by_ledger,
        }
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
            let here = entries.iter().position(|entry| match &entry.import {
                Some(import) => !earlier(import),
                None if self.through_payments => entry.payment.is_some(),
                None => planned.first_arrival == Some(entry.id),
            });
            let before = &entries[..here.unwrap_or(entries.len())];
            let imports = before.iter().filter_map(|entry| entry.import.as_ref());
            let taken = imports.map(|import| import.sequence).max();
            planned.found = before.last().map(|last| last.balance_after);
            planned.carried = before.last().zip(taken).map(|(last, taken)| Carried {
                balance: last.balance_after,
                last_seq: last.seq,
                taken,
            });
        }
    }

    /// The sequence of the last row that an earlier period has brought to the account; 0 for none.
    pub fn taken(&self, account: AccountId) -> u64 {
        let carried = self.accounts.get(&account).and_then(|planned| planned.carried);
        carried.map_or(0, |carried| carried.taken)
    }

    /// Whether the account begins, give or take the rounding of its first row, with the balance that the ledger has
    /// before any of its rows. True where the ledger has no entries then.
    pub fn goes_on(&self, account: AccountId, opening_balance: i64) -> bool {
        let Some(planned) = self.accounts.get(&account) else {
            return true;
        };
        planned.found.is_none_or(|found| {
            let off = opening_balance.abs_diff(found);
            off == 0 || (planned.can_round && off <= ROUNDING_MAX)
        })
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
                after: None,
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
