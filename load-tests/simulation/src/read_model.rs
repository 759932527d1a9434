//! Read models: the production folds, into rows in memory, from what their projections see.

pub(crate) mod ledger;
pub(crate) mod payments;

use std::collections::BTreeMap;

use tributary_accounts::projection::LedgerRows;
use tributary_contracts::{accounts::AccountsEvent, codec::Message, payments::PaymentsEvent};
use tributary_payments::projection::PaymentsRows;
use tributary_projection::{ApplyError, LoggedEvent, Offsets, decode};
use tributary_stream::memory::MemoryBroker;

use crate::{cast::View, world::PARTITIONS};

/// Rows of a read model, with the offsets that they stand at.
pub(crate) trait Rows: Clone + Default {
    type Event: Message;

    /// Both move, or neither.
    fn apply(&mut self, events: &[LoggedEvent<Self::Event>], next: &Offsets) -> Result<(), ApplyError>;

    fn next(&self) -> &Offsets;
}

impl Rows for LedgerRows {
    type Event = AccountsEvent;

    fn apply(&mut self, events: &[LoggedEvent<AccountsEvent>], next: &Offsets) -> Result<(), ApplyError> {
        Self::apply(self, events, next)
    }

    fn next(&self) -> &Offsets {
        Self::next(self)
    }
}

impl Rows for PaymentsRows {
    type Event = PaymentsEvent;

    fn apply(&mut self, events: &[LoggedEvent<PaymentsEvent>], next: &Offsets) -> Result<(), ApplyError> {
        Self::apply(self, events, next)
    }

    fn next(&self) -> &Offsets {
        Self::next(self)
    }
}

pub(crate) struct ReadModel<R> {
    view: View,
    pub(crate) rows: R,
    /// Why the projection has stopped.
    stopped: Option<String>,
}

/// A batch, and where its partitions go on.
type Batch<R> = (Vec<LoggedEvent<<R as Rows>::Event>>, Offsets);

impl<R: Rows> ReadModel<R> {
    pub(crate) fn new(view: View) -> Self {
        let mut rows = R::default();
        let from_the_start: Offsets = (0..PARTITIONS).map(|partition| (partition, 0)).collect();
        // No event contradicts no row.
        let stopped = rows
            .apply(&[], &from_the_start)
            .err()
            .map(|error| error.to_string());
        Self { view, rows, stopped }
    }

    /// Takes what is there in one transaction of its database; `dies`: before that ends. How many events it took.
    pub(crate) fn project(&mut self, broker: &MemoryBroker, dies: bool) -> usize {
        if self.stopped.is_some() {
            return 0;
        }
        match self.applied(broker) {
            Ok(_) if dies => 0,
            Ok((after, events)) => {
                self.rows = after;
                events
            }
            Err(why) => {
                self.stopped = Some(why);
                0
            }
        }
    }

    fn applied(&self, broker: &MemoryBroker) -> Result<(R, usize), String> {
        let (events, next) = self.batch(broker)?;
        let mut after = self.rows.clone();
        after.apply(&events, &next).map_err(|error| error.to_string())?;
        Ok((after, events.len()))
    }

    fn batch(&self, broker: &MemoryBroker) -> Result<Batch<R>, String> {
        let (mut events, mut next) = (Vec::new(), Offsets::new());
        for (&partition, &from) in self.rows.next() {
            let read = (self.view)(broker, partition, from).map_err(|error| error.to_string())?;
            for record in &read.records {
                // What can't be decoded stops the projection, with its position.
                let event = decode(record)
                    .map_err(|error| format!("{}/{}: {error}", record.partition, record.offset))?;
                events.push(event);
            }
            next.insert(partition, read.next);
        }
        Ok((events, next))
    }

    /// Whether it has taken all that these positions stand behind.
    fn is_at(&self, positions: &BTreeMap<i32, i64>) -> bool {
        positions
            .iter()
            .all(|(partition, position)| self.rows.next().get(partition) == Some(position))
    }
}
