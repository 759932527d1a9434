use std::{ops::Range, time::Instant};

use tributary_simulation::{Cast, Plan, core_seconds, run, run_many};

/// Seeds of the continuous run. More by hand: `TRIBUTARY_SIMULATION_SEEDS=1000..2000`.
fn seeds() -> Range<u64> {
    let given = std::env::var("TRIBUTARY_SIMULATION_SEEDS").ok();
    let range = given.as_deref().and_then(|range| range.split_once(".."));
    range.map_or(0..1_000, |(first, end)| {
        first.parse().unwrap()..end.parse().unwrap()
    })
}

const STEPS: u32 = 500;

/// What must have happened in so many seeds, or the simulation has lost its teeth.
const STRUCK: [&str; 30] = [
    "acknowledgements lost",
    "assignments",
    "broken",
    "commands delayed",
    "commands sent again",
    "commands sent twice",
    "commit-delayed",
    "crash",
    "crashes between actions",
    "cut-offs overslept",
    "disconnected",
    "expelled",
    "join-answer-lost",
    "leaps of time",
    "markers-delayed",
    "occurrences executed within the plan",
    "offsets-first",
    "outages",
    "processes paused",
    "projection of payments killed",
    "projection of the ledger killed",
    "quarantines found by an operator",
    "refused",
    "scheduled payments begun within the plan",
    "services away",
    "stall",
    "transactions aborted",
    "transactions fenced",
    "transactions in doubt",
    "zombies",
];

/// Events that must have come of it.
const TOLD: [&str; 27] = [
    "payments.payment-completed",
    "payments.payment-rejected",
    "payments.payment-returned",
    "payments.answer-ignored",
    "payments.refund-claimed",
    "payments.refund-released",
    "payments.payment-unchanged",
    "payments.payment-scheduled",
    "payments.payment-cancelled",
    "payments.payment-quarantined",
    "payments.payment-resumed",
    "payments.standing-order-created",
    "payments.standing-order-amended",
    "payments.standing-order-executed",
    "payments.standing-order-cancelled",
    "payments.standing-order-unchanged",
    "accounts.transfer-refused",
    "accounts.hold-released",
    "fraud.payment-observed",
    "fraud.payment-decided",
    "laundering.transfer-observed",
    "laundering.probe-followed",
    "laundering.alert-raised",
    "command-refused",
    "duplicate-ignored",
    "dead-lettered",
    "timer-ignored",
];

#[test]
#[expect(clippy::disallowed_methods, reason = "how long the run takes")]
fn whatever_strikes_all_invariants_hold() {
    let seeds = seeds();
    let (began, core) = (Instant::now(), core_seconds());
    let summary = run_many(seeds.clone(), STEPS, &Cast::production(), |_| true);
    let seconds = began.elapsed().as_secs_f64();
    println!("seeds {seeds:?} of {STEPS} steps: {summary}");
    println!(
        "{seconds:.1} s: {:.0} steps a second, {:.0} actions of processes a second",
        summary.steps as f64 / seconds,
        summary.actions as f64 / seconds
    );
    if let (Some(before), Some(after)) = (core, core_seconds()) {
        let steps = summary.steps as f64 / (after - before);
        println!("{steps:.0} steps a second of a core");
    }
    for (seed, found) in &summary.broken {
        println!("cargo bank simulate --seed {seed} --steps {STEPS}   # {found}");
    }
    assert!(
        summary.broken.is_empty(),
        "{} seeds are broken",
        summary.broken.len()
    );
    if seeds.end - seeds.start >= 500 {
        for what in STRUCK {
            assert!(summary.counts.contains_key(what), "{what} never struck");
        }
        for event in TOLD {
            assert!(summary.events.contains_key(event), "{event} never happened");
        }
    }
}

#[test]
fn a_seed_tells_the_same_story_byte_for_byte() {
    for seed in 0..12 {
        let plan = Plan::of(seed, 300);
        let (one, other) = (
            run(&plan, &Cast::production(), true),
            run(&plan, &Cast::production(), true),
        );
        assert!(one.story.len() > 10_000, "seed {seed} tells something");
        assert!(one.story == other.story, "seed {seed} tells two stories");
        assert_eq!(one.counts, other.counts);
        // Nobody listening changes nothing.
        let silent = run(&plan, &Cast::production(), false);
        assert_eq!((silent.counts, silent.actions), (one.counts, one.actions));
    }
}
