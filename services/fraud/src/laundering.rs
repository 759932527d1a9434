//! The laundering service: the rules of [`tributary_fraud_laundering`] over the ledger's transfers, keyed by account. It raises
//! alerts, and nothing waits for it. `docs/laundering.md` is the guide.

mod feed;
mod metrics;
mod moved;

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};
use tributary_contracts::{
    laundering::{
        CycleKnown, FollowProbe, LaunderingCommand, LaunderingEvent, ObserveTransfer, ProbeFollowed, SERVICE,
        TellCycle, TransferObserved, TransferRepeated,
    },
    runtime::{Answer, TimerChange, TimerId},
    topics::{LAUNDERING_DLQ, LAUNDERING_EVENTS, LAUNDERING_INBOX},
};
use tributary_fraud_laundering::{AccountState, Alert, DAY_S, Message, Outcome, Payment, Probe, Rules};
use tributary_ids::AccountId;
use tributary_money::Currency;
use tributary_overlay::{OverlayMap, layered};
use tributary_stream::service::{
    Context, Corrupt, Decision, FollowUp, Golden, Names, Recorded, Refusal, Service, Told,
};

pub use self::feed::LaunderingFeed;
use crate::{
    fifo::Fifo,
    refusal::{self, refused},
};

/// An account that the ledger has told nothing of for so many milliseconds of record time is idle: its windows are empty by
/// then.
const IDLE_MS: i64 = 360 * DAY_S * 1_000;

/// How often an account is looked at, in milliseconds of record time: an idle one is emptied that much later at most.
const LOOKED_AT_EVERY_MS: i64 = 7 * DAY_S * 1_000;

/// Accounts that one transfer may look at: more than one, so that a backlog shrinks.
const LOOKED_AT_ONCE: usize = 2;

/// The laundering service.
pub struct Laundering;

/// What one partition knows of its accounts.
#[derive(Default, Serialize, Deserialize)]
pub struct Watched {
    accounts: OverlayMap<AccountId, Known>,
    /// Accounts whose windows may have something in them, each once, by when it was looked at last.
    looks: Fifo<AccountId>,
}

layered!(Watched { accounts, looks });

#[derive(Clone, Default, Serialize, Deserialize)]
struct Known {
    /// Number of the ledger's entry that was told last.
    seq: u64,
    /// Record time of that.
    heard_ms: i64,
    /// Whether it stands in [`Watched::looks`].
    is_looked_at: bool,
    state: AccountState,
}

impl Watched {
    /// Payments that the partition's accounts remember.
    pub fn remembered(&self) -> usize {
        self.accounts
            .iter()
            .map(|(_, known)| known.state.remembered())
            .sum()
    }

    fn decide(&self, account: AccountId, currency: Currency, message: &Message) -> Outcome {
        match self.accounts.get(&account) {
            Some(known) => known.state.decide(&rules(currency), message),
            None => AccountState::default().decide(&rules(currency), message),
        }
    }

    /// Empties the windows of accounts that are idle. What is remembered of them is when they were heard of last: they may
    /// wake.
    fn look_for_idle(&mut self, now_ms: i64) {
        for _ in 0..LOOKED_AT_ONCE {
            let Some(account) = self.looks.pop_before(now_ms - LOOKED_AT_EVERY_MS) else {
                return;
            };
            let Some(known) = self.accounts.get(&account) else {
                continue;
            };
            if known.heard_ms > now_ms - IDLE_MS {
                self.looks.push(now_ms, account);
            } else if let Some(known) = self.accounts.get_mut(&account) {
                known.is_looked_at = false;
                known.state.forget(&Rules::default(), now_ms.div_euclid(1_000));
            }
        }
    }
}

/// Limits are set for two decimals. An account has one currency.
fn rules(currency: Currency) -> Rules {
    Rules::default().for_decimals(currency.exponent())
}

impl Service for Laundering {
    type Command = LaunderingCommand;
    type Event = LaunderingEvent;
    type State = Watched;

    const NAMES: Names = Names {
        service: SERVICE,
        inbox: LAUNDERING_INBOX,
        events: LAUNDERING_EVENTS,
        dead_letters: LAUNDERING_DLQ,
    };

    const FOLD_VERSION: u32 = 1;

    const GOLDEN: Golden = Golden {
        schema: "8a898e854aea597a0e8c895b24c0f745",
        state: "1e769653fb74e5e26d54fd4bb1c81607",
    };

    /// An entry is known by its number, a cycle by its accounts; and a search that is made again finds what is known.
    fn dedupes_itself(_: &LaunderingCommand) -> bool {
        true
    }

    fn decide(
        watched: &Watched,
        command: &LaunderingCommand,
        _: &Context,
    ) -> Result<Decision<LaunderingEvent>, Refusal> {
        match command {
            LaunderingCommand::ObserveTransfer(command) => observe(watched, command),
            LaunderingCommand::FollowProbe(command) => follow(watched, command),
            LaunderingCommand::TellCycle(command) => tell_cycle(watched, command),
        }
    }

    /// No timer is ever armed.
    fn decide_timer(_: &Watched, _: &TimerId, _: &Context) -> Decision<LaunderingEvent> {
        Decision::default()
    }

    fn decide_answer(
        _: &Watched,
        _: &str,
        _: &Answer,
        _: &Context,
    ) -> Result<Decision<LaunderingEvent>, Refusal> {
        Err(Refusal {
            code: "ANSWER_UNEXPECTED",
            detail: "the laundering service waits for no answer".to_owned(),
        })
    }

    fn evolve(watched: &mut Watched, event: &LaunderingEvent, recorded: &Recorded) -> Result<(), Corrupt> {
        match event {
            LaunderingEvent::TransferObserved(observed) => {
                let message = moved::observed(observed)
                    .map_err(|error| Corrupt(format!("payment {}: {error}", observed.payment_id)))?;
                let known = watched
                    .accounts
                    .get_or_insert_with(observed.account, Known::default);
                known.seq = observed.seq;
                known.heard_ms = recorded.time_ms;
                if !observed.left_out {
                    known.state.note(&rules(observed.currency), &message);
                    if !std::mem::replace(&mut known.is_looked_at, true) {
                        watched.looks.push(recorded.time_ms, observed.account);
                    }
                }
                watched.look_for_idle(recorded.time_ms);
            }
            LaunderingEvent::AlertRaised(raised) => {
                let alert = moved::alert(raised)
                    .ok_or_else(|| Corrupt(format!("an alert of {} is none of a rule", raised.account)))?;
                let known = watched
                    .accounts
                    .get_or_insert_with(raised.account, Known::default);
                known.state.told(&rules(raised.currency), &alert);
            }
            LaunderingEvent::TransferRepeated(_)
            | LaunderingEvent::ProbeFollowed(_)
            | LaunderingEvent::CycleKnown(_) => {}
        }
        Ok(())
    }

    fn timer_changes(_: &LaunderingEvent) -> SmallVec<[TimerChange; 1]> {
        SmallVec::new()
    }

    fn tell(event: &LaunderingEvent) -> Option<Told> {
        metrics::told(event)
    }

    fn announce_metrics() {
        metrics::announce();
    }
}

fn observe(watched: &Watched, command: &ObserveTransfer) -> Result<Decision<LaunderingEvent>, Refusal> {
    let account = command.account;
    let told_before = watched.accounts.get(&account).map_or(0, |known| known.seq);
    if command.seq <= told_before {
        let seq = command.seq;
        return Ok(of_events(TransferRepeated { account, seq }));
    }
    let observed = TransferObserved {
        account,
        seq: command.seq,
        side: command.side,
        payment_id: command.payment_id,
        counterparty: command.counterparty,
        amount: command.amount,
        currency: command.currency,
        date: command.date,
        left_out: false,
    };
    let message = moved::observed(&observed).map_err(|error| refused(error.code(), &error))?;
    let outcome = watched.decide(account, command.currency, &message);
    let observed = TransferObserved {
        left_out: !outcome.noted,
        ..observed
    };
    Ok(and_outcome(of_events(observed), outcome, command.currency))
}

fn follow(watched: &Watched, command: &FollowProbe) -> Result<Decision<LaunderingEvent>, Refusal> {
    let path = payments(&command.path)?;
    let count = path.len();
    let rule = rules(command.currency).cycle;
    let probe = Probe::of(path, command.budget)
        .filter(|probe| count < rule.accounts_max && probe.budget() <= rule.probes_max)
        .map(Message::Probe)
        .filter(|probe| moved::account(probe.account()) == command.account)
        .ok_or_else(refusal::probe_malformed)?;
    let outcome = watched.decide(command.account, command.currency, &probe);
    let found = |message: &&Message| matches!(message, Message::Cycle(_));
    let cycles = outcome.messages.iter().filter(found).count();
    let Some(first) = command.path.first() else {
        return Err(refusal::probe_malformed());
    };
    let followed = ProbeFollowed {
        account: command.account,
        payment_id: first.payment_id,
        payments: count as u32,
        onward: (outcome.messages.len() - cycles) as u32,
        closed: cycles > 0,
    };
    Ok(and_outcome(of_events(followed), outcome, command.currency))
}

fn tell_cycle(watched: &Watched, command: &TellCycle) -> Result<Decision<LaunderingEvent>, Refusal> {
    let rule = rules(command.currency).cycle;
    let cycle = Alert::about_cycle(payments(&command.payments)?)
        .filter(|alert| (rule.accounts_min..=rule.accounts_max).contains(&alert.payments.len()))
        .filter(|alert| moved::account(alert.subject) == command.account)
        .ok_or_else(refusal::cycle_malformed)?;
    let outcome = watched.decide(command.account, command.currency, &Message::Cycle(cycle));
    let account = command.account;
    let decision = match outcome.alerts.is_empty() {
        true => of_events(CycleKnown { account }),
        false => Decision::default(),
    };
    Ok(and_outcome(decision, outcome, command.currency))
}

fn payments(moved: &[tributary_contracts::laundering::MovedPayment]) -> Result<Vec<Payment>, Refusal> {
    let payments: Result<_, _> = moved.iter().map(moved::payment).collect();
    payments.map_err(|error| refused(error.code(), &error))
}

fn of_events(event: impl Into<LaunderingEvent>) -> Decision<LaunderingEvent> {
    Decision {
        events: smallvec![event.into()],
        ..Decision::default()
    }
}

/// Adds the alerts, and what goes on to other accounts.
fn and_outcome(
    mut decision: Decision<LaunderingEvent>,
    outcome: Outcome,
    currency: Currency,
) -> Decision<LaunderingEvent> {
    let raised = |alert: &Alert| moved::raised(alert, currency).into();
    decision.events.extend(outcome.alerts.iter().map(raised));
    decision.send.extend(
        outcome
            .messages
            .iter()
            .filter_map(|message| moved::command(message, currency))
            .map(|command| FollowUp::new(LAUNDERING_INBOX, command.key(), &command)),
    );
    decision
}
