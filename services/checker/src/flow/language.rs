//! What each service speaks.

use std::fmt::Debug;

use tributary_contracts::{
    accounts::{AccountsCommand, AccountsEvent},
    codec::Message,
    fraud::{FraudCommand, FraudEvent, PayeesCommand, PayeesEvent, REGISTER_PARTITION},
    laundering::{LaunderingCommand, LaunderingEvent},
    partition::key_of_partition,
    payments::{PaymentsCommand, PaymentsEvent},
    topics::{
        ACCOUNTS_DLQ, ACCOUNTS_EVENTS, ACCOUNTS_INBOX, FRAUD_DLQ, FRAUD_EVENTS, FRAUD_INBOX,
        FRAUD_PAYEES_DLQ, FRAUD_PAYEES_EVENTS, FRAUD_PAYEES_INBOX, LAUNDERING_DLQ, LAUNDERING_EVENTS,
        LAUNDERING_INBOX, PAYMENTS_DLQ, PAYMENTS_EVENTS, PAYMENTS_INBOX, Topic,
    },
};

/// A service's topics and messages.
pub(crate) trait Language: Debug + 'static {
    type Command: Message + Debug;
    type Event: Message + Debug;

    const INBOX: Topic;
    const EVENTS: Topic;
    const DEAD_LETTERS: Topic;

    /// Whether the event changed anything.
    fn is_effect(event: &Self::Event) -> bool;

    /// The key of the event's record, where the event alone tells it.
    fn key(event: &Self::Event) -> Option<String>;
}

#[derive(Debug)]
pub(crate) struct Ledger;

impl Language for Ledger {
    type Command = AccountsCommand;
    type Event = AccountsEvent;

    const INBOX: Topic = ACCOUNTS_INBOX;
    const EVENTS: Topic = ACCOUNTS_EVENTS;
    const DEAD_LETTERS: Topic = ACCOUNTS_DLQ;

    fn is_effect(event: &AccountsEvent) -> bool {
        !matches!(event, AccountsEvent::NothingToDo(_))
    }

    fn key(event: &AccountsEvent) -> Option<String> {
        event.seq().map(|(account, _)| account.to_string())
    }
}

#[derive(Debug)]
pub(crate) struct Payments;

impl Language for Payments {
    type Command = PaymentsCommand;
    type Event = PaymentsEvent;

    const INBOX: Topic = PAYMENTS_INBOX;
    const EVENTS: Topic = PAYMENTS_EVENTS;
    const DEAD_LETTERS: Topic = PAYMENTS_DLQ;

    fn is_effect(event: &PaymentsEvent) -> bool {
        !matches!(
            event,
            PaymentsEvent::PaymentUnchanged(_)
                | PaymentsEvent::AnswerIgnored(_)
                | PaymentsEvent::StandingOrderUnchanged(_)
        )
    }

    fn key(event: &PaymentsEvent) -> Option<String> {
        Some(event.subject().to_string())
    }
}

#[derive(Debug)]
pub(crate) struct Fraud;

impl Language for Fraud {
    type Command = FraudCommand;
    type Event = FraudEvent;

    const INBOX: Topic = FRAUD_INBOX;
    const EVENTS: Topic = FRAUD_EVENTS;
    const DEAD_LETTERS: Topic = FRAUD_DLQ;

    fn is_effect(event: &FraudEvent) -> bool {
        !matches!(event, FraudEvent::AssessmentRepeated(_))
    }

    fn key(event: &FraudEvent) -> Option<String> {
        Some(match event {
            FraudEvent::PaymentAssessed(event) => event.customer.to_string(),
            FraudEvent::PaymentObserved(event) => event.customer.to_string(),
            FraudEvent::AssessmentRepeated(event) => event.customer.to_string(),
            FraudEvent::VersionsUsed(event) => key_of_partition(event.partition),
            FraudEvent::VersionProposed(_)
            | FraudEvent::VersionApproved(_)
            | FraudEvent::VersionRejected(_)
            | FraudEvent::ChallengerAdded(_)
            | FraudEvent::ChallengerDropped(_) => key_of_partition(REGISTER_PARTITION),
        })
    }
}

#[derive(Debug)]
pub(crate) struct FraudPayees;

impl Language for FraudPayees {
    type Command = PayeesCommand;
    type Event = PayeesEvent;

    const INBOX: Topic = FRAUD_PAYEES_INBOX;
    const EVENTS: Topic = FRAUD_PAYEES_EVENTS;
    const DEAD_LETTERS: Topic = FRAUD_PAYEES_DLQ;

    fn is_effect(event: &PayeesEvent) -> bool {
        !matches!(event, PayeesEvent::DecisionRepeated(_))
    }

    fn key(event: &PayeesEvent) -> Option<String> {
        Some(match event {
            PayeesEvent::PaymentDecided(event) => event.creditor.to_string(),
            PayeesEvent::DecisionRepeated(event) => event.creditor.to_string(),
            PayeesEvent::FraudConfirmed(event) => event.creditor.to_string(),
            PayeesEvent::FraudRetracted(event) => event.creditor.to_string(),
            PayeesEvent::ModelActivated(event) => key_of_partition(event.partition),
            PayeesEvent::RulesActivated(event) => key_of_partition(event.partition),
        })
    }
}

#[derive(Debug)]
pub(crate) struct Laundering;

impl Language for Laundering {
    type Command = LaunderingCommand;
    type Event = LaunderingEvent;

    const INBOX: Topic = LAUNDERING_INBOX;
    const EVENTS: Topic = LAUNDERING_EVENTS;
    const DEAD_LETTERS: Topic = LAUNDERING_DLQ;

    fn is_effect(event: &LaunderingEvent) -> bool {
        !matches!(
            event,
            LaunderingEvent::TransferRepeated(_)
                | LaunderingEvent::ProbeFollowed(_)
                | LaunderingEvent::CycleKnown(_)
        )
    }

    fn key(event: &LaunderingEvent) -> Option<String> {
        Some(event.account().to_string())
    }
}
