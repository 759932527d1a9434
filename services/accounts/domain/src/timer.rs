//! Which events arm and disarm timers: a hold that expires has one.

use tributary_contracts::{
    accounts::AccountsEvent,
    runtime::{TimerChange, TimerId},
};
use tributary_ids::{AccountId, HoldId};

const HOLD: &str = "hold/";

fn name(hold: HoldId) -> String {
    format!("{HOLD}{hold}")
}

/// The hold that a timer is for.
pub(crate) fn hold_of(timer: &TimerId) -> Option<(AccountId, HoldId)> {
    let hold = timer.name.strip_prefix(HOLD)?.parse().ok()?;
    Some((timer.aggregate.parse().ok()?, hold))
}

/// What the event changes about timers. A hold's timer is named `hold/<hold id>`, its aggregate is the account's id.
pub fn timer_changes(event: &AccountsEvent) -> impl Iterator<Item = TimerChange> + use<> {
    let disarm = |account: AccountId, hold| TimerChange::Disarm {
        aggregate: account.to_string(),
        name: name(hold),
    };
    let change = match event {
        AccountsEvent::HoldPlaced(placed) => placed.expires_at.map(|due| {
            TimerChange::Arm(TimerId {
                due,
                aggregate: placed.account_id.to_string(),
                name: name(placed.hold_id),
            })
        }),
        AccountsEvent::HoldReleased(released) => Some(disarm(released.account_id, released.hold_id)),
        AccountsEvent::EntryPosted(entry) => entry
            .hold
            .filter(|hold| hold.open == 0)
            .map(|hold| disarm(entry.account_id, hold.hold_id)),
        _ => None,
    };
    change.into_iter()
}
