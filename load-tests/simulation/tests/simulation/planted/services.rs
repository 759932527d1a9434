//! Services with a bug.

use std::marker::PhantomData;

use smallvec::SmallVec;
use tributary_accounts::Accounts;
use tributary_contracts::{
    accounts::{AccountsCommand, AccountsEvent, EntryKind, NothingToDo, TransferIn},
    fraud::{Decision as FraudVerdict, FraudCommand, FraudEvent},
    payments::{PaymentRejected, PaymentsEvent},
    runtime::{Answer, AnswerResult, TimerChange, TimerId},
    saga::{Turn, Way},
    topics::ACCOUNTS_INBOX,
};
use tributary_fraud::Fraud;
use tributary_ids::PaymentId;
use tributary_payments::Payments;
use tributary_stream::service::{
    Awaited, Context, Corrupt, Decision, FollowUp, Golden, Names, Recorded, Refusal, Service,
};
use uuid::Uuid;

use super::logs;

pub(super) type State<T> = <<T as Twist>::Of as Service>::State;
type Command<T> = <<T as Twist>::Of as Service>::Command;
type Event<T> = <<T as Twist>::Of as Service>::Event;
pub(super) type Decided<T> = Result<Decision<Event<T>>, Refusal>;

/// A service that does as another, except for what is twisted.
pub(super) trait Twist: Send + Sync + 'static {
    type Of: Service;

    fn decide(state: &State<Self>, command: &Command<Self>, context: &Context) -> Decided<Self>
    where
        Self: Sized,
    {
        Self::Of::decide(state, command, context)
    }

    fn decide_timer(state: &State<Self>, timer: &TimerId, context: &Context) -> Decision<Event<Self>>
    where
        Self: Sized,
    {
        Self::Of::decide_timer(state, timer, context)
    }

    fn decide_answer(
        state: &State<Self>,
        aggregate: &str,
        answer: &Answer,
        context: &Context,
    ) -> Decided<Self>
    where
        Self: Sized,
    {
        Self::Of::decide_answer(state, aggregate, answer, context)
    }

    fn evolve(state: &mut State<Self>, event: &Event<Self>, recorded: &Recorded) -> Result<(), Corrupt>
    where
        Self: Sized,
    {
        Self::Of::evolve(state, event, recorded)
    }

    fn timer_changes(event: &Event<Self>) -> SmallVec<[TimerChange; 1]>
    where
        Self: Sized,
    {
        Self::Of::timer_changes(event)
    }
}

pub(super) struct Twisted<T>(PhantomData<T>);

impl<T: Twist> Service for Twisted<T> {
    type Command = Command<T>;
    type Event = Event<T>;
    type State = State<T>;

    const NAMES: Names = T::Of::NAMES;
    const FOLD_VERSION: u32 = T::Of::FOLD_VERSION;
    const GOLDEN: Golden = T::Of::GOLDEN;

    fn dedupes_itself(command: &Self::Command) -> bool {
        T::Of::dedupes_itself(command)
    }

    fn story(state: &Self::State, key: &[u8]) -> Option<Uuid> {
        T::Of::story(state, key)
    }

    fn decide(state: &Self::State, command: &Self::Command, context: &Context) -> Decided<T> {
        T::decide(state, command, context)
    }

    fn decide_timer(state: &Self::State, timer: &TimerId, context: &Context) -> Decision<Self::Event> {
        T::decide_timer(state, timer, context)
    }

    fn decide_answer(state: &Self::State, aggregate: &str, answer: &Answer, context: &Context) -> Decided<T> {
        T::decide_answer(state, aggregate, answer, context)
    }

    fn evolve(state: &mut Self::State, event: &Self::Event, recorded: &Recorded) -> Result<(), Corrupt> {
        T::evolve(state, event, recorded)
    }

    fn timer_changes(event: &Self::Event) -> SmallVec<[TimerChange; 1]> {
        T::timer_changes(event)
    }
}

/// The creditor doesn't know the payment again.
pub(super) struct CreditsTwice;

/// Under this id the twisted books keep the second credit.
fn second(payment: PaymentId) -> PaymentId {
    PaymentId::named(&format!("second/{payment}"))
}

const SECOND: &str = "second";

impl Twist for CreditsTwice {
    type Of = Accounts;

    fn decide(state: &State<Self>, command: &AccountsCommand, context: &Context) -> Decided<Self> {
        let decided = Accounts::decide(state, command, context);
        let (AccountsCommand::TransferIn(transfer), Ok(decision)) = (command, &decided) else {
            return decided;
        };
        if !matches!(decision.events.as_slice(), [AccountsEvent::NothingToDo(_)]) {
            return decided;
        }
        let again = TransferIn {
            payment_id: second(transfer.payment_id),
            ..transfer.clone()
        };
        let Ok(mut again) = Accounts::decide(state, &again.into(), context) else {
            return decided;
        };
        match again.events.as_mut_slice() {
            [AccountsEvent::EntryPosted(entry)] => {
                entry.payment_id = Some(transfer.payment_id);
                entry.details.reference = Some(SECOND.into());
                Ok(again)
            }
            _ => decided,
        }
    }

    fn evolve(state: &mut State<Self>, event: &AccountsEvent, recorded: &Recorded) -> Result<(), Corrupt> {
        let mut event = event.clone();
        if let AccountsEvent::EntryPosted(entry) = &mut event
            && entry.kind == EntryKind::TransferIn
            && entry.details.reference.as_deref() == Some(SECOND)
        {
            entry.payment_id = entry.payment_id.map(second);
        }
        Accounts::evolve(state, &event, recorded)
    }
}

/// What the debtor's account refuses is sent on all the same.
pub(super) struct CreditsWithoutSettling;

impl Twist for CreditsWithoutSettling {
    type Of = Accounts;

    fn decide(state: &State<Self>, command: &AccountsCommand, context: &Context) -> Decided<Self> {
        let decided = Accounts::decide(state, command, context);
        let (AccountsCommand::TransferOut(out), Err(_)) = (command, &decided) else {
            return decided;
        };
        let transfer: AccountsCommand = TransferIn {
            account_id: out.creditor,
            payment_id: out.payment_id,
            debtor: out.account_id,
            amount: out.amount.clone(),
            currency: out.currency,
            booking_date: out.booking_date,
            value_date: out.value_date,
            details: out.details.clone(),
        }
        .into();
        let nothing = NothingToDo {
            code: "PAYMENT_EXISTS".into(),
        };
        let on = FollowUp::new(ACCOUNTS_INBOX, transfer.key(), &transfer).awaited(Awaited::ByWhoeverAsked);
        Ok(Decision {
            events: SmallVec::from_iter([nothing.into()]),
            send: SmallVec::from_iter([on]),
            result: None,
        })
    }
}

/// A payment that turns back is rejected at once, without the release.
pub(super) struct NeverReleases;

fn without_release(mut decision: Decision<PaymentsEvent>) -> Decision<PaymentsEvent> {
    let [PaymentsEvent::PaymentAdvanced(advanced)] = decision.events.as_slice() else {
        return decision;
    };
    let mut progress = advanced.progress.clone();
    let Some(Turn { way: Way::Back, code }) = progress.turned.clone() else {
        return decision;
    };
    progress.asked.clear();
    progress.turned = Some(Turn {
        way: Way::Ended,
        code: code.clone(),
    });
    let rejected = PaymentRejected {
        payment_id: advanced.payment_id,
        code: code.unwrap_or_default(),
        progress,
        fraud: advanced.fraud.clone(),
    };
    decision.events = SmallVec::from_iter([rejected.into()]);
    decision.send.clear();
    decision
}

impl Twist for NeverReleases {
    type Of = Payments;

    fn decide(
        state: &State<Self>,
        command: &tributary_contracts::payments::PaymentsCommand,
        context: &Context,
    ) -> Decided<Self> {
        Payments::decide(state, command, context).map(without_release)
    }

    fn decide_timer(state: &State<Self>, timer: &TimerId, context: &Context) -> Decision<PaymentsEvent> {
        without_release(Payments::decide_timer(state, timer, context))
    }

    fn decide_answer(
        state: &State<Self>,
        aggregate: &str,
        answer: &Answer,
        context: &Context,
    ) -> Decided<Self> {
        Payments::decide_answer(state, aggregate, answer, context).map(without_release)
    }
}

/// What the creditor's account refuses is not sent back.
pub(super) struct LosesReturns;

impl Twist for LosesReturns {
    type Of = Accounts;

    fn decide(state: &State<Self>, command: &AccountsCommand, context: &Context) -> Decided<Self> {
        let mut decision = Accounts::decide(state, command, context)?;
        decision
            .send
            .retain(|follow_up| follow_up.ce_type != "accounts.return-transfer.v1");
        Ok(decision)
    }
}

/// The creditor forgets that it took no money.
pub(super) struct ForgetsRefusedTransfers;

impl Twist for ForgetsRefusedTransfers {
    type Of = Accounts;

    fn evolve(state: &mut State<Self>, event: &AccountsEvent, recorded: &Recorded) -> Result<(), Corrupt> {
        match event {
            AccountsEvent::TransferRefused(_) => Ok(()),
            event => Accounts::evolve(state, event, recorded),
        }
    }
}

/// Whatever a restore reads arms no timer.
pub(super) struct LosesTimers<S>(PhantomData<S>);

impl<S: Service> Twist for LosesTimers<S> {
    type Of = S;

    fn timer_changes(event: &S::Event) -> SmallVec<[TimerChange; 1]> {
        match logs::is_restoring() {
            true => SmallVec::new(),
            false => S::timer_changes(event),
        }
    }
}

/// What refunds have claimed is not kept.
pub(super) struct RefundsTwice;

impl Twist for RefundsTwice {
    type Of = Payments;

    fn evolve(state: &mut State<Self>, event: &PaymentsEvent, recorded: &Recorded) -> Result<(), Corrupt> {
        match event {
            PaymentsEvent::RefundClaimed(_) | PaymentsEvent::RefundReleased(_) => Ok(()),
            event => Payments::evolve(state, event, recorded),
        }
    }
}

/// The fraud service lets nobody pay.
pub(super) struct DeclinesAll;

impl Twist for DeclinesAll {
    type Of = Fraud;

    fn decide(state: &State<Self>, command: &FraudCommand, context: &Context) -> Decided<Self> {
        let mut decision = Fraud::decide(state, command, context)?;
        for event in &mut decision.events {
            let FraudEvent::PaymentAssessed(assessed) = event;
            assessed.decision.decision = FraudVerdict::Decline;
        }
        if let Some(AnswerResult::Fraud(fraud)) = &mut decision.result {
            fraud.decision = FraudVerdict::Decline;
        }
        Ok(decision)
    }
}

/// The saga takes a decline for an approval, and writes down that it was one.
pub(super) struct SettlesDeclined;

impl Twist for SettlesDeclined {
    type Of = Payments;

    fn decide_answer(
        state: &State<Self>,
        aggregate: &str,
        answer: &Answer,
        context: &Context,
    ) -> Decided<Self> {
        let mut taken = answer.clone();
        if let Some(AnswerResult::Fraud(fraud)) = &mut taken.result {
            fraud.decision = FraudVerdict::Approve;
        }
        let mut decision = Payments::decide_answer(state, aggregate, &taken, context)?;
        if let Some(AnswerResult::Fraud(declined)) = &answer.result
            && let [PaymentsEvent::PaymentAdvanced(advanced)] = decision.events.as_mut_slice()
        {
            advanced.fraud = Some(declined.clone());
        }
        Ok(decision)
    }
}
