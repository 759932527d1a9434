//! What a payment under way is told: answers of other services, an analyst's word, deadlines, and "go on".

use smallvec::SmallVec;
use smol_str::SmolStr;
use tributary_contracts::{
    accounts::{TransferEnd, TransferredTo},
    fraud::{self, ConfirmReviewedFraud, FraudDecision},
    payments::{
        AnswerIgnored, PaymentAdvanced, PaymentCompleted, PaymentQuarantined, PaymentRejected,
        PaymentResumed, PaymentReturned, PaymentsEvent, ReleaseRefund, ResumePayment, ReturnedTo,
        ReviewDecision, ReviewPayment,
    },
    runtime::{Answer, AnswerResult, Outcome, TimerId},
    saga::Verdict,
};
use tributary_ids::{CommandId, PaymentId};
use tributary_saga::{Advance, End, Reply, StepState};

use super::{Command, Context, Decision, Send, begin, step};
use crate::{Payment, PaymentBook, Rejection, sagas};

/// What came in besides the answer itself, for the event.
#[derive(Default)]
struct Told {
    fraud: Option<FraudDecision>,
    review: Option<ReviewDecision>,
    transfer: Option<TransferEnd>,
}

pub(super) fn answered(book: &PaymentBook, id: PaymentId, answer: &Answer, context: &Context) -> Decision {
    let told = Told {
        fraud: match &answer.result {
            Some(AnswerResult::Fraud(decision)) => Some(decision.clone()),
            Some(AnswerResult::Transfer(_)) | None => None,
        },
        transfer: match &answer.result {
            Some(AnswerResult::Transfer(end)) => Some(end.clone()),
            Some(AnswerResult::Fraud(_)) | None => None,
        },
        review: None,
    };
    let Some(payment) = book.payment(id) else {
        return Decision::event(ignored(id, None, None, told.fraud));
    };
    let saga = sagas::of(payment.kind);
    let asked = |step: &&tributary_saga::Step| step::command_id(id, step.name) == answer.command_id;
    let Some(step) = saga
        .steps
        .iter()
        .find(asked)
        .and_then(|step| saga.find(step.name))
    else {
        return Decision::event(ignored(id, Some(payment), None, told.fraud));
    };
    let name = saga.steps[step].name;
    let advance = reply(name, answer, &told)
        .and_then(|reply| saga.answered(&payment.saga, step, reply, context.time_ms));
    match advance {
        Some(advance) => decided(id, payment, advance, told),
        None => Decision::event(ignored(id, Some(payment), Some(name), told.fraud)),
    }
}

/// What an answer means for its step. `None`: as good as no answer, the deadline will tell.
fn reply(step: &str, answer: &Answer, told: &Told) -> Option<Reply> {
    let code = |code: &String| SmolStr::new(code);
    Some(match (step, &answer.outcome) {
        ("fraud", Outcome::Accepted { .. }) => match &told.fraud {
            Some(decision) => sagas::fraud_reply(decision.decision),
            None => return None,
        },
        // It could not decide: its silence has a rule.
        ("fraud", Outcome::Refused { .. }) => return None,
        ("settle", Outcome::Accepted { .. }) => match &told.transfer {
            Some(_) => Reply::Done,
            None => Reply::Impossible(SmolStr::new_static("RESULT_MISSING")),
        },
        // The debtor's account let the money go, and a later command of the chain failed: no refusal any more.
        ("settle", Outcome::Refused { code: why, .. }) if answer.by_follow_up => Reply::Impossible(code(why)),
        // Where there is no account, nothing is reserved on it.
        ("release", Outcome::Refused { code: why, .. }) if why == "ACCOUNT_UNKNOWN" => Reply::Done,
        (_, Outcome::Accepted { .. }) => Reply::Done,
        (_, Outcome::Refused { code: why, .. }) => Reply::Refused(code(why)),
    })
}

/// An answer that changes nothing. It opens a case where the fraud service declines what went on without it.
fn ignored(
    payment_id: PaymentId,
    payment: Option<&Payment>,
    step: Option<&'static str>,
    fraud: Option<FraudDecision>,
) -> AnswerIgnored {
    let declined = fraud
        .as_ref()
        .is_some_and(|fraud| fraud.decision == fraud::Decision::Decline);
    let fell_back = payment.is_some_and(|payment| {
        let saga = sagas::of(payment.kind);
        let state = saga.find("fraud").map(|step| payment.saga.step(step));
        state == Some(StepState::Ended(Verdict::FellBack))
    });
    AnswerIgnored {
        payment_id,
        step: step.map(SmolStr::new_static),
        opens_case: declined && fell_back,
        fraud,
    }
}

pub(super) fn review(
    book: &PaymentBook,
    command: &ReviewPayment,
    context: &Context,
) -> Result<Decision, Rejection> {
    begin::code("reason", &command.reason)?;
    if command.confirms_fraud && command.decision == ReviewDecision::Approve {
        return Err(Rejection::ReviewContradictory);
    }
    let id = command.payment_id;
    let payment = book.payment(id).ok_or(Rejection::PaymentUnknown)?;
    let saga = sagas::of(payment.kind);
    let reply = match command.decision {
        ReviewDecision::Approve => Reply::Done,
        ReviewDecision::Reject => Reply::Refused(SmolStr::new_static("REVIEW_REJECTED")),
    };
    let advance = saga
        .find("review")
        .and_then(|step| saga.answered(&payment.saga, step, reply, context.time_ms))
        .ok_or(Rejection::ReviewNotAwaited)?;
    let told = Told {
        review: Some(command.decision),
        ..Told::default()
    };
    let mut decision = decided(id, payment, advance, told);
    if command.confirms_fraud {
        let label = ConfirmReviewedFraud {
            payment_id: id,
            creditor: payment.creditor,
        };
        decision.send.push(Send {
            id: step::command_id(id, "label"),
            command: Command::FraudPayees(label.into()),
            awaited: false,
        });
    }
    Ok(decision)
}

pub(super) fn resume(
    book: &PaymentBook,
    command: &ResumePayment,
    context: &Context,
) -> Result<Decision, Rejection> {
    let id = command.payment_id;
    let payment = book.payment(id).ok_or(Rejection::PaymentUnknown)?;
    let advance = sagas::of(payment.kind)
        .resumed(&payment.saga, context.time_ms)
        .ok_or(Rejection::NotQuarantined)?;
    let send = step::commands(id, payment, &advance.progress);
    let event = PaymentResumed {
        payment_id: id,
        progress: advance.progress,
    };
    Ok(Decision {
        send,
        ..Decision::event(event)
    })
}

pub(super) fn deadline_passed(book: &PaymentBook, timer: &TimerId, context: &Context) -> Option<Decision> {
    let id: PaymentId = timer.aggregate.parse().ok()?;
    let payment = book.payment(id)?;
    let saga = sagas::of(payment.kind);
    let step = saga.find(&timer.name)?;
    let mut told = Told::default();
    let fall_back = || {
        let decision = sagas::silent_fraud(payment.money());
        let reply = sagas::fraud_reply(decision.decision);
        told.fraud = Some(decision);
        reply
    };
    let advance = saga.timed_out(&payment.saga, step, context.time_ms, fall_back)?;
    Some(decided(id, payment, advance, told))
}

/// The event that an advance is told by, and the commands that go out with it.
fn decided(id: PaymentId, payment: &Payment, advance: Advance, told: Told) -> Decision {
    let Advance { progress, end } = advance;
    let mut send = step::commands(id, payment, &progress);
    let event: PaymentsEvent = match end {
        None => PaymentAdvanced {
            payment_id: id,
            progress,
            fraud: told.fraud,
            review: told.review,
        }
        .into(),
        Some(End::Completed) => settled(id, told.transfer, progress),
        Some(End::Rejected { code }) => PaymentRejected {
            payment_id: id,
            code,
            progress,
            fraud: told.fraud,
        }
        .into(),
        Some(End::Quarantined { step, code }) => PaymentQuarantined {
            payment_id: id,
            step: SmolStr::new_static(step),
            code,
            progress,
        }
        .into(),
    };
    let failed = matches!(
        event,
        PaymentsEvent::PaymentRejected(_) | PaymentsEvent::PaymentReturned(_)
    );
    if let Some(original) = payment.refunds.filter(|_| failed) {
        let release = ReleaseRefund {
            payment_id: original,
            refund_id: id,
        };
        send.push(Send {
            id: CommandId::named(&format!("refund/{id}/release")),
            command: Command::Payments(release.into()),
            awaited: false,
        });
    }
    Decision {
        events: SmallVec::from_iter([event]),
        send,
    }
}

/// The money has moved for good: to the creditor, or back.
fn settled(
    payment_id: PaymentId,
    transfer: Option<TransferEnd>,
    progress: tributary_saga::Progress,
) -> PaymentsEvent {
    let (to, code) = match transfer {
        Some(TransferEnd {
            to: TransferredTo::Debtor,
            code,
        }) => (ReturnedTo::Debtor, code),
        Some(TransferEnd {
            to: TransferredTo::Suspense,
            code,
        }) => (ReturnedTo::Suspense, code),
        Some(TransferEnd {
            to: TransferredTo::Creditor,
            ..
        })
        | None => {
            return PaymentCompleted { payment_id, progress }.into();
        }
    };
    PaymentReturned {
        payment_id,
        code: code.unwrap_or_default(),
        to,
        progress,
    }
    .into()
}
