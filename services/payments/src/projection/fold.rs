use std::collections::HashMap;

use tributary_contracts::{
    envelope::BusinessDate,
    fraud::{Decision, FraudDecision},
    payments::{
        OccurrenceOf, PaymentAdvanced, PaymentInitiated, PaymentKind, PaymentScheduled, PaymentsEvent,
        RefundClaimed, RefundReleased, ReturnedTo, ReviewDecision,
    },
    runtime::RuntimeEvent,
    saga::{Progress, Way},
    sealed::Sealed,
};
use tributary_ids::{AccountId, CustomerId, PaymentId, StandingOrderId};
use tributary_money::Currency;
use tributary_projection::{CopyRows, LoggedEvent, Payload, storable};
use uuid::Uuid;

use super::orders::{self, OccurrenceRow, OrderRow};

/// What a batch does to the tables.
#[derive(Default)]
pub(super) struct Fold {
    /// Every payment that the batch touches.
    pub(super) payments: HashMap<PaymentId, Row>,
    /// Every standing order that the batch touches.
    pub(super) orders: HashMap<StandingOrderId, OrderRow>,
    /// Occurrences that it executes.
    pub(super) occurrences: Vec<OccurrenceRow>,
    pub(super) refusals: CopyRows,
}

/// A row of `payments`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// Only of payments that this batch begins: what is written once.
    pub(super) begun: Option<Box<Begun>>,
    pub(super) amount: i64,
    pub(super) booking_date: BusinessDate,
    pub(super) refunded: i64,
    pub(super) state: State,
    pub(super) code: Option<String>,
    pub(super) returned_to: Option<&'static str>,
    pub(super) fraud: Option<FraudDecision>,
    pub(super) review: Option<&'static str>,
    pub(super) case_opened: bool,
    pub(super) ended_ms: Option<i64>,
    pub(super) last_offset: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Begun {
    pub(super) kind: PaymentKind,
    pub(super) customer: CustomerId,
    pub(super) debtor: AccountId,
    pub(super) creditor: AccountId,
    pub(super) currency: Currency,
    pub(super) remittance: Option<Sealed>,
    pub(super) occurrence: Option<OccurrenceOf>,
    pub(super) refunds: Option<PaymentId>,
    pub(super) execution_date: Option<BusinessDate>,
    pub(super) due_ms: Option<i64>,
    pub(super) correlation_id: Uuid,
    pub(super) initiated_ms: i64,
    pub(super) partition: i32,
    pub(super) first_offset: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Scheduled,
    Pending,
    InReview,
    Settling,
    TurningBack,
    Quarantined,
    Completed,
    Rejected,
    Returned,
    Cancelled,
}

impl State {
    const ALL: [Self; 10] = [
        Self::Scheduled,
        Self::Pending,
        Self::InReview,
        Self::Settling,
        Self::TurningBack,
        Self::Quarantined,
        Self::Completed,
        Self::Rejected,
        Self::Returned,
        Self::Cancelled,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Pending => "pending",
            Self::InReview => "in-review",
            Self::Settling => "settling",
            Self::TurningBack => "turning-back",
            Self::Quarantined => "quarantined",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Returned => "returned",
            Self::Cancelled => "cancelled",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Rejected | Self::Returned | Self::Cancelled
        )
    }
}

/// An event contradicts the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("it is of a payment that never began")]
    Unknown,
    #[error("it begins a payment that exists")]
    Exists,
    #[error("the payment has ended")]
    Ended,
    #[error("refunds and amount don't fit")]
    Refund,
    #[error("it is of a standing order that never began, or has ended")]
    OrderUnknown,
    #[error("it begins a standing order that exists")]
    OrderExists,
    #[error("an occurrence comes out of its turn")]
    Occurrence,
}

impl Fault {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Unknown => "EVENT_PAYMENT_UNKNOWN",
            Self::Exists => "EVENT_PAYMENT_EXISTS",
            Self::Ended => "EVENT_PAYMENT_ENDED",
            Self::Refund => "EVENT_REFUND_DIFFERS",
            Self::OrderUnknown => "EVENT_ORDER_UNKNOWN",
            Self::OrderExists => "EVENT_ORDER_EXISTS",
            Self::Occurrence => "EVENT_OCCURRENCE_DIFFERS",
        }
    }
}

impl Fold {
    pub(super) fn event(&mut self, event: &LoggedEvent<PaymentsEvent>) -> Result<(), Fault> {
        let data = match &event.envelope.data {
            Payload::Service(data) => data,
            Payload::Runtime(data) => {
                copy_refusal(&mut self.refusals, event, data);
                return Ok(());
            }
        };
        match data {
            PaymentsEvent::PaymentInitiated(terms) => return self.begun(event, terms),
            PaymentsEvent::PaymentScheduled(terms) => return self.scheduled(event, terms),
            PaymentsEvent::PaymentUnchanged(_) => return Ok(()),
            _ => {}
        }
        let Some(payment) = data.payment() else {
            let occurrence = orders::apply(&mut self.orders, event, data)?;
            self.occurrences.extend(occurrence);
            return Ok(());
        };
        let Some(row) = self.payments.get_mut(&payment) else {
            // A late answer may be about a payment that was never known, and says so.
            return match data {
                PaymentsEvent::AnswerIgnored(_) => Ok(()),
                _ => Err(Fault::Unknown),
            };
        };
        row.apply(data, event.envelope.time)?;
        row.last_offset = event.offset;
        Ok(())
    }

    fn begun(&mut self, event: &LoggedEvent<PaymentsEvent>, terms: &PaymentInitiated) -> Result<(), Fault> {
        if let Some(row) = self.payments.get_mut(&terms.payment_id)
            && row.state == State::Scheduled
        {
            row.state = State::Pending;
            row.booking_date = terms.booking_date;
            row.last_offset = event.offset;
            row.go_on(&terms.progress);
            return Ok(());
        }
        let begun = Begun {
            kind: terms.kind,
            customer: terms.customer,
            debtor: terms.debtor,
            creditor: terms.creditor,
            currency: terms.currency,
            remittance: terms.remittance.clone(),
            occurrence: terms.occurrence,
            refunds: terms.refunds,
            execution_date: None,
            due_ms: None,
            correlation_id: event.envelope.correlation_id,
            initiated_ms: event.envelope.time,
            partition: event.partition,
            first_offset: event.offset,
        };
        let mut row = Row::new(begun, State::Pending, terms.amount, terms.booking_date);
        row.go_on(&terms.progress);
        self.insert(terms.payment_id, row)
    }

    fn scheduled(
        &mut self,
        event: &LoggedEvent<PaymentsEvent>,
        terms: &PaymentScheduled,
    ) -> Result<(), Fault> {
        let begun = Begun {
            kind: PaymentKind::InternalTransfer,
            customer: terms.customer,
            debtor: terms.debtor,
            creditor: terms.creditor,
            currency: terms.currency,
            remittance: terms.remittance.clone(),
            occurrence: None,
            refunds: None,
            execution_date: Some(terms.execution_date),
            due_ms: Some(terms.due_at),
            correlation_id: event.envelope.correlation_id,
            initiated_ms: event.envelope.time,
            partition: event.partition,
            first_offset: event.offset,
        };
        let row = Row::new(begun, State::Scheduled, terms.amount, terms.execution_date);
        self.insert(terms.payment_id, row)
    }

    fn insert(&mut self, payment: PaymentId, row: Row) -> Result<(), Fault> {
        match self.payments.insert(payment, row) {
            None => Ok(()),
            Some(_) => Err(Fault::Exists),
        }
    }
}

impl Row {
    fn new(begun: Begun, state: State, amount: i64, booking_date: BusinessDate) -> Self {
        Self {
            last_offset: begun.first_offset,
            amount,
            booking_date,
            begun: Some(Box::new(begun)),
            refunded: 0,
            state,
            code: None,
            returned_to: None,
            fraud: None,
            review: None,
            case_opened: false,
            ended_ms: None,
        }
    }

    fn apply(&mut self, event: &PaymentsEvent, time_ms: i64) -> Result<(), Fault> {
        if event.progress().is_some() && self.state.is_terminal() {
            return Err(Fault::Ended);
        }
        match event {
            PaymentsEvent::PaymentAdvanced(advanced) => self.advanced(advanced),
            PaymentsEvent::PaymentCompleted(_) => self.ended(State::Completed, None, time_ms),
            PaymentsEvent::PaymentRejected(rejected) => {
                if let Some(fraud) = &rejected.fraud {
                    self.fraud = Some(fraud.clone());
                }
                self.ended(State::Rejected, Some(&rejected.code), time_ms);
            }
            PaymentsEvent::PaymentReturned(returned) => {
                self.returned_to = Some(match returned.to {
                    ReturnedTo::Debtor => "debtor",
                    ReturnedTo::Suspense => "suspense",
                });
                self.ended(State::Returned, Some(&returned.code), time_ms);
            }
            PaymentsEvent::PaymentQuarantined(quarantined) => {
                self.state = State::Quarantined;
                self.code = Some(storable(&quarantined.code));
            }
            PaymentsEvent::PaymentResumed(resumed) => {
                self.state = State::Pending;
                self.code = None;
                self.go_on(&resumed.progress);
            }
            PaymentsEvent::AnswerIgnored(ignored) => self.case_opened |= ignored.opens_case,
            PaymentsEvent::RefundClaimed(claimed) => self.claimed(claimed)?,
            PaymentsEvent::RefundReleased(released) => self.released(released)?,
            PaymentsEvent::PaymentCancelled(_) => {
                if self.state != State::Scheduled {
                    return Err(Fault::Ended);
                }
                self.ended(State::Cancelled, None, time_ms);
            }
            // The rest begins a payment, changes none, or is about an order.
            _ => {}
        }
        Ok(())
    }

    fn advanced(&mut self, advanced: &PaymentAdvanced) {
        if let Some(fraud) = &advanced.fraud {
            self.fraud = Some(fraud.clone());
        }
        if let Some(review) = advanced.review {
            self.review = Some(match review {
                ReviewDecision::Approve => "approve",
                ReviewDecision::Reject => "reject",
            });
        }
        if let Some(ended) = &advanced.progress.ended
            && ended.step == "review"
        {
            self.state = State::Pending;
        }
        self.go_on(&advanced.progress);
    }

    /// What the payment waits for, by the steps that were asked; without any, it still waits for what it waited for.
    fn go_on(&mut self, progress: &Progress) {
        if progress
            .turned
            .as_ref()
            .is_some_and(|turned| turned.way == Way::Back)
        {
            self.state = State::TurningBack;
        }
        for ask in &progress.asked {
            match ask.step.as_str() {
                "review" => self.state = State::InReview,
                "settle" => self.state = State::Settling,
                "release" => self.state = State::TurningBack,
                _ => {}
            }
        }
    }

    fn ended(&mut self, state: State, code: Option<&str>, time_ms: i64) {
        self.state = state;
        self.code = code.map(storable);
        self.ended_ms = Some(time_ms);
    }

    fn claimed(&mut self, claimed: &RefundClaimed) -> Result<(), Fault> {
        self.refunded = self.refunded.saturating_add(claimed.amount);
        self.check_refunds(claimed.refundable)?;
        match self.state {
            State::Completed => Ok(()),
            _ => Err(Fault::Refund),
        }
    }

    fn released(&mut self, released: &RefundReleased) -> Result<(), Fault> {
        self.refunded = self.refunded.saturating_sub(released.amount);
        self.check_refunds(released.refundable)
    }

    fn check_refunds(&self, refundable: i64) -> Result<(), Fault> {
        match (0..=self.amount).contains(&self.refunded) && self.amount - self.refunded == refundable {
            true => Ok(()),
            false => Err(Fault::Refund),
        }
    }
}

/// Columns of `refusals`, as [`copy_refusal`] writes them.
pub(super) const REFUSAL_COLUMNS: &str =
    "partition, event_offset, command_offset, command_id, kind, code, command_type, detail, recorded_ms";

/// A row of `refusals`, if the event is one.
fn copy_refusal(rows: &mut CopyRows, event: &LoggedEvent<PaymentsEvent>, data: &RuntimeEvent) {
    let (kind, code, command_type, detail) = match data {
        RuntimeEvent::CommandRefused(refused) => (
            "refused",
            &refused.code,
            Some(refused.command_type.as_str()),
            &refused.detail,
        ),
        RuntimeEvent::DeadLettered(dead) => ("dead-lettered", &dead.code, None, &dead.detail),
        _ => return,
    };
    let mut row = rows.row();
    row.position(event);
    row.text(Some(kind));
    row.text(Some(code));
    row.text(command_type);
    row.text(Some(detail));
    row.number(event.envelope.time);
    row.end();
}

pub(super) fn kind_text(kind: PaymentKind) -> &'static str {
    match kind {
        PaymentKind::InternalTransfer => "internal-transfer",
        PaymentKind::Refund => "refund",
    }
}

pub(super) fn decision_text(decision: Decision) -> &'static str {
    match decision {
        Decision::Approve => "approve",
        Decision::Review => "review",
        Decision::Decline => "decline",
    }
}

pub(super) fn decision_of(text: &str) -> Option<Decision> {
    [Decision::Approve, Decision::Review, Decision::Decline]
        .into_iter()
        .find(|&decision| decision_text(decision) == text)
}
