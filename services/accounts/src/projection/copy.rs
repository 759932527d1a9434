//! Rows in the text format of PostgreSQL's `COPY`: the fastest way in.

use std::fmt::{self, Write as _};

use chrono::Datelike;
use tributary_contracts::{
    accounts::{AccountsEvent, EntryKind, EntryPosted, LedgerAccount, TransferRefused},
    envelope::{BusinessDate, EventEnvelope},
    runtime::RuntimeEvent,
};
use tributary_projection::{LoggedEvent, Payload};
use uuid::Uuid;

/// Rows of one table, to be copied.
#[derive(Debug, Default)]
pub(super) struct CopyRows {
    text: String,
}

impl CopyRows {
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn row(&mut self) -> Row<'_> {
        Row {
            text: &mut self.text,
            first: true,
        }
    }

    /// A row of `entries`, with columns as [`ENTRY_COLUMNS`] lists them.
    pub(super) fn entry(&mut self, event: &LoggedEvent<AccountsEvent>, entry: &EntryPosted, movement: i64) {
        let mut row = self.row();
        row.position(event);
        row.number(event.envelope.index);
        row.uuid(Some(entry.account_id.0));
        row.number(entry.seq);
        row.text(Some(kind_text(entry.kind)));
        row.text(Some(entry.currency.code()));
        row.number(movement);
        row.number(entry.balance_after);
        row.gl_legs(entry);
        row.date(entry.booking_date);
        row.date(entry.value_date);
        row.number(event.envelope.time);
        row.text(Some(if entry.forced { "t" } else { "f" }));
        row.uuid(entry.payment_id.map(|id| id.0));
        row.uuid(entry.counterparty.map(|id| id.0));
        row.uuid(entry.hold.map(|hold| hold.hold_id.0));
        row.text(entry.reverses.as_deref());
        row.text(entry.import.as_ref().map(|import| import.source.as_str()));
        row.optional_number(entry.import.as_ref().map(|import| import.sequence));
        let details = &entry.details;
        row.text(details.purpose.as_deref());
        row.text(details.counterparty_bank.as_deref());
        row.text(details.country.as_ref().map(|country| country.code.as_str()));
        row.text(details.country.as_ref().map(|country| country.source.as_str()));
        row.text(details.reference.as_deref());
        row.end();
    }

    /// A row of `refusals`, if the event is one, with columns as [`REFUSAL_COLUMNS`] lists them.
    pub(super) fn refusal(&mut self, event: &LoggedEvent<AccountsEvent>) {
        let Some(refusal) = Refusal::of(&event.envelope) else {
            return;
        };
        let mut row = self.row();
        row.position(event);
        row.text(Some(refusal.kind));
        row.text(Some(refusal.code));
        row.text(refusal.command_type);
        row.text(refusal.detail);
        row.uuid(refusal.payment_id);
        row.number(event.envelope.time);
        row.end();
    }
}

pub(super) const ENTRY_COLUMNS: &str = "partition, event_offset, command_offset, command_id, event_index, account_id, \
    seq, kind, currency, movement, balance_after, gl_accounts, gl_movements, booking_date, value_date, recorded_ms, \
    forced, payment_id, counterparty, hold_id, reverses, import_source, import_sequence, purpose, counterparty_bank, \
    country, country_source, reference";

pub(super) const REFUSAL_COLUMNS: &str = "partition, event_offset, command_offset, command_id, kind, code, \
    command_type, detail, payment_id, recorded_ms";

struct Refusal<'e> {
    kind: &'static str,
    code: &'e str,
    command_type: Option<&'e str>,
    detail: Option<&'e str>,
    payment_id: Option<Uuid>,
}

impl<'e> Refusal<'e> {
    fn of(envelope: &'e EventEnvelope<Payload<AccountsEvent>>) -> Option<Self> {
        match &envelope.data {
            Payload::Runtime(RuntimeEvent::CommandRefused(refused)) => Some(Self {
                kind: "refused",
                code: &refused.code,
                command_type: Some(&refused.command_type),
                detail: Some(&refused.detail),
                payment_id: None,
            }),
            Payload::Runtime(RuntimeEvent::DeadLettered(dead)) => Some(Self {
                kind: "dead-lettered",
                code: &dead.code,
                command_type: None,
                detail: Some(&dead.detail),
                payment_id: None,
            }),
            Payload::Service(AccountsEvent::TransferRefused(TransferRefused {
                code, payment_id, ..
            })) => Some(Self {
                kind: "transfer-refused",
                code,
                command_type: None,
                detail: None,
                payment_id: Some(payment_id.0),
            }),
            Payload::Runtime(_) | Payload::Service(_) => None,
        }
    }
}

/// As the contract writes it.
fn kind_text(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::OpeningBalance => "opening-balance",
        EntryKind::Credit => "credit",
        EntryKind::Debit => "debit",
        EntryKind::Settlement => "settlement",
        EntryKind::TransferOut => "transfer-out",
        EntryKind::TransferIn => "transfer-in",
        EntryKind::TransferReturn => "transfer-return",
        EntryKind::Reversal => "reversal",
    }
}

/// A character that PostgreSQL's text can't hold; JSON can.
const NUL: char = '\0';
const REPLACEMENT: char = '\u{fffd}';

/// A row that is being written, column by column.
pub(super) struct Row<'t> {
    text: &'t mut String,
    first: bool,
}

impl Row<'_> {
    fn next(&mut self) {
        if !self.first {
            self.text.push('\t');
        }
        self.first = false;
    }

    pub(super) fn end(self) {
        self.text.push('\n');
    }

    fn display(&mut self, value: impl fmt::Display) {
        // Writing to a String doesn't fail.
        write!(self.text, "{value}").ok();
    }

    pub(super) fn number(&mut self, number: impl fmt::Display) {
        self.next();
        self.display(number);
    }

    pub(super) fn optional_number(&mut self, number: Option<impl fmt::Display>) {
        match number {
            Some(number) => self.number(number),
            None => self.text(None),
        }
    }

    fn position(&mut self, event: &LoggedEvent<AccountsEvent>) {
        self.number(event.partition);
        self.number(event.offset);
        self.number(event.envelope.origin.offset);
        self.uuid(Some(event.envelope.command_id.0));
    }

    pub(super) fn uuid(&mut self, id: Option<Uuid>) {
        self.next();
        match id {
            Some(id) => {
                let mut buffer = [0; uuid::fmt::Hyphenated::LENGTH];
                self.text.push_str(id.hyphenated().encode_lower(&mut buffer));
            }
            None => self.text.push_str("\\N"),
        }
    }

    pub(super) fn text(&mut self, value: Option<&str>) {
        self.next();
        let Some(value) = value else {
            self.text.push_str("\\N");
            return;
        };
        if value.bytes().all(|byte| byte >= b' ' && byte != b'\\') {
            self.text.push_str(value);
            return;
        }
        for character in value.chars() {
            match character {
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                // Not needed to read it, but so it comes out again.
                '\x08' => self.text.push_str("\\b"),
                '\x0b' => self.text.push_str("\\v"),
                '\x0c' => self.text.push_str("\\f"),
                NUL => self.text.push(REPLACEMENT),
                other => self.text.push(other),
            }
        }
    }

    pub(super) fn optional_date(&mut self, date: Option<BusinessDate>) {
        match date {
            Some(date) => self.date(date),
            None => self.text(None),
        }
    }

    /// The ledger takes dates of the years 1900 to 9999 only.
    pub(super) fn date(&mut self, date: BusinessDate) {
        self.number(format_args!(
            "{:04}-{:02}-{:02}",
            date.year(),
            date.month(),
            date.day()
        ));
    }

    /// Two arrays: accounts of the chart, whose names need no quotes, and signed amounts.
    fn gl_legs(&mut self, entry: &EntryPosted) {
        let legs = || {
            entry.legs.iter().filter_map(|leg| match leg.account {
                LedgerAccount::Gl(account) => Some((account, leg.signed())),
                LedgerAccount::Customer(_) => None,
            })
        };
        self.next();
        self.array(legs().map(|(account, _)| account));
        self.next();
        self.array(legs().map(|(_, movement)| movement));
    }

    fn array(&mut self, elements: impl Iterator<Item = impl fmt::Display>) {
        self.text.push('{');
        for (place, element) in elements.enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            self.display(element);
        }
        self.text.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Row<'_>)) -> String {
        let mut rows = CopyRows::default();
        let mut row = rows.row();
        write(&mut row);
        row.end();
        rows.text
    }

    #[test]
    fn text_that_would_break_the_format_is_escaped_and_a_nul_replaced() {
        let row = written(|row| {
            row.text(Some("a\tb\\N\r\n"));
            row.text(None);
            row.text(Some("x\0ž"));
            row.text(Some("\\."));
        });
        assert_eq!(row, "a\\tb\\\\N\\r\\n\t\\N\tx\u{fffd}ž\t\\\\.\n");
    }
}
