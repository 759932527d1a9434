use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use tributary_contracts::{
    accounts::{EntryKind, EntryPosted, GlAccount, LedgerAccount, Leg, Side},
    envelope::BusinessDate,
};
use tributary_ids::{AccountId, CommandId, EventId};
use uuid::Uuid;

/// An entry's id as a key: the command, and the index of its event.
pub(crate) type EntryKey = (CommandId, u32);

pub(crate) fn entry_key(id: EventId) -> EntryKey {
    (id.command, id.index)
}

/// Reads `<command id>:<index>`.
pub(crate) fn parse_entry_id(text: &str) -> Option<EventId> {
    let (command, index) = text.split_once(':')?;
    let command = CommandId(Uuid::parse_str(command).ok()?);
    Some(command.event(index.parse().ok()?))
}

/// What is kept of a booked entry for as long as it can be reversed: enough to book it again with the sides swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookedEntry {
    pub account_id: AccountId,
    /// Minor units by which the customer's balance moved.
    pub movement: i64,
    /// The general ledger's account, and its leg in minor units, credits positive. What is missing to zero stands on
    /// the rounding account.
    pub contra: GlAccount,
    pub contra_signed: i64,
    pub booking_date: BusinessDate,
    pub value_date: BusinessDate,
    pub kind: EntryKind,
    pub reversed: bool,
}

impl BookedEntry {
    /// Of a balanced entry whose legs stand in their order (customer, contra, rounding), and which moves the
    /// customer's balance by `movement`.
    pub(crate) fn of(entry: &EntryPosted, movement: i64) -> Self {
        let contra = entry.legs.iter().find_map(|leg| match leg.account {
            LedgerAccount::Gl(account) => Some((account, leg.signed())),
            LedgerAccount::Customer(_) => None,
        });
        let (contra, contra_signed) = contra.unwrap_or((GlAccount::ROUNDING, 0));
        Self {
            account_id: entry.account_id,
            movement,
            contra,
            contra_signed,
            booking_date: entry.booking_date,
            value_date: entry.value_date,
            kind: entry.kind,
            reversed: false,
        }
    }
}

/// The legs of an entry, from signed minor units (credits positive): those of zero are left out. `None` when a leg
/// is too large for 64 bits.
///
/// # Panics
///
/// When they don't balance: an entry that doesn't must never be written.
pub(crate) fn legs(
    customer: (AccountId, i64),
    contra: (GlAccount, i64),
    rounding: i64,
) -> Option<SmallVec<[Leg; 3]>> {
    let sum = i128::from(customer.1) + i128::from(contra.1) + i128::from(rounding);
    assert!(sum == 0, "an entry balances when it is written");
    let mut legs = SmallVec::new();
    for (account, signed) in [
        (LedgerAccount::Customer(customer.0), customer.1),
        (LedgerAccount::Gl(contra.0), contra.1),
        (LedgerAccount::Gl(GlAccount::ROUNDING), rounding),
    ] {
        if signed != 0 {
            legs.push(Leg {
                account,
                side: if signed < 0 { Side::Debit } else { Side::Credit },
                amount: signed.checked_abs()?,
            });
        }
    }
    Some(legs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_id_reads_back_as_written() {
        let id = CommandId::named("a").event(3);
        assert_eq!(parse_entry_id(&id.to_string()), Some(id));
        for text in ["", "3", ":3", "5c0f9a63-7d0b-5a43-9f0e-6b1d2f64a7c1", "x:1"] {
            assert_eq!(parse_entry_id(text), None, "{text}");
        }
    }

    #[test]
    #[should_panic(expected = "an entry balances when it is written")]
    fn legs_that_do_not_balance_are_never_written() {
        legs((AccountId::named("a"), 10), (GlAccount::CASH, -9), 0);
    }

    #[test]
    fn a_leg_of_nothing_is_left_out() {
        let legs = legs((AccountId::named("a"), 0), (GlAccount::CASH, -5), 5).unwrap();
        assert_eq!(legs.len(), 2);
        assert_eq!(legs[1].account, LedgerAccount::Gl(GlAccount::ROUNDING));
    }
}
