use proptest::prelude::*;
use tributary_fraud_domain::{DAY_S, LABEL_DELAY_S, PAYEE_LATE_S, Payee};

/// Payments at days, and whether each is a fraud.
fn payee(payments: &[(i64, bool)]) -> Payee {
    let mut payee = Payee::default();
    for (day, fraud) in payments {
        let found = payee.observe(day * DAY_S, false);
        if *fraud {
            payee.confirm_fraud(found.counted_at_s, false).unwrap();
        }
    }
    payee
}

#[test]
fn a_label_takes_effect_7_days_after_its_payment_ahead_of_payments_of_that_instant() {
    let payee = payee(&[(0, true)]);
    let before = payee.clone().observe(LABEL_DELAY_S - 1, false);
    assert_eq!((before.payments, before.risk, before.run), ([0; 3], [0.0; 3], 0));
    let at = payee.clone().observe(LABEL_DELAY_S, false);
    assert_eq!((at.payments, at.risk), ([1; 3], [1.0; 3]));
    assert_eq!((at.run, at.run_age_s), (1, LABEL_DELAY_S));
}

#[test]
fn windows_end_7_days_ago_and_leave_out_exactly_their_length() {
    for (window, length_s) in [DAY_S, 7 * DAY_S, 30 * DAY_S].into_iter().enumerate() {
        let payee = payee(&[(0, true)]);
        let inside = payee.clone().observe(LABEL_DELAY_S + length_s - 1, false);
        assert_eq!((inside.payments[window], inside.risk[window]), (1, 1.0));
        let outside = payee.clone().observe(LABEL_DELAY_S + length_s, false);
        assert_eq!((outside.payments[window], outside.risk[window]), (0, 0.0));
    }
}

#[test]
fn a_run_ends_with_an_ordinary_payment_and_not_with_an_unusual_one() {
    let run = |payee: &Payee, day: i64| {
        let found = payee.clone().observe(day * DAY_S, false);
        (found.run, found.run_age_s / DAY_S)
    };
    let mut terminal = payee(&[(0, true), (1, true)]);
    assert_eq!(run(&terminal, 8), (2, 8));
    let unusual = terminal.observe(2 * DAY_S, true);
    assert_eq!(
        run(&terminal, 9),
        (2, 9),
        "unusual for its customer, says nothing"
    );
    terminal.confirm_fraud(unusual.counted_at_s, true).unwrap();
    assert_eq!(run(&terminal, 9), (2, 9), "an unusual fraud neither");
    terminal.observe(3 * DAY_S, false);
    assert_eq!(run(&terminal, 9), (2, 9), "not known yet");
    assert_eq!(run(&terminal, 10), (0, 0));
    let old = payee(&[(0, true)]);
    assert_eq!(run(&old, 36), (1, 36));
    assert_eq!(run(&old, 37), (0, 0), "as old as the longest window");
}

#[test]
fn a_payment_is_known_to_be_genuine_once_its_7_days_have_passed_without_a_label() {
    let since = |payee: &Payee, at_s: i64| payee.clone().observe(at_s, false).since_genuine_s;
    let mut terminal = payee(&[(0, false), (1, true)]);
    let most = 37 * DAY_S;
    assert_eq!(since(&terminal, LABEL_DELAY_S - 1), most, "nothing is known yet");
    assert_eq!(since(&terminal, LABEL_DELAY_S), LABEL_DELAY_S);
    assert_eq!(since(&terminal, 9 * DAY_S), 9 * DAY_S, "a fraud doesn't count");
    terminal.observe(2 * DAY_S, true);
    assert_eq!(
        since(&terminal, 9 * DAY_S),
        LABEL_DELAY_S,
        "an unusual one counts"
    );
    assert_eq!(since(&terminal, 60 * DAY_S), most);
    // Labels that come late, and that are taken back.
    terminal.observe(9 * DAY_S, false);
    terminal.confirm_fraud(2 * DAY_S, true).unwrap();
    assert_eq!(since(&terminal, 9 * DAY_S), 9 * DAY_S);
    terminal.retract_fraud(DAY_S, false).unwrap();
    assert_eq!(since(&terminal, 9 * DAY_S), 8 * DAY_S);
}

#[test]
fn a_label_that_comes_after_its_7_days_takes_effect_at_once() {
    let mut late = payee(&[(0, false), (1, true)]);
    late.observe(9 * DAY_S, false);
    late.confirm_fraud(0, false).unwrap();
    let found = late.observe(9 * DAY_S + 1, false);
    assert_eq!((found.payments[2], found.risk[2], found.run), (2, 1.0, 2));
    assert_eq!(found.run_age_s, 9 * DAY_S + 1);
    late.retract_fraud(0, false).unwrap();
    let found = late.observe(9 * DAY_S + 2, false);
    assert_eq!((found.risk[2], found.run), (0.5, 1));
    let mut in_time = payee(&[(0, true), (1, false)]);
    in_time.retract_fraud(0, false).unwrap();
    assert_eq!(in_time.observe(8 * DAY_S, false).risk, [0.0; 3]);
}

#[test]
fn a_payment_that_is_late_as_far_as_may_be_is_judged_as_if_it_came_in_time() {
    // The run began long before anything that a late payment's walk still finds.
    let bad: Vec<(i64, bool)> = (0..60).map(|day| (day, true)).collect();
    let in_time = payee(&bad).observe(65 * DAY_S, false);
    assert_eq!((in_time.run, in_time.run_age_s), (59, 65 * DAY_S));
    let mut ahead = payee(&bad);
    ahead.observe(65 * DAY_S + PAYEE_LATE_S, false);
    assert_eq!(ahead.clone().observe(65 * DAY_S, false), in_time);
    let too_late = ahead.clone().observe(65 * DAY_S - 1, false);
    assert_eq!(too_late.counted_at_s, 65 * DAY_S);
    // A label that comes late makes the run anew too.
    let mut unlabelled = bad.clone();
    unlabelled[50].1 = false;
    let mut labelled = payee(&unlabelled);
    labelled.observe(65 * DAY_S, false);
    labelled.confirm_fraud(50 * DAY_S, false).unwrap();
    let after = labelled.observe(65 * DAY_S + 1, false);
    assert_eq!((after.run, after.run_age_s), (59, 65 * DAY_S + 1));
}

#[test]
fn a_label_without_its_payment_is_refused_and_changes_nothing() {
    let mut payee = payee(&[(0, true), (1, false)]);
    let before = payee.clone();
    // Never paid, paid and labelled already, paid but not unusual, nothing to take back.
    assert!(payee.confirm_fraud(5, false).is_err());
    assert!(payee.confirm_fraud(0, false).is_err());
    assert!(payee.confirm_fraud(DAY_S, true).is_err());
    let refused = payee.retract_fraud(DAY_S, false).unwrap_err();
    assert_eq!(refused.code(), "FRAUD_LABEL_UNKNOWN_PAYMENT");
    assert_eq!(payee, before);
    // Too long ago to be remembered.
    payee.observe(40 * DAY_S, false);
    assert!(payee.confirm_fraud(DAY_S, false).is_err());
}

/// A payment as it was counted.
#[derive(Clone, Copy, Debug)]
struct Seen {
    at_s: i64,
    unusual: bool,
    fraud: bool,
}

/// Payments and risk by definition.
fn by_definition(seen: &[Seen], at_s: i64) -> ([u32; 3], [f64; 3]) {
    let edge_s = at_s - LABEL_DELAY_S;
    let windows = [DAY_S, 7 * DAY_S, 30 * DAY_S].map(|length_s| {
        let inside = || {
            seen.iter()
                .filter(|seen| seen.at_s <= edge_s && seen.at_s > edge_s - length_s)
        };
        let payments = inside().count();
        let frauds = inside().filter(|seen| seen.fraud).count();
        let risk = if payments == 0 {
            0.0
        } else {
            frauds as f64 / payments as f64
        };
        (u32::try_from(payments).unwrap(), risk)
    });
    (windows.map(|window| window.0), windows.map(|window| window.1))
}

proptest! {
    #[test]
    fn windows_are_what_their_definition_says_whenever_labels_and_payments_come(
        steps in prop::collection::vec((-4_000_i64..200_000, any::<bool>(), 0_u8..4, any::<prop::sample::Index>()), 1..150),
    ) {
        let mut payee = Payee::default();
        let (mut seen, mut newest_s): (Vec<Seen>, i64) = (Vec::new(), 0);
        for (index, (step_s, unusual, action, which)) in steps.into_iter().enumerate() {
            let at_s = newest_s + step_s;
            let counted_at_s = if index == 0 { at_s } else { at_s.max(newest_s - PAYEE_LATE_S) };
            let found = payee.observe(at_s, unusual);
            newest_s = if index == 0 { at_s } else { newest_s.max(at_s) };
            seen.push(Seen { at_s: counted_at_s, unusual, fraud: false });
            prop_assert_eq!((found.payments, found.risk), by_definition(&seen, counted_at_s));
            if action > 0 {
                // Any payment, so labels come early, late, twice and too late.
                let of = which.get(&seen).to_owned();
                let place = seen
                    .iter()
                    .position(|seen| seen.at_s == of.at_s && seen.unusual == of.unusual && !seen.fraud);
                let labelled = payee.confirm_fraud(of.at_s, of.unusual);
                let reach_s = newest_s - LABEL_DELAY_S - 30 * DAY_S - PAYEE_LATE_S;
                match place {
                    Some(place) if of.at_s > reach_s => {
                        prop_assert_eq!(labelled, Ok(()));
                        seen[place].fraud = true;
                    }
                    _ => prop_assert!(labelled.is_err()),
                }
            }
        }
        let snapshot = postcard::to_stdvec(&payee).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Payee>(&snapshot).unwrap(), payee);
    }
}
