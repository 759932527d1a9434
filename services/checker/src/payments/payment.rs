//! One payment, as its events tell it.

use std::collections::BTreeMap;

use smol_str::SmolStr;
use tributary_contracts::{
    fraud::{Decision, FraudDecision},
    payments::{PaymentInitiated, PaymentKind, PaymentsEvent, ReviewDecision},
    saga::{Progress, Verdict, Way},
};
use tributary_ids::{AccountId, HoldId, PaymentId};

use crate::violation::{At, Findings, Invariant};

/// The step that a person answers; every other is answered by a service.
const BY_A_PERSON: &str = "review";

/// The step that moves the money.
const SETTLE: &str = "settle";

/// The step that the fraud service answers.
const FRAUD: &str = "fraud";

/// How a payment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Completed,
    Rejected,
    Returned,
}

/// What a payment waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    Nothing,
    APerson,
    AService(SmolStr),
    /// The deadline of this step is over.
    Overdue(SmolStr),
}

#[derive(Debug)]
pub(super) struct Payment {
    pub(super) begun: At,
    pub(super) latest: At,
    kind: PaymentKind,
    pub(super) debtor: AccountId,
    pub(super) hold: HoldId,
    /// Minor units.
    pub(super) amount: i64,
    pub(super) refunds: Option<PaymentId>,
    /// Steps that were asked and have not ended, with their deadlines in milliseconds since the epoch.
    awaited: BTreeMap<SmolStr, i64>,
    pub(super) quarantined: bool,
    /// What was decided about fraud, by the service or in its stead.
    decided: Option<Decision>,
    /// What the service itself decided.
    pub(super) assessed: Option<(Decision, At)>,
    reviewed: Option<ReviewDecision>,
    pub(super) settle_asked: Option<At>,
    pub(super) ending: Option<(Ending, At)>,
    /// What refunds have claimed: minor units, none once released.
    pub(super) claims: BTreeMap<PaymentId, i64>,
}

impl Payment {
    pub(super) fn new(begun: &PaymentInitiated, at: At) -> Self {
        let mut payment = Self {
            begun: at,
            latest: at,
            kind: begun.kind,
            debtor: begun.debtor,
            hold: begun.hold_id,
            amount: begun.amount,
            refunds: begun.refunds,
            awaited: BTreeMap::new(),
            quarantined: false,
            decided: None,
            assessed: None,
            reviewed: None,
            settle_asked: None,
            ending: None,
            claims: BTreeMap::new(),
        };
        payment.progress(&begun.progress, at);
        payment
    }

    /// Whether this step's deadline is the one that is waited for.
    pub(super) fn awaits(&self, step: &str, due: i64) -> bool {
        self.awaited.get(step) == Some(&due)
    }

    /// When the first deadline is over that it waits for, in milliseconds since the epoch.
    pub(super) fn due(&self) -> Option<i64> {
        self.awaited.values().min().copied()
    }

    /// What it waits for. `due_before`: deadlines before that have passed, and had their chance to be told.
    pub(super) fn asking(&self, due_before: Option<i64>) -> Asking {
        let overdue = |due: i64| due_before.is_some_and(|before| due < before);
        if let Some((step, _)) = self.awaited.iter().find(|(_, due)| overdue(**due)) {
            return Asking::Overdue(step.clone());
        }
        match self.awaited.keys().find(|step| *step != BY_A_PERSON) {
            Some(step) => Asking::AService(step.clone()),
            None if self.awaited.is_empty() => Asking::Nothing,
            None => Asking::APerson,
        }
    }

    pub(super) fn observe(&mut self, id: PaymentId, event: &PaymentsEvent, at: At, found: &mut Findings) {
        self.latest = at;
        if let Some(progress) = event.progress() {
            found.check(Invariant::Ended);
            if let Some((ending, before)) = self.ending {
                let ends = self.ending_of(event).is_some();
                let code = if ends { "ENDED_TWICE" } else { "CHANGED_AFTER_END" };
                found.violate(Invariant::Ended, code, &[before, at], || {
                    format!("payment {id} had ended: {ending:?}")
                });
                return;
            }
            self.decide(event, progress, at);
            if progress.asked.iter().any(|ask| ask.step == SETTLE) {
                self.settle_asked.get_or_insert(at);
                self.check_decided(id, at, found);
            }
            self.progress(progress, at);
        }
        if let Some(ending) = self.ending_of(event) {
            self.ending = Some((ending, at));
            self.awaited.clear();
        }
        match event {
            PaymentsEvent::RefundClaimed(claim) => {
                found.check(Invariant::OneEffect);
                let first = self.claims.insert(claim.refund_id, claim.amount).is_none();
                let claimed: i128 = self.claims.values().copied().map(i128::from).sum();
                let left = i128::from(self.amount) - claimed;
                if !first || left < 0 || self.ending.map(|(ending, _)| ending) != Some(Ending::Completed) {
                    let amount = self.amount;
                    found.violate(Invariant::OneEffect, "REFUNDED_TOO_MUCH", &[self.begun, at], || {
                        format!(
                            "payment {id} of {amount} (minor units): refunds claim {claimed} of it, or one twice, \
                             or before it was completed"
                        )
                    });
                }
                self.check_refundable(id, claim.refundable, left, at, found);
            }
            PaymentsEvent::RefundReleased(release) => {
                let claimed = self.claims.insert(release.refund_id, 0);
                if claimed != Some(release.amount) {
                    found.violate(Invariant::OneEffect, "REFUND_RELEASED_WRONG", &[at], || {
                        format!("payment {id} gets back {} of {claimed:?}", release.amount)
                    });
                }
                let claimed: i128 = self.claims.values().copied().map(i128::from).sum();
                let left = i128::from(self.amount) - claimed;
                self.check_refundable(id, release.refundable, left, at, found);
            }
            _ => {}
        }
    }

    fn check_refundable(&self, id: PaymentId, stated: i64, left: i128, at: At, found: &mut Findings) {
        if i128::from(stated) != left {
            found.violate(Invariant::Sequence, "REFUNDABLE_WRONG", &[at], || {
                format!("payment {id}: {stated} are stated as refundable, its claims leave {left}")
            });
        }
    }

    fn ending_of(&self, event: &PaymentsEvent) -> Option<Ending> {
        match event {
            PaymentsEvent::PaymentCompleted(_) => Some(Ending::Completed),
            PaymentsEvent::PaymentRejected(_) => Some(Ending::Rejected),
            PaymentsEvent::PaymentReturned(_) => Some(Ending::Returned),
            _ => None,
        }
    }

    /// Takes down decisions before what they lead to is judged.
    fn decide(&mut self, event: &PaymentsEvent, progress: &Progress, at: At) {
        let (fraud, review): (Option<&FraudDecision>, _) = match event {
            PaymentsEvent::PaymentAdvanced(advanced) => (advanced.fraud.as_ref(), advanced.review),
            PaymentsEvent::PaymentRejected(rejected) => (rejected.fraud.as_ref(), None),
            _ => (None, None),
        };
        if let Some(fraud) = fraud {
            self.decided = Some(fraud.decision);
            let by_itself = progress
                .ended
                .as_ref()
                .is_some_and(|ended| ended.step == FRAUD && ended.verdict != Verdict::FellBack);
            if by_itself {
                self.assessed = Some((fraud.decision, at));
            }
        }
        self.reviewed = review.or(self.reviewed);
    }

    /// The money is about to move: somebody has decided that it may.
    fn check_decided(&self, id: PaymentId, at: At, found: &mut Findings) {
        found.check(Invariant::Decided);
        if self.kind == PaymentKind::Refund {
            // Was decided on when the original was.
            return;
        }
        let code = match (self.decided, self.reviewed) {
            (Some(Decision::Approve), _) | (Some(Decision::Review), Some(ReviewDecision::Approve)) => return,
            (Some(Decision::Decline), _) => "SETTLES_THOUGH_DECLINED",
            (Some(Decision::Review), _) => "SETTLES_WITHOUT_REVIEW",
            (None, _) => "SETTLES_WITHOUT_DECISION",
        };
        let (decided, reviewed) = (self.decided, self.reviewed);
        found.violate(Invariant::Decided, code, &[self.begun, at], || {
            format!("payment {id} settles: decided {decided:?}, reviewed {reviewed:?}")
        });
    }

    /// A step ends, the saga turns, steps are asked.
    fn progress(&mut self, progress: &Progress, at: At) {
        if let Some(ended) = &progress.ended {
            self.awaited.remove(&ended.step);
        }
        match progress.turned.as_ref().map(|turned| turned.way) {
            Some(Way::Back | Way::Ended) => {
                self.awaited.clear();
                self.quarantined = false;
            }
            Some(Way::Quarantined) => {
                self.awaited.clear();
                self.quarantined = true;
            }
            Some(Way::Resumed) => self.quarantined = false,
            None => {}
        }
        for ask in &progress.asked {
            self.awaited.insert(ask.step.clone(), ask.deadline);
            if ask.step == SETTLE {
                self.settle_asked.get_or_insert(at);
            }
        }
    }
}
