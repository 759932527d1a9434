//! Rows of the ledger's tables, to be copied.

use tributary_contracts::{
    accounts::{AccountsEvent, EntryKind, EntryPosted, LedgerAccount, TransferRefused},
    envelope::EventEnvelope,
    runtime::RuntimeEvent,
};
use tributary_ids::{AccountId, HoldId};
use tributary_projection::{CopyRows, LoggedEvent, Payload};
use uuid::Uuid;

use super::rows::{AccountRow, HoldRow, Opening, block_text, direction_text};

/// A row of `accounts` that the batch opens, with columns as [`ACCOUNT_COLUMNS`] lists them.
pub(super) fn account(rows: &mut CopyRows, id: AccountId, opening: &Opening, account: &AccountRow) {
    let mut row = rows.row();
    row.uuid(Some(id.0));
    row.uuid(Some(opening.owner.0));
    row.text(Some(&opening.product));
    row.text(Some(account.currency.code()));
    row.text(Some(account.status()));
    row.text(account.block.map(block_text));
    row.number(account.overdraft_limit);
    row.date(opening.opened_on);
    row.optional_date(account.closed_on);
    row.number(account.posted);
    row.number(account.pending_out);
    row.number(account.pending_in);
    row.number(account.seq);
    row.number(account.partition);
    row.number(account.first_offset);
    row.number(account.last_offset);
    row.end();
}

/// A row of `holds`, with columns as [`HOLD_COLUMNS`] lists them.
pub(super) fn hold(rows: &mut CopyRows, (account, id): (AccountId, HoldId), hold: &HoldRow) {
    let mut row = rows.row();
    row.uuid(Some(account.0));
    row.uuid(Some(id.0));
    row.text(Some(direction_text(hold.direction)));
    row.text(Some(hold.state.as_str()));
    row.number(hold.reserved);
    row.number(hold.open);
    row.number(hold.adjusted);
    row.number(hold.settled);
    row.number(hold.released);
    row.optional_number(hold.expires_ms);
    row.number(hold.partition);
    row.number(hold.first_offset);
    row.number(hold.last_offset);
    row.end();
}

/// A row of `entries`, with columns as [`ENTRY_COLUMNS`] lists them.
pub(super) fn entry(
    rows: &mut CopyRows,
    event: &LoggedEvent<AccountsEvent>,
    entry: &EntryPosted,
    movement: i64,
) {
    let legs = || {
        entry.legs.iter().filter_map(|leg| match leg.account {
            LedgerAccount::Gl(account) => Some((account, leg.signed())),
            LedgerAccount::Customer(_) => None,
        })
    };
    let mut row = rows.row();
    row.position(event);
    row.number(event.envelope.index);
    row.uuid(Some(entry.account_id.0));
    row.number(entry.seq);
    row.text(Some(kind_text(entry.kind)));
    row.text(Some(entry.currency.code()));
    row.number(movement);
    row.number(entry.balance_after);
    // Accounts of the chart and signed amounts.
    row.array(legs().map(|(account, _)| account));
    row.array(legs().map(|(_, movement)| movement));
    row.date(entry.booking_date);
    row.date(entry.value_date);
    row.number(event.envelope.time);
    row.boolean(entry.forced);
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
pub(super) fn refusal(rows: &mut CopyRows, event: &LoggedEvent<AccountsEvent>) {
    let Some(refusal) = Refusal::of(&event.envelope) else {
        return;
    };
    let mut row = rows.row();
    row.position(event);
    row.text(Some(refusal.kind));
    row.text(Some(refusal.code));
    row.text(refusal.command_type);
    row.text(refusal.detail);
    row.uuid(refusal.payment_id);
    row.number(event.envelope.time);
    row.end();
}

pub(super) const ACCOUNT_COLUMNS: &str = "account_id, owner, product, currency, status, block, overdraft_limit, \
    opened_on, closed_on, posted, pending_out, pending_in, seq, partition, first_offset, last_offset";

pub(super) const HOLD_COLUMNS: &str = "account_id, hold_id, direction, state, reserved, open, adjusted, settled, \
    released, expires_ms, partition, first_offset, last_offset";

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
