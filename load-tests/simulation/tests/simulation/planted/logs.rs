//! Logs that misbehave.

use std::{cell::Cell, marker::PhantomData};

use tributary_contracts::{
    codec::{self, Message, RawEvent},
    runtime::RuntimeEvent,
};
use tributary_simulation::SimulatedLog;
use tributary_stream::{
    log::{Action, Ended, Input, Log},
    memory::{MemoryBroker, MemoryLog, MemoryLogSettings, MemoryProducer},
};

/// What is wrong with a log: it may change actions before they are performed, and what comes of them.
pub(super) trait Lie: 'static {
    fn before(_action: &Action, _broker: &MemoryBroker, _settings: &MemoryLogSettings) {}

    fn after(
        input: Input,
        _log: &mut MemoryLog,
        _broker: &MemoryBroker,
        _settings: &MemoryLogSettings,
    ) -> Input {
        input
    }

    fn is_given(_input: &Input) {}
}

struct Lying<L> {
    log: MemoryLog,
    broker: MemoryBroker,
    settings: MemoryLogSettings,
    lie: PhantomData<L>,
}

/// Puts the lie around a log.
pub(super) fn lying<L: Lie>(
    log: MemoryLog,
    broker: &MemoryBroker,
    settings: &MemoryLogSettings,
) -> Box<dyn SimulatedLog> {
    Box::new(Lying::<L> {
        log,
        broker: broker.clone(),
        settings: settings.clone(),
        lie: PhantomData,
    })
}

impl<L: Lie> Log for Lying<L> {
    fn perform(&mut self, action: Action) -> Input {
        L::before(&action, &self.broker, &self.settings);
        let input = self.log.perform(action);
        L::after(input, &mut self.log, &self.broker, &self.settings)
    }
}

impl<L: Lie> SimulatedLog for Lying<L> {
    fn is_crashed(&self) -> bool {
        self.log.is_crashed()
    }

    fn beat(&self) {
        self.log.beat();
    }

    fn is_given(&self, input: &Input) {
        L::is_given(input);
    }
}

/// Events come back from the log without saying which refused commands are to be remembered.
pub(super) struct ForgetsRefusals;

impl Lie for ForgetsRefusals {
    fn after(mut input: Input, _: &mut MemoryLog, _: &MemoryBroker, _: &MemoryLogSettings) -> Input {
        let Input::EventsRead { read: Ok(read), .. } = &mut input else {
            return input;
        };
        for record in &mut read.records {
            let raw = RawEvent::read(record).unwrap();
            let event = RuntimeEvent::decode(raw.ce_type, raw.envelope.data.get());
            if matches!(event, Ok(RuntimeEvent::CommandRefused(_))) {
                let mut envelope = raw.envelope;
                envelope.remembered = None;
                let value = codec::encode(&envelope);
                record.value = value;
            }
        }
        input
    }
}

/// Offsets are committed on their own, before the transaction.
pub(super) struct OffsetsOutside;

impl Lie for OffsetsOutside {
    fn before(action: &Action, broker: &MemoryBroker, settings: &MemoryLogSettings) {
        let Action::Commit(transaction) = action else {
            return;
        };
        let id = format!("{}-offsets", settings.member());
        let producer = MemoryProducer::initialise(broker, &id).unwrap();
        producer
            .send_offsets(&settings.service, &transaction.next_inputs)
            .unwrap();
        producer.commit().unwrap();
    }
}

/// A commit whose answer was lost is said to have been aborted.
pub(super) struct DoubtIsAbort;

impl Lie for DoubtIsAbort {
    fn after(input: Input, log: &mut MemoryLog, _: &MemoryBroker, _: &MemoryLogSettings) -> Input {
        match input {
            Input::Ended(Ended::InDoubt(fault)) if !log.is_crashed() => {
                let initialised = log.perform(Action::Initialise);
                match initialised {
                    Input::Initialised(Ok(())) => Input::Ended(Ended::Aborted(fault)),
                    _ => Input::Ended(Ended::InDoubt(fault)),
                }
            }
            input => input,
        }
    }
}

/// The end of the events is where a reader of committed ones stands, not where the log ends (KAFKA-10167).
pub(super) struct StopsAtLastStable;

impl Lie for StopsAtLastStable {
    fn after(
        mut input: Input,
        _: &mut MemoryLog,
        broker: &MemoryBroker,
        settings: &MemoryLogSettings,
    ) -> Input {
        if let Input::Located {
            partition,
            located: Ok(located),
        } = &mut input
        {
            located.events_end = broker.last_stable_offset(&settings.events, *partition).unwrap();
        }
        input
    }
}

thread_local! {
    static RESTORING: Cell<bool> = const { Cell::new(false) };
}

/// Whether what the worker folds now was read by a restore.
pub(super) fn is_restoring() -> bool {
    RESTORING.get()
}

/// Tells no lie, but says when a restore reads.
pub(super) struct Restores;

impl Lie for Restores {
    fn is_given(input: &Input) {
        RESTORING.set(matches!(input, Input::EventsRead { .. }));
    }
}
