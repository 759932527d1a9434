//! Identifiers as distinct types, so that an account can't be passed where a payment is meant.
//!
//! Ids are derived (UUIDv5, RFC 9562) from what names the thing, or carried from outside; none is drawn at random
//! inside the bank, so that a replay gives the same ids.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Namespace of every id that the bank derives itself.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x5c0f_9a63_7d0b_5a43_9f0e_6b1d_2f64_a7c1);

/// The id that `name` has within `namespace`.
pub fn derive(namespace: Uuid, name: &str) -> Uuid {
    Uuid::new_v5(&namespace, name.as_bytes())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The id of what `name` names outside the bank, such as `berka/1787`.
            pub fn named(name: &str) -> Self {
                Self(derive(derive(NAMESPACE, stringify!($name)), name))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(
    /// A customer's account.
    AccountId
);
id!(
    /// A customer. The ledger knows no more of a person than this.
    CustomerId
);
id!(
    /// A hold on an account's money.
    HoldId
);
id!(
    /// A payment: what carries money from one account to another.
    PaymentId
);
id!(
    /// A standing order: the mandate by which payments are made again and again.
    StandingOrderId
);
id!(
    /// A proposal to let another version decide on payments.
    ProposalId
);
id!(
    /// A command. The same id means the same wish, however often it arrives.
    CommandId
);
/// An event's id: the command that caused it, and the event's index among what that command caused.
/// Written `<command id>:<index>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId {
    pub command: CommandId,
    pub index: u32,
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.command, self.index)
    }
}

impl StandingOrderId {
    /// The payment that the order's occurrence of this number is, counted from one: the same however often it is made.
    pub fn payment(self, occurrence: u32) -> PaymentId {
        PaymentId(derive(self.0, &format!("occurrence/{occurrence}")))
    }
}

impl CommandId {
    /// The id of this command's event number `index`.
    pub fn event(self, index: u32) -> EventId {
        EventId { command: self, index }
    }

    /// The id of the follow-up command number `index` that this command's decision sends.
    pub fn follow_up(self, index: u32) -> Self {
        Self(derive(self.0, &format!("command/{index}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_gives_the_same_id_and_another_type_another() {
        assert_eq!(AccountId::named("berka/1"), AccountId::named("berka/1"));
        assert_ne!(AccountId::named("berka/1").0, CustomerId::named("berka/1").0);
        assert_ne!(AccountId::named("berka/1"), AccountId::named("berka/2"));
    }

    #[test]
    fn every_occurrence_of_every_order_is_a_payment_of_its_own() {
        let [first, second] = ["a", "b"].map(StandingOrderId::named);
        assert_eq!(first.payment(1), first.payment(1));
        assert_ne!(first.payment(1), first.payment(2));
        assert_ne!(first.payment(1), second.payment(1));
    }

    #[test]
    fn events_and_follow_ups_of_one_command_have_ids_of_their_own() {
        let command = CommandId::named("a");
        assert_ne!(command.event(0), command.event(1));
        assert_ne!(command.event(0), CommandId::named("b").event(0));
        assert_ne!(command.follow_up(0), command.follow_up(1));
        assert_eq!(command.event(3).to_string(), format!("{command}:3"));
    }
}
