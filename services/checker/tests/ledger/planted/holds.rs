//! Faults in holds and their timers: invariant 7.

use tributary_checker::Cut;
use tributary_contracts::runtime::{TimerIgnored, TimerRearmed};

use super::{bank, tells, tells_at, tells_only, told};
#[test]
fn a_hold_that_is_released_twice_is_told() {
    let (mut bank, near, ..) = bank();
    let (hold, _) = bank.reserve(near, 1_000, None).unwrap();
    let kept = bank.holds[&hold].clone();
    bank.release(hold);
    bank.holds.insert(hold, kept);
    bank.release(hold);
    tells(&bank, 7, "HOLD_NOT_OPEN");
}

#[test]
fn a_hold_that_is_settled_over_what_is_open_is_told() {
    let (mut bank, near, ..) = bank();
    let (hold, place) = bank.reserve(near, 1_000, None).unwrap();
    bank.settle(hold, 1_000, true);
    bank.edit(place, |value| value["data"]["amount"] = 900.into());
    tells(&bank, 7, "HOLD_OVERSETTLED");
}

#[test]
fn a_settlement_that_states_another_rest_is_told() {
    let (mut bank, near, ..) = bank();
    let (hold, _) = bank.reserve(near, 1_000, None).unwrap();
    let entry = bank.settle(hold, 400, false);
    bank.edit(entry, |value| value["data"]["hold"]["open"] = 700.into());
    tells_only(&bank, 7, "HOLD_SETTLED_WRONG");
}

#[test]
fn a_release_of_less_than_is_open_is_told() {
    let (mut bank, near, ..) = bank();
    let (hold, _) = bank.reserve(near, 1_000, None).unwrap();
    let released = bank.release(hold);
    bank.edit(released, |value| value["data"]["amount"] = 999.into());
    tells_only(&bank, 7, "HOLD_RELEASED_WRONG");
}

#[test]
fn a_hold_that_lapses_early_is_told() {
    let (mut bank, near, ..) = bank();
    let due = bank.now + 1_000_000;
    let (hold, _) = bank.reserve(near, 1_000, Some(due)).unwrap();
    bank.now += 10;
    let earlier = bank.now;
    bank.now = due;
    let lapsed = bank.timer_due(near, hold, due);
    bank.edit(lapsed, |value| value["time"] = earlier.into());
    tells_only(&bank, 7, "HOLD_EXPIRED_EARLY");
}

#[test]
fn a_swallowed_timer_is_told() {
    let (mut bank, near, ..) = bank();
    let due = bank.now + 1_000;
    let (hold, _) = bank.reserve(near, 1_000, Some(due)).unwrap();
    bank.now = due;
    let (asked, timer) = bank.timer(near, hold, due);
    bank.tell_runtime(&asked, TimerIgnored { timer });
    tells_only(&bank, 7, "TIMER_SWALLOWED");
}

#[test]
fn a_due_timer_that_is_put_off_is_told() {
    let (mut bank, near, ..) = bank();
    let due = bank.now + 1_000;
    let (hold, _) = bank.reserve(near, 1_000, Some(due)).unwrap();
    bank.now = due;
    let (asked, timer) = bank.timer(near, hold, due);
    bank.tell_runtime(&asked, TimerRearmed { timer });
    tells_only(&bank, 7, "TIMER_NOT_HONOURED");
}

#[test]
fn a_timer_that_never_came_is_told() {
    let (mut bank, near, ..) = bank();
    let due = bank.now + 1_000;
    bank.reserve(near, 1_000, Some(due)).unwrap();
    let cut = Cut {
        expired_before: Some(due + 1),
        ..bank.cut()
    };
    tells_at(&bank, &cut, 7, "HOLD_OUTLIVED_EXPIRY");
    assert_eq!(told(&bank.check()), []);
}
