use std::collections::{BTreeMap, HashMap};

use tributary_accounts_domain::{Books, HoldState, Recorded, evolve};
use tributary_contracts::{
    accounts::{AccountsEvent, EntryPosted, LedgerAccount},
    envelope::BusinessDate,
};
use tributary_ids::{AccountId, CustomerId, HoldId};
use tributary_projection::{CopyRows, LoggedEvent, Payload};

use super::VerifyError;
use crate::projection::{
    copy,
    rows::{block_text, direction_text},
};

/// Lines by their primary keys.
pub(super) type Lines = BTreeMap<String, String>;

/// The rows that follow from the log. The books are folded by the ledger's core, not by the projection's code.
#[derive(Default)]
pub(super) struct Expected {
    books: Books,
    opened: HashMap<AccountId, Opened>,
    gl_offsets: HashMap<(String, &'static str), i64>,
    journal: Journal,
    pub(super) accounts: Lines,
    pub(super) holds: Lines,
    pub(super) gl_parts: Lines,
    hold_offsets: HashMap<(AccountId, HoldId), i64>,
}

/// Lines of the tables that have a row an event.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) entries: CopyRows,
    pub(super) refusals: CopyRows,
}

/// What the books don't keep of an account.
struct Opened {
    owner: CustomerId,
    product: String,
    opened_on: BusinessDate,
    closed_on: Option<BusinessDate>,
    first_offset: i64,
    last_offset: i64,
}

impl Expected {
    pub(super) fn begin_partition(&mut self) {
        self.books = Books::default();
        self.opened.clear();
        self.gl_offsets.clear();
        self.hold_offsets.clear();
    }

    pub(super) fn event(&mut self, event: &LoggedEvent<AccountsEvent>) -> Result<(), VerifyError> {
        copy::refusal(&mut self.journal.refusals, event);
        let Payload::Service(data) = &event.envelope.data else {
            return Ok(());
        };
        let recorded = Recorded {
            event_id: event.envelope.id(),
            time_ms: event.envelope.time,
        };
        evolve(&mut self.books, data, &recorded).map_err(|corrupt| VerifyError::Corrupt {
            partition: event.partition,
            offset: event.offset,
            detail: corrupt.to_string(),
        })?;
        self.follow_account(event, data);
        match data {
            AccountsEvent::HoldPlaced(hold) => {
                let key = (hold.account_id, hold.hold_id);
                self.hold_offsets.insert(key, event.offset);
                self.hold(event, key, false);
            }
            AccountsEvent::HoldAdjusted(hold) => self.hold(event, (hold.account_id, hold.hold_id), false),
            AccountsEvent::HoldReleased(hold) => {
                let key = (hold.account_id, hold.hold_id);
                if hold.amount == 0 {
                    // A tombstone of a hold that never was, or that is forgotten.
                    self.hold_offsets.insert(key, event.offset);
                }
                self.hold(event, key, hold.expired);
            }
            AccountsEvent::EntryPosted(entry) => self.entry(event, entry),
            _ => {}
        }
        Ok(())
    }

    fn follow_account(&mut self, event: &LoggedEvent<AccountsEvent>, data: &AccountsEvent) {
        if let AccountsEvent::AccountOpened(opened) = data {
            let account = Opened {
                owner: opened.owner,
                product: opened.product.to_string(),
                opened_on: opened.booking_date,
                closed_on: None,
                first_offset: event.offset,
                last_offset: event.offset,
            };
            self.opened.insert(opened.account_id, account);
        }
        let account = data.seq().and_then(|(account, _)| self.opened.get_mut(&account));
        if let Some(account) = account {
            account.last_offset = event.offset;
            if let AccountsEvent::AccountClosed(closed) = data {
                account.closed_on = Some(closed.booking_date);
            }
        }
    }

    fn entry(&mut self, event: &LoggedEvent<AccountsEvent>, entry: &EntryPosted) {
        for leg in &entry.legs {
            if let LedgerAccount::Gl(account) = leg.account {
                let key = (account.to_string(), entry.currency.code());
                self.gl_offsets.insert(key, event.offset);
            }
        }
        if let Some(hold) = entry.hold {
            self.hold(event, (entry.account_id, hold.hold_id), false);
        }
        copy::entry(&mut self.journal.entries, event, entry, entry.movement());
    }

    /// A hold's line as of its last event: the books forget it after a while, the read model doesn't.
    fn hold(&mut self, event: &LoggedEvent<AccountsEvent>, key: (AccountId, HoldId), expired: bool) {
        let Some(hold) = self.books.hold(key.0, key.1) else {
            return;
        };
        let first_offset = self.hold_offsets.get(&key).copied().unwrap_or(event.offset);
        let mut line = CopyRows::default();
        let mut row = line.row();
        row.uuid(Some(key.0.0));
        row.uuid(Some(key.1.0));
        row.text(Some(direction_text(hold.direction)));
        row.text(Some(match (hold.state, expired) {
            (HoldState::Open, _) => "open",
            (HoldState::Settled, _) => "settled",
            (HoldState::Released, false) => "released",
            (HoldState::Released, true) => "expired",
        }));
        row.number(hold.reserved);
        row.number(hold.open);
        row.number(hold.adjusted);
        row.number(hold.settled);
        row.number(hold.released);
        row.optional_number(hold.expires_at);
        row.number(event.partition);
        row.number(first_offset);
        row.number(event.offset);
        row.end();
        keep(&mut self.holds, &line, 2);
    }

    pub(super) fn take_journal(&mut self) -> Journal {
        std::mem::take(&mut self.journal)
    }

    /// Turns the partition's books into lines.
    pub(super) fn end_partition(&mut self, partition: i32) {
        for (id, account) in self.books.accounts() {
            let Some(opened) = self.opened.get(&id) else {
                continue;
            };
            let mut line = CopyRows::default();
            let mut row = line.row();
            row.uuid(Some(id.0));
            row.uuid(Some(opened.owner.0));
            row.text(Some(&opened.product));
            row.text(Some(account.currency.code()));
            row.text(Some(if account.closed { "closed" } else { "open" }));
            row.text(account.block.map(block_text));
            row.number(account.overdraft_limit);
            row.date(opened.opened_on);
            row.optional_date(opened.closed_on);
            row.number(account.posted);
            row.number(account.pending_out);
            row.number(account.pending_in);
            row.number(account.seq);
            row.number(partition);
            row.number(opened.first_offset);
            row.number(opened.last_offset);
            row.end();
            keep(&mut self.accounts, &line, 1);
        }
        for (account, currency, balance) in self.books.gl_balances() {
            let account = account.to_string();
            let mut line = CopyRows::default();
            let mut row = line.row();
            row.text(Some(&account));
            row.text(Some(currency.code()));
            row.number(partition);
            row.number(balance);
            row.optional_number(self.gl_offsets.get(&(account.clone(), currency.code())));
            row.end();
            keep(&mut self.gl_parts, &line, 3);
        }
    }
}

fn keep(lines: &mut Lines, rows: &CopyRows, key_columns: usize) {
    lines.extend(keyed(rows.as_str(), key_columns));
}

/// Lines by their first columns.
pub(super) fn keyed(text: &str, key_columns: usize) -> Lines {
    let keyed = text.lines().map(|line| {
        let columns: Vec<&str> = line.splitn(key_columns + 1, '\t').collect();
        let key = columns[..key_columns.min(columns.len())].join("\t");
        (key, line.to_owned())
    });
    keyed.collect()
}
