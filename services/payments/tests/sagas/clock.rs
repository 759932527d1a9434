//! The three services by the clock: time that passes, a payments service that dies, and what was told.

use tributary_contracts::{
    codec::read_event,
    payments::{PaymentInitiated, PaymentsEvent},
    runtime::RuntimeEvent,
    topics::PAYMENTS_EVENTS,
};
use tributary_ids::AccountId;
use tributary_stream::{
    StreamEvent,
    memory::{FaultPoint, InjectedFault},
};
use uuid::Uuid;

use crate::services::Services;

const HOUR: i64 = 60 * 60 * 1000;

/// An event of the payments service, or a refusal as `Err` of its code.
pub(crate) struct Told {
    pub(crate) time: i64,
    pub(crate) correlation_id: Uuid,
    pub(crate) event: Result<PaymentsEvent, String>,
}

impl Services {
    /// Ann has 20,000.00, Bob nothing.
    pub(crate) fn open() -> Self {
        Self::with("clock", [("ann", "20000.00"), ("bob", "0")])
    }

    /// Lets time pass until then, an hour at a time.
    pub(crate) fn until(&mut self, time: &str) {
        let time = chrono::DateTime::parse_from_rfc3339(time)
            .unwrap()
            .timestamp_millis();
        while self.broker.time() < time {
            self.advance(HOUR.min(time - self.broker.time()));
        }
    }

    /// The payments service dies at the point of its work with this number from now on, and starts again.
    pub(crate) fn dies_at(&mut self, point: usize) {
        let mut left = point;
        let plan = move |_: FaultPoint| {
            left = left.checked_sub(1)?;
            (left == 0).then_some(InjectedFault::Crash)
        };
        self.payments.restart_with(Box::new(plan));
    }

    /// All that the payments service wrote, partition by partition.
    pub(crate) fn told(&self) -> Vec<Told> {
        let records = self.payments.read(PAYMENTS_EVENTS.name).unwrap();
        let told = |record| {
            let envelope = read_event::<StreamEvent<PaymentsEvent>>(record).unwrap();
            let event = match envelope.data {
                StreamEvent::Service(event) => Ok(event),
                StreamEvent::Runtime(RuntimeEvent::CommandRefused(refused)) => Err(refused.code),
                StreamEvent::Runtime(_) => return None,
            };
            Some(Told {
                time: envelope.time,
                correlation_id: envelope.correlation_id,
                event,
            })
        };
        records.iter().filter_map(told).collect()
    }

    /// Code of the last refusal that came.
    pub(crate) fn refused_for(&self) -> String {
        let refusals = self
            .told()
            .into_iter()
            .filter_map(|told| Some((told.time, told.event.err()?)));
        refusals
            .max_by_key(|(time, _)| *time)
            .map(|(_, code)| code)
            .unwrap_or_default()
    }

    /// Payments that began, in the order of time.
    pub(crate) fn begun(&self) -> Vec<PaymentInitiated> {
        let mut begun: Vec<_> = self
            .told()
            .into_iter()
            .filter_map(|told| match told.event {
                Ok(PaymentsEvent::PaymentInitiated(begun)) => Some((told.time, begun)),
                _ => None,
            })
            .collect();
        begun.sort_by_key(|(time, _)| *time);
        begun.into_iter().map(|(_, begun)| begun).collect()
    }

    /// Posted balance and what is reserved of it, in minor units.
    pub(crate) fn balance(&self, name: &str) -> (i64, i64) {
        let found = self
            .accounts
            .states()
            .find_map(|books| books.account(AccountId::named(name)).copied());
        let account = found.unwrap();
        (account.posted, account.pending_out)
    }
}
