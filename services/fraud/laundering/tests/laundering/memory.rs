use tributary_fraud_laundering::{AccountState, ENTRIES_MAX, Message, Outcome, Probe, Rule, Rules};

use crate::support::{Bank, day, payment};

#[test]
fn an_account_remembers_a_bounded_number_of_payments() {
    let mut bank = Bank::new();
    for index in 0..5_000 {
        let other = 10 + u128::try_from(index % 700).unwrap();
        bank.pay_at(Rule::Cycle, day(0) + index, 1, other, 10_000 + index);
        bank.pay_at(Rule::Cycle, day(0) + index, other, 1, 10_000 + index);
    }
    let mut hub = AccountState::default();
    for index in 0..5_000 {
        let other = 10 + u128::try_from(index).unwrap();
        hub.handle(
            &Rules::default(),
            &Message::Sent(payment(other, day(0) + index, 1, other, 10_000)),
        );
        let received = payment(10_000 + other, day(0) + index, other, 1, 10_000);
        hub.handle(&Rules::default(), &Message::Received(received));
        let probe = Message::Probe(Probe::of(vec![received], 256).unwrap());
        assert!(hub.handle(&Rules::default(), &probe).messages.len() <= 8);
    }
    assert_eq!(hub.remembered(), 2 * ENTRIES_MAX);
    // 700 others of 7 or 8 payments each way, and the hub.
    assert_eq!(bank.remembered(), 10_000 + 2 * ENTRIES_MAX);
}

#[test]
fn what_is_older_than_all_windows_is_forgotten() {
    let rules = Rules::default();
    let mut state = AccountState::default();
    for (id, at) in [(1, 0), (2, 60), (3, 359)] {
        state.handle(&rules, &Message::Sent(payment(id, day(at), 1, 2, 500)));
    }
    assert_eq!(state.remembered(), 3);
    state.handle(&rules, &Message::Sent(payment(4, day(360), 1, 2, 500)));
    assert_eq!(state.remembered(), 3);
    state.forget(&rules, day(719));
    assert_eq!(state.remembered(), 1);
    state.forget(&rules, day(720));
    assert_eq!(state.remembered(), 0);
    // That it was there once is still known.
    let woken = Message::Received(payment(5, day(800), 3, 1, 90_000));
    assert_eq!(state.handle(&rules, &woken).alerts, []);
    let outcome = state.handle(&rules, &Message::Sent(payment(6, day(801), 1, 4, 90_000)));
    assert_eq!(outcome.alerts[0].rule, Rule::DormantWake);
}

#[test]
fn a_payment_that_comes_again_or_far_too_late_changes_nothing() {
    let rules = Rules::default();
    let mut state = AccountState::default();
    let newest = payment(1, day(400), 1, 2, 500);
    assert_eq!(state.handle(&rules, &Message::Sent(newest)).messages.len(), 1);
    let before = state.clone();
    let late = payment(2, day(40), 1, 2, 500);
    for again in [newest, late] {
        assert_eq!(state.handle(&rules, &Message::Sent(again)), Outcome::default());
        assert_eq!(state, before);
    }
    let just_in_time = payment(3, day(40) + 1, 1, 2, 500);
    assert!(state.handle(&rules, &Message::Sent(just_in_time)).noted);
}

#[test]
fn a_state_that_was_written_goes_on_as_if_it_had_not_been() {
    let rules = Rules::default();
    let mut state = AccountState::default();
    for (id, at) in [(1, 0), (2, 1)] {
        state.handle(&rules, &Message::Sent(payment(id, day(at), 1, 2, 900_000)));
    }
    let mut read: AccountState = postcard::from_bytes(&postcard::to_stdvec(&state).unwrap()).unwrap();
    assert_eq!(read, state);
    let third = Message::Sent(payment(3, day(2), 1, 2, 900_000));
    let outcome = read.handle(&rules, &third);
    assert_eq!(outcome.alerts[0].rule, Rule::Structuring);
    assert_eq!(outcome, state.handle(&rules, &third));
}

#[test]
fn a_payment_that_came_back_is_none_of_those_that_were_sent() {
    let rules = Rules::default();
    let mut state = AccountState::default();
    let near = |id, at| payment(id, day(at), 1, id + 10, 900_000);
    state.handle(&rules, &Message::Sent(near(1, 0)));
    state.handle(&rules, &Message::Sent(near(2, 1)));
    assert!(state.handle(&rules, &Message::Returned(near(2, 1))).noted);
    assert!(!state.handle(&rules, &Message::Returned(near(2, 1))).noted);
    assert_eq!(state.remembered(), 1);
    assert_eq!(state.handle(&rules, &Message::Sent(near(3, 2))).alerts, []);
    let outcome = state.handle(&rules, &Message::Sent(near(4, 3)));
    assert_eq!(outcome.alerts[0].rule, Rule::Structuring);
    assert_eq!(outcome.alerts[0].payments, [near(1, 0), near(3, 2), near(4, 3)]);
}
