//! What a request wishes for, as a command: who wants it, under which id, until when.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate, Utc};
use tributary_contracts::codec::{self, Message};
use tributary_contracts::envelope::{Channel, CommandEnvelope, Initiator};
use tributary_contracts::partition::partition_of;
use tributary_contracts::payments::Subject;
use tributary_contracts::record::Outgoing;
use tributary_contracts::topics::Topic;
use tributary_ids::{AccountId, CommandId, PaymentId, StandingOrderId, derive};
use uuid::Uuid;

/// Who acts, until there is a sign-in.
pub(crate) const PRINCIPAL: &str = "local";

/// Name of the gateway in what it sends.
const SOURCE: &str = "gateway";

/// How long a command may be under way, and its repetition is recognised by its id. Half of what the runtime takes, so that
/// clocks may differ by the other half.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// The id of the wish that the principal has under this key at this address. The address belongs to it, since the id must
/// name one partition, the only one that remembers it: so a key that is used at two addresses names two wishes.
pub(crate) fn command_id(address: &str, key: &str) -> CommandId {
    CommandId::named(&format!("{PRINCIPAL} {address} {key}"))
}

/// The account that the command opens.
pub(crate) fn account_of(command: CommandId) -> AccountId {
    AccountId(derive(command.0, "account"))
}

/// The payment that the command begins.
pub(crate) fn payment_of(command: CommandId) -> PaymentId {
    PaymentId(derive(command.0, "payment"))
}

/// The refund that the command begins.
pub(crate) fn refund_of(command: CommandId) -> PaymentId {
    PaymentId(derive(command.0, "refund"))
}

/// The standing order that the command creates.
pub(crate) fn standing_order_of(command: CommandId) -> StandingOrderId {
    StandingOrderId(derive(command.0, "standing-order"))
}

pub(crate) fn account_address(account: AccountId) -> String {
    format!("/v1/accounts/{account}")
}

pub(crate) fn payment_address(payment: PaymentId) -> String {
    format!("/v1/payments/{payment}")
}

pub(crate) fn standing_order_address(order: StandingOrderId) -> String {
    format!("/v1/standing-orders/{order}")
}

/// Where a command's status stands. A command about a payment or order that was there before is found by that.
pub(crate) fn status_address(command: CommandId, about: Option<Subject>) -> String {
    match about {
        Some(Subject::Order(order)) => format!("/v1/commands/{command}?standing_order={order}"),
        Some(Subject::Payment(payment)) => format!("/v1/commands/{command}?payment={payment}"),
        None => format!("/v1/commands/{command}"),
    }
}

/// A command with what its envelope needs.
pub(crate) struct Wish<'w, C> {
    pub(crate) id: CommandId,
    /// Ties together all that follows.
    pub(crate) correlation_id: Uuid,
    pub(crate) traceparent: Option<&'w str>,
    pub(crate) topic: Topic,
    pub(crate) key: String,
    pub(crate) command: &'w C,
}

impl<C: Message> Wish<'_, C> {
    /// The record to be sent; none when the topic has no partition for its key.
    pub(crate) fn record(&self, partitions: i32, now: SystemTime) -> Option<Outgoing> {
        let envelope = CommandEnvelope {
            id: self.id,
            correlation_id: self.correlation_id,
            causation_id: None,
            reply_to: None,
            not_after: Some(millis(now + LIFETIME)),
            initiator: Initiator {
                actor: PRINCIPAL.into(),
                on_behalf_of: None,
                channel: Channel::Online,
                branch: None,
            },
            data: self.command,
        };
        let key = self.key.clone().into_bytes();
        Some(Outgoing {
            topic: self.topic.name,
            partition: partition_of(&key, partitions)?,
            key,
            headers: codec::headers(&self.id, SOURCE, self.command.ce_type(), self.traceparent),
            value: codec::encode(&envelope),
        })
    }
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The edge's clock: a command says until when it is worth something, and a payment without a booking date is of today.
#[expect(clippy::disallowed_methods, reason = "the edge where time comes in")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// The day, in UTC.
pub(crate) fn today(now: SystemTime) -> NaiveDate {
    DateTime::<Utc>::from(now).date_naive()
}

/// Whether it is a W3C trace context that may be passed on.
pub(crate) fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, span, flags] = parts.as_slice() else {
        return false;
    };
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    hex(version, 2)
        && *version != "ff"
        && hex(trace, 32)
        && hex(span, 16)
        && hex(flags, 2)
        && !is_zero(trace)
        && !is_zero(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_at_the_same_address_is_the_same_wish() {
        let id = command_id("/v1/payments", "k");
        assert_eq!(id, command_id("/v1/payments", "k"));
        assert_ne!(id, command_id("/v1/accounts", "k"));
        assert_ne!(id, command_id("/v1/payments", "l"));
        assert_ne!(payment_of(id), refund_of(id));
        assert_ne!(payment_of(id).0, account_of(id).0);
    }

    #[test]
    fn only_a_whole_trace_context_is_passed_on() {
        assert!(is_traceparent(
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        ));
        for text in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        ] {
            assert!(!is_traceparent(text), "{text}");
        }
    }

    #[test]
    fn a_day_is_that_of_utc() {
        let time = UNIX_EPOCH + Duration::from_secs(86_399);
        assert_eq!(today(time).to_string(), "1970-01-01");
        assert_eq!(millis(time), 86_399_000);
    }
}
