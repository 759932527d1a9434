use proptest::prelude::*;
use tributary_fraud_domain::{Customer, CustomerFeatures, DAY_S, ENTRIES_MAX, Payment, SKEW_S};

const START_S: i64 = 1_522_540_800;

fn payment(at_s: i64, amount_minor: i64) -> Payment {
    Payment::try_new(START_S + at_s, 0, amount_minor).unwrap()
}

fn observe(customer: &mut Customer, payments: &[(i64, i64)]) -> CustomerFeatures {
    let features = payments
        .iter()
        .map(|(at_s, amount)| customer.observe(&payment(*at_s, *amount)));
    features.last().unwrap()
}

#[test]
fn a_payment_counts_itself_and_what_lies_less_than_the_window_before() {
    let last = |first_at_s| {
        observe(
            &mut Customer::default(),
            &[(first_at_s, 1_000), (40 * DAY_S, 2_000)],
        )
    };
    for (window, length_s) in [DAY_S, 7 * DAY_S, 30 * DAY_S].into_iter().enumerate() {
        let excluded = last(40 * DAY_S - length_s);
        assert_eq!(excluded.payments[window], 1, "exactly t - w is outside");
        assert_eq!(excluded.mean_amount[window], 20.0);
        let included = last(40 * DAY_S - length_s + 1);
        assert_eq!(included.payments[window], 2);
        assert_eq!(included.mean_amount[window], 15.0);
    }
}

#[test]
fn payments_of_one_second_count_in_the_order_in_which_they_come() {
    let mut customer = Customer::default();
    let first = observe(&mut customer, &[(0, 100)]);
    let second = observe(&mut customer, &[(0, 300)]);
    assert_eq!((first.payments, first.mean_amount), ([1; 3], [1.0; 3]));
    assert_eq!((second.payments, second.mean_amount), ([2; 3], [2.0; 3]));
}

#[test]
fn an_amount_of_nothing_is_counted_and_is_never_unusual() {
    let features = observe(&mut Customer::default(), &[(0, 0), (1, 0)]);
    assert_eq!(features.payments, [2; 3]);
    assert_eq!(features.mean_amount, [0.0; 3]);
    assert_eq!((features.times_typical, features.unusual), (0.0, false));
}

#[test]
fn what_is_far_above_the_typical_amount_is_unusual_and_remembered_for_7_days() {
    let mut customer = Customer::default();
    let habit: Vec<(i64, i64)> = (0..8).map(|hour| (hour * 3_600, 1_000)).collect();
    assert!(!observe(&mut customer, &habit).unusual);
    let large = observe(&mut customer, &[(8 * 3_600, 10_000)]);
    // Roots: (8 x 31.62 + 100.00) / 9 = 39.2177..; its square is 1538.0..
    assert!(
        (large.times_typical - 6.5018).abs() < 1e-3,
        "{}",
        large.times_typical
    );
    assert!(large.unusual);
    assert_eq!(large.unusual_before, 0, "itself is left out");
    let at_s = 8 * 3_600 + 7 * DAY_S;
    let before = observe(&mut customer.clone(), &[(at_s - 1, 1_000)]);
    assert_eq!(before.unusual_before, 1);
    let after = observe(&mut customer, &[(at_s, 1_000)]);
    assert_eq!(after.unusual_before, 0);
}

#[test]
fn an_amount_is_measured_in_deviations_of_the_customers_ordinary_payments() {
    let mut customer = Customer::default();
    let first = observe(&mut customer, &[(0, 1_000), (1, 2_000)]);
    assert_eq!(first.deviations, 0.0, "one payment has no deviation");
    // 10 and 20 units: mean 15, deviation 5.
    assert_eq!(observe(&mut customer.clone(), &[(2, 2_500)]).deviations, 2.0);
    assert_eq!(observe(&mut customer.clone(), &[(2, 1_000)]).deviations, -1.0);
    let habit: Vec<(i64, i64)> = (2..12).map(|at_s| (at_s, 1_500)).collect();
    observe(&mut customer, &habit);
    assert!(observe(&mut customer, &[(12, 20_000)]).unusual);
    let after = observe(&mut customer.clone(), &[(13, 3_000)]);
    // Twelve ordinary ones, mean 15, variance 2 x 25 / 12; the unusual one is none of them.
    assert!((after.deviations - 15.0 / (50.0_f64 / 12.0).sqrt()).abs() < 1e-12);
    let later = observe(&mut customer, &[(30 * DAY_S + 11, 3_000)]);
    assert_eq!(later.deviations, 0.0, "30 days later nothing ordinary is left");
}

#[test]
fn amounts_that_are_all_alike_have_a_tenth_of_them_as_deviation() {
    let mut customer = Customer::default();
    let alike: Vec<(i64, i64)> = (0..5).map(|at_s| (at_s, 1_000)).collect();
    assert_eq!(observe(&mut customer, &alike).deviations, 0.0);
    assert_eq!(observe(&mut customer, &[(5, 1_500)]).deviations, 5.0);
    let nothing = observe(&mut Customer::default(), &[(0, 0), (1, 0), (2, 500)]);
    assert_eq!(nothing.deviations, 0.0, "nothing to measure by");
}

#[test]
fn a_late_payment_counts_at_its_place_up_to_the_skew_and_at_the_boundary_beyond() {
    let at_s = 10 * DAY_S;
    let before = [(at_s - SKEW_S - 1, 400), (at_s, 100)];
    let mut customer = Customer::default();
    observe(&mut customer, &before);
    let late = observe(&mut customer.clone(), &[(at_s - SKEW_S, 200)]);
    assert_eq!(late.counted_at_s, START_S + at_s - SKEW_S);
    assert_eq!(
        (late.payments[0], late.mean_amount[0]),
        (2, 3.0),
        "not the newer one"
    );
    let too_late = observe(&mut customer.clone(), &[(at_s - 5 * DAY_S, 200)]);
    assert_eq!(too_late.counted_at_s, START_S + at_s - SKEW_S);
    assert_eq!(
        (too_late.payments, too_late.mean_amount),
        (late.payments, late.mean_amount)
    );
    // Newer payments count it.
    observe(&mut customer, &[(at_s - 5 * DAY_S, 200)]);
    assert_eq!(observe(&mut customer, &[(at_s, 0)]).payments[0], 4);
}

#[test]
fn the_memory_of_a_customer_who_pays_every_second_is_bounded_and_counts_stay_near() {
    let mut customer = Customer::default();
    let seconds = 2 * DAY_S;
    let last = (0..seconds)
        .map(|at_s| customer.observe(&payment(at_s, 100)))
        .last()
        .unwrap();
    let size = postcard::to_stdvec(&customer).unwrap().len();
    assert!(size < 40 * ENTRIES_MAX, "{size} bytes");
    assert_eq!(last.payments[2], 172_800);
    let off = f64::from(last.payments[0]) / DAY_S as f64 - 1.0;
    assert!(off.abs() < 0.05, "{} payments in a day", last.payments[0]);
    assert_eq!(last.mean_amount, [1.0; 3]);
}

/// The windows by definition, over what has been observed so far.
fn by_definition(seen: &[(i64, i64)], at_s: i64) -> ([u32; 3], [f64; 3]) {
    let windows = [DAY_S, 7 * DAY_S, 30 * DAY_S].map(|length_s| {
        let inside = seen.iter().filter(|(at, _)| *at <= at_s && *at > at_s - length_s);
        let amounts: Vec<i64> = inside.map(|(_, amount)| *amount).collect();
        let mean = amounts.iter().sum::<i64>() as f64 / amounts.len() as f64 / 100.0;
        (u32::try_from(amounts.len()).unwrap(), mean)
    });
    (windows.map(|window| window.0), windows.map(|window| window.1))
}

proptest! {
    #[test]
    fn windows_are_what_their_definition_says_in_order_or_late_and_after_a_snapshot(
        steps in prop::collection::vec((-4_000_i64..200_000, 0_i64..100_000), 1..200),
        snapshot_at in 0_usize..200,
    ) {
        let mut customer = Customer::default();
        let (mut seen, mut newest_s) = (Vec::new(), 0);
        for (index, (step_s, amount)) in steps.into_iter().enumerate() {
            if index == snapshot_at {
                let snapshot = postcard::to_stdvec(&customer).unwrap();
                customer = postcard::from_bytes(&snapshot).unwrap();
            }
            let at_s = (newest_s + step_s).max(0);
            let counted_at_s = if index == 0 { at_s } else { at_s.max(newest_s - SKEW_S) };
            let found = customer.observe(&payment(at_s, amount));
            seen.push((counted_at_s, amount));
            newest_s = newest_s.max(at_s);
            prop_assert_eq!(found.counted_at_s, START_S + counted_at_s);
            prop_assert_eq!((found.payments, found.mean_amount), by_definition(&seen, counted_at_s));
        }
    }
}
