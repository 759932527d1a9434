//! Bugs, planted around the production services and their log, never in them: the simulation must find each. A bug is a
//! service whose decision or fold misbehaves ([`Twist`]), a log that answers wrongly ([`Lie`]), or a read model that sees
//! what it must not.

mod later;
mod logs;
mod services;

use tributary_accounts::Accounts;
use tributary_contracts::topics::{ACCOUNTS_EVENTS, PAYMENTS_EVENTS, Topic};
use tributary_payments::Payments;
use tributary_simulation::{Cast, Part, Plan, Selection, run, shrink};
use tributary_stream::{
    log::EventsRead,
    memory::{EntryContent, MemoryBroker},
};

use self::{
    later::{ForgetsDays, PaysCancelled, PaysTwice},
    logs::{DoubtIsAbort, ForgetsRefusals, Lie, OffsetsOutside, Restores, StopsAtLastStable, lying},
    services::{
        CreditsTwice, CreditsWithoutSettling, DeclinesAll, ForgetsRefusedTransfers, LosesReturns,
        LosesTimers, NeverReleases, RefundsTwice, SettlesDeclined, Twisted,
    },
};

struct Bug {
    name: &'static str,
    cast: fn() -> Cast,
    /// Seeds within which it must be found.
    seeds: u64,
    /// By what it may be found.
    codes: &'static [&'static str],
}

fn accounts(part: Part) -> Cast {
    Cast {
        accounts: part,
        ..Cast::production()
    }
}

fn payments(part: Part) -> Cast {
    Cast {
        payments: part,
        ..Cast::production()
    }
}

/// All services behind the lying log.
fn behind<L: Lie>() -> Cast {
    let cast = Cast::production();
    Cast {
        accounts: cast.accounts.behind(lying::<L>),
        payments: cast.payments.behind(lying::<L>),
        fraud: cast.fraud.behind(lying::<L>),
        fraud_payees: cast.fraud_payees.behind(lying::<L>),
        ..cast
    }
}

/// The laundering service's relay behind the lying log.
fn relay_behind<L: Lie>() -> Cast {
    let cast = Cast::production();
    Cast {
        laundering_feed: cast.laundering_feed.behind(lying::<L>),
        ..cast
    }
}

/// Seen in the books, or by a payment that waits for the return for ever.
const RETURN_LOST: &[&str] = &["RETURN_LOST", "RESUMED_IN_VAIN"];

const BUGS: [Bug; 19] = [
    Bug {
        name: "double credit on retry",
        cast: || accounts(Part::of::<Twisted<CreditsTwice>>()),
        seeds: 100,
        codes: &["CREDITED_TWICE"],
    },
    Bug {
        name: "credit without settle",
        cast: || accounts(Part::of::<Twisted<CreditsWithoutSettling>>()),
        seeds: 100,
        codes: &["CREDIT_WITHOUT_SETTLE", "EFFECT_MISSING"],
    },
    Bug {
        name: "lost compensation: what was reserved is never released",
        cast: || payments(Part::of::<Twisted<NeverReleases>>()),
        seeds: 20,
        codes: &["HOLD_OF_ENDED_PAYMENT"],
    },
    Bug {
        name: "lost compensation: what was refused never goes back",
        cast: || accounts(Part::of::<Twisted<LosesReturns>>()),
        seeds: 50,
        codes: RETURN_LOST,
    },
    Bug {
        name: "forgotten refusal, of a command",
        cast: behind::<ForgetsRefusals>,
        seeds: 1_500,
        codes: &["REFUSED_THEN_EFFECT"],
    },
    Bug {
        name: "forgotten refusal, of a transfer",
        cast: || accounts(Part::of::<Twisted<ForgetsRefusedTransfers>>()),
        seeds: 200,
        codes: &["REFUSED_TWICE", "CREDITED_THOUGH_REFUSED"],
    },
    Bug {
        name: "offset committed outside the transaction",
        cast: behind::<OffsetsOutside>,
        seeds: 20,
        codes: &["COMMITTED_AHEAD_OF_FOLD", "PARTITION_STOPPED"],
    },
    Bug {
        name: "in-doubt commit taken for an abort",
        cast: behind::<DoubtIsAbort>,
        seeds: 100,
        codes: &["INPUT_ANSWERED_TWICE", "SEQ_REPEATED"],
    },
    Bug {
        name: "restore that stops at the last stable offset",
        cast: behind::<StopsAtLastStable>,
        seeds: 200,
        codes: &["PARTITION_STOPPED"],
    },
    Bug {
        name: "timer lost at restore",
        cast: || Cast {
            accounts: Part::of::<Twisted<LosesTimers<Accounts>>>().behind(lying::<Restores>),
            payments: Part::of::<Twisted<LosesTimers<Payments>>>().behind(lying::<Restores>),
            ..Cast::production()
        },
        seeds: 100,
        codes: &[
            "DEADLINE_MISSED",
            "DEADLINE_SWALLOWED",
            "HOLD_OUTLIVED_EXPIRY",
            "PAYMENT_LEFT_UNDER_WAY",
        ],
    },
    Bug {
        name: "two full refunds at once",
        cast: || payments(Part::of::<Twisted<RefundsTwice>>()),
        seeds: 100,
        codes: &["REFUNDED_TOO_MUCH", "REFUNDABLE_WRONG"],
    },
    Bug {
        name: "the ledger's read model applies an aborted record",
        cast: || Cast {
            ledger_view: |broker, partition, from| everything(ACCOUNTS_EVENTS, broker, partition, from),
            ..Cast::production()
        },
        seeds: 20,
        codes: &["READ_MODEL_DIFFERS"],
    },
    Bug {
        name: "the payments' read model applies an aborted record",
        cast: || Cast {
            payments_view: |broker, partition, from| everything(PAYMENTS_EVENTS, broker, partition, from),
            ..Cast::production()
        },
        seeds: 20,
        codes: &["READ_MODEL_DIFFERS"],
    },
    Bug {
        name: "an occurrence of a standing order paid twice",
        cast: || payments(Part::of::<Twisted<PaysTwice>>().behind(lying::<Restores>)),
        seeds: 50,
        codes: &["OCCURRENCE_OUT_OF_TURN"],
    },
    Bug {
        name: "a due payment forgotten at a restore",
        cast: || payments(Part::of::<Twisted<ForgetsDays>>().behind(lying::<Restores>)),
        seeds: 50,
        codes: &["DEADLINE_MISSED", "DEADLINE_SWALLOWED"],
    },
    Bug {
        name: "a cancelled scheduled payment made all the same",
        cast: || payments(Part::of::<Twisted<PaysCancelled>>().behind(lying::<Restores>)),
        seeds: 50,
        codes: &["PAID_AFTER_CANCELLED"],
    },
    Bug {
        name: "a relay that commits its offset outside the transaction",
        cast: relay_behind::<OffsetsOutside>,
        seeds: 100,
        codes: &["TRANSFER_NOT_TOLD"],
    },
    Bug {
        name: "a relay that takes an in-doubt commit for an abort",
        cast: relay_behind::<DoubtIsAbort>,
        seeds: 400,
        codes: &["TRANSFER_TOLD_TWICE"],
    },
    Bug {
        name: "settles what was declined",
        cast: || Cast {
            payments: Part::of::<Twisted<SettlesDeclined>>(),
            fraud_payees: Part::of::<Twisted<DeclinesAll>>(),
            ..Cast::production()
        },
        seeds: 20,
        codes: &["SETTLES_THOUGH_DECLINED"],
    },
];

/// Every record, whatever became of its transaction.
fn everything(
    topic: Topic,
    broker: &MemoryBroker,
    partition: i32,
    from: i64,
) -> Result<EventsRead, tributary_stream::memory::BrokerError> {
    let entries = broker.read_all(topic.name, partition)?;
    let records = entries.into_iter().filter(|entry| entry.offset >= from);
    let records = records.filter_map(|entry| match entry.content {
        EntryContent::Record { record, .. } => Some(record),
        EntryContent::Marker { .. } => None,
    });
    Ok(EventsRead {
        records: records.collect(),
        next: broker.end_offset(topic.name, partition)?,
    })
}

const STEPS: u32 = 500;

#[test]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    println!("{:<58} {:>5}  found by", "bug", "seed");
    for bug in BUGS {
        let cast = (bug.cast)();
        let found = (0..bug.seeds).find_map(|seed| {
            run(&Plan::of(seed, STEPS), &cast, false)
                .found
                .map(|found| (seed, found))
        });
        match found {
            Some((seed, (_, found))) => {
                println!("{:<58} {seed:>5}  {found}", bug.name);
                if !bug.codes.contains(&found.code) {
                    missed.push(format!("{}: found by {found}, not by {:?}", bug.name, bug.codes));
                }
            }
            None => missed.push(format!("{}: not found in {} seeds", bug.name, bug.seeds)),
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn a_failing_run_is_made_smaller_and_can_be_repeated() {
    let cast = accounts(Part::of::<Twisted<LosesReturns>>());
    let failing = (0..50)
        .map(|seed| Plan::of(seed, STEPS))
        .find(|plan| run(plan, &cast, false).found.is_some())
        .unwrap();
    let shrunk = shrink(&failing, &cast).unwrap();
    let selection: Selection = shrunk.plan.selection();
    println!(
        "seed {}: {} steps after {} runs,{selection}\n{}",
        failing.seed, shrunk.outcome.steps, shrunk.runs, shrunk.outcome.story
    );
    assert!(
        shrunk.outcome.steps < 40,
        "{} steps are left",
        shrunk.outcome.steps
    );
    // By the numbers that are printed, the same run comes again.
    let again = run(&Plan::of(failing.seed, STEPS).select(&selection), &cast, true);
    assert_eq!(again.story, shrunk.outcome.story);
    assert!(
        again.code().is_some_and(|code| RETURN_LOST.contains(&code)),
        "{:?}",
        again.code()
    );
    assert!(
        again
            .story
            .ends_with(&format!("BROKEN {}\n", again.found.unwrap().1))
    );
    // The production services find nothing wrong with it.
    assert_eq!(run(&shrunk.plan, &Cast::production(), false).found, None);
}
