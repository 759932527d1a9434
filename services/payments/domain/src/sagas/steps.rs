//! Steps that several sagas share: the money's way through the ledger.

use tributary_saga::{Saga, Silence, Step, When};

/// How often the ledger is asked for what must happen, before a person is called.
const ATTEMPTS: u32 = 10;

/// What the hold outlives the last deadline by, milliseconds: commands and answers wait in inboxes too.
const HOLD_MARGIN_MS: i64 = 60 * 60 * 1000;

pub(super) const RESERVE: Step = Step {
    name: "reserve",
    by: "accounts",
    asks: "reserve the amount on the debtor's account",
    when: When::AtOnce,
    pivot: false,
    within_ms: 30_000,
    silence: Silence::TurnBack("RESERVE_UNANSWERED"),
};

/// From the debtor's account into transit and on to the creditor's. Its answer says where the money is in the end.
pub(super) const fn settle(after: &'static [&'static str]) -> Step {
    Step {
        name: "settle",
        by: "accounts",
        asks: "move the money to the creditor's account, or back",
        when: When::After(after),
        pivot: true,
        within_ms: 30_000,
        silence: Silence::AskAgain(ATTEMPTS),
    }
}

pub(super) const RELEASE: Step = Step {
    name: "release",
    by: "accounts",
    asks: "release what was reserved",
    when: When::Undoing("reserve"),
    pivot: false,
    within_ms: 30_000,
    silence: Silence::AskAgain(ATTEMPTS),
};

/// Milliseconds for which a payment's hold has to stand: longer than its saga can take to settle it without a person.
pub fn hold_lifetime_ms(saga: &Saga) -> i64 {
    let longest = |step: &Step| match (step.when, step.silence) {
        (When::Undoing(_), _) => 0,
        (_, Silence::AskAgain(times)) => step.within_ms * i64::from(times),
        (_, Silence::TurnBack(_) | Silence::FallBack) => step.within_ms,
    };
    saga.steps.iter().map(longest).sum::<i64>() + HOLD_MARGIN_MS
}
