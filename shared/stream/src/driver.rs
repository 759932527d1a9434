//! The thread that drives a worker: performs its actions, brings it their inputs.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    log::{Action, Input, Log, StopReason},
    service::Service,
    snapshot::{Shelf, SnapshotStore},
    worker::Worker,
};

/// Milliseconds since the epoch by this machine's clock. It drives timers and pauses; decisions take their time from
/// the records.
#[expect(
    clippy::disallowed_methods,
    reason = "the runtime's edge: when to send a timer's record, how long to pause"
)]
pub fn wall_clock_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

/// Runs the worker on this thread until it stops. Setting `stop` lets the current transaction end first.
pub fn run<S: Service>(
    mut worker: Worker<S>,
    log: &mut impl Log,
    snapshots: &dyn SnapshotStore,
    stop: &AtomicBool,
) -> StopReason {
    let mut input = Input::Started;
    loop {
        let action = worker.step(wall_clock_ms(), input);
        input = match action {
            Action::Stop { reason } => return reason,
            Action::Poll(_) if stop.load(Ordering::Relaxed) => Input::StopAsked,
            Action::LoadSnapshot { partition } => Input::SnapshotLoaded {
                partition,
                snapshot: snapshots.load(&Shelf::of::<S>(partition)),
            },
            action => log.perform(action),
        };
    }
}
