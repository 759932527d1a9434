//! One partition: its way from assigned to running, and what it makes of its input.

use std::time::Duration;

use tributary_contracts::record::{Outgoing, Record};
use tributary_overlay::Layered;

use super::{WorkerConfig, status::PartitionStatus, times::moment};
use crate::{
    log::{Action, EventsRead, Located},
    process::Processor,
    service::{Service, Told},
    state::PartitionState,
};

/// Where a partition is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Assigned; where it stands is unknown.
    Assigned,
    /// Located; the newest snapshot is wanted.
    Located(Located),
    /// Reading events up to `target.events_end`.
    Restoring(Located),
    /// Restored; input is to be delivered.
    Restored,
    Running,
    /// Given up, loudly: nothing goes on here before someone has looked.
    Stopped(String),
}

pub(super) struct Partition<S: Service> {
    pub(super) phase: Phase,
    pub(super) state: PartitionState<S>,
    /// Whether the state came from this worker's own past, so that no snapshot is newer.
    retained: bool,
    /// Index in the open transaction of this partition's first record.
    pub(super) first_output: usize,
    /// Index, from there, of the last record in the events topic.
    last_event_output: Option<usize>,
    /// Until then nothing came into its inbox that isn't handled, milliseconds since the epoch; 0 where the last poll brought something.
    /// None before the first poll.
    quiet_until_ms: Option<i64>,
    /// Why the partition stops once the open transaction has ended.
    stop_after_commit: Option<String>,
    progressed_ms: i64,
    /// What was looked up before another owner went on.
    overtaken: Option<Located>,
    /// The last read of the restore brought nothing although the target isn't reached.
    waits: bool,
}

impl<S: Service> Partition<S> {
    pub(super) fn new(partition: i32, retained: Option<PartitionState<S>>) -> Self {
        Self {
            phase: Phase::Assigned,
            retained: retained.is_some(),
            state: retained.unwrap_or_else(|| PartitionState::new(partition)),
            first_output: 0,
            last_event_output: None,
            quiet_until_ms: None,
            stop_after_commit: None,
            progressed_ms: 0,
            overtaken: None,
            waits: false,
        }
    }

    pub(super) fn is_restoring(&self) -> bool {
        !matches!(self.phase, Phase::Running | Phase::Stopped(_))
    }

    /// Whether only the end of somebody's open transaction can bring the restore on.
    pub(super) fn waits_for_others(&self) -> bool {
        self.waits && matches!(self.phase, Phase::Restoring(_))
    }

    /// The next action of the restore.
    pub(super) fn next_action(&mut self, records_max: usize) -> Option<Action> {
        let partition = self.state.partition;
        match &self.phase {
            Phase::Assigned => Some(Action::Locate { partition }),
            Phase::Located(_) => Some(Action::LoadSnapshot { partition }),
            Phase::Restoring(_) => Some(Action::ReadEvents {
                partition,
                from: self.state.next_event,
                records_max,
            }),
            Phase::Restored => Some(Action::Consume {
                partition,
                from: self.state.next_input(),
            }),
            Phase::Running | Phase::Stopped(_) => None,
        }
    }

    pub(super) fn located(&mut self, now_ms: i64, located: Located) {
        self.progressed_ms = now_ms;
        let Some(committed) = located.committed else {
            return self
                .stop("the group has no committed offset: `bank topics apply` sets the first".to_owned());
        };
        if committed < located.inbox_start {
            return self.stop(format!(
                "input from {committed} is wanted, the inbox starts at {}: records were lost to retention",
                located.inbox_start
            ));
        }
        if self.retained {
            self.begin_restore(located);
        } else {
            self.phase = Phase::Located(located);
        }
    }

    pub(super) fn snapshot_loaded(&mut self, snapshot: Option<PartitionState<S>>) {
        let Phase::Located(located) = self.phase else {
            return;
        };
        if let Some(state) = snapshot {
            self.state = state;
            self.state.index();
        }
        self.begin_restore(located);
    }

    fn begin_restore(&mut self, located: Located) {
        let from = self.state.next_event;
        if from > located.events_end {
            return self.look_again(located, || {
                format!(
                    "the state knows events up to {from}, the log ends at {}: the log lost records",
                    located.events_end
                )
            });
        }
        if from < located.events_start {
            return self.stop(format!(
                "events from {from} are wanted, the log starts at {}",
                located.events_start
            ));
        }
        self.phase = Phase::Restoring(located);
        self.finish_restore();
    }

    pub(super) fn events_read(&mut self, now_ms: i64, read: EventsRead, stall_ms_max: i64) {
        if !matches!(self.phase, Phase::Restoring(_)) {
            return;
        }
        self.waits = read.next == self.state.next_event;
        if !self.waits {
            self.progressed_ms = now_ms;
        }
        if let Err(corrupt) = self.state.restore(&read.records, read.next) {
            return self.stop(format!("restore: {corrupt}"));
        }
        self.finish_restore();
        if self.waits_for_others() && now_ms - self.progressed_ms > stall_ms_max {
            let partition = self.state.partition;
            tracing::warn!(
                partition,
                next = self.state.next_event,
                "the restore stalls: looking up its end again"
            );
            self.phase = Phase::Assigned;
        }
    }

    /// Ends the restore once everything below the end that was seen first is decided and folded.
    fn finish_restore(&mut self) {
        let Phase::Restoring(located) = self.phase else {
            return;
        };
        if self.state.next_event < located.events_end {
            return;
        }
        let folded = self.state.next_input();
        match located.committed {
            Some(committed) if committed == folded => {
                if !self.retained {
                    // A new process: whoever started it has looked at what stopped the last one.
                    self.state.forgive_dead_letters();
                }
                self.overtaken = None;
                self.phase = Phase::Restored;
            }
            Some(committed) if committed < folded => self.look_again(located, || {
                format!("the events answer input up to {folded}, the group committed only {committed}")
            }),
            committed => self.stop(format!(
                "the events answer input up to {folded}, the group committed {committed:?}"
            )),
        }
    }

    /// What was read, or came as a snapshot, is beyond where the partition was said to stand. Another owner has gone on
    /// since: this worker has lost the partition, and the next poll will say so. When a second look finds the same, it is
    /// no other owner.
    fn look_again(&mut self, located: Located, why: impl FnOnce() -> String) {
        if self.overtaken == Some(located) {
            self.stop(why());
        } else {
            self.overtaken = Some(located);
            self.phase = Phase::Assigned;
        }
    }

    /// The partition's records in the open transaction, from `first_output` on.
    pub(super) fn note_outputs(&mut self, records: &[Outgoing]) {
        self.last_event_output = records
            .iter()
            .rposition(|record| record.topic == S::NAMES.events.name);
    }

    pub(super) fn committed(&mut self, offsets: &[i64]) {
        if self.phase == Phase::Running {
            self.state.commit();
            let last = self
                .last_event_output
                .take()
                .and_then(|index| offsets.get(self.first_output + index));
            if let Some(offset) = last {
                self.state.next_event = offset + 1;
            }
        }
        if let Some(reason) = self.stop_after_commit.take() {
            self.stop(reason);
        }
    }

    /// Handles its records of the batch, and says how many; `took` hears how long each took. What can't be taken stops the
    /// partition and leaves no output.
    pub(super) fn handle<'b>(
        &mut self,
        config: &WorkerConfig,
        batch: impl Iterator<Item = &'b Record>,
        out: &mut Vec<Outgoing>,
        took: &mut impl FnMut(Duration),
        told: &mut Vec<Told>,
    ) -> u64 {
        let (written, told_before) = (out.len(), told.len());
        let mut handled = 0;
        let mut began = moment();
        for record in batch {
            if record.offset < self.state.next_input() {
                // Delivered again after a seek or an abort: its events are in the log.
                continue;
            }
            if self.state.marks.get().dead_letters_in_a_row >= config.dead_letters_in_a_row_max {
                self.stop_after_commit(format!(
                    "{} dead letters in a row; the next record is {}",
                    config.dead_letters_in_a_row_max, record.offset
                ));
                return handled;
            }
            let mut processor = Processor {
                state: &mut self.state,
                partitions: config.partitions,
                out,
                told,
            };
            if let Err(corrupt) = processor.handle(record) {
                out.truncate(written);
                told.truncate(told_before);
                self.state.undo_all();
                self.stop(format!("input {}: {corrupt}", record.offset));
                return 0;
            }
            handled += 1;
            let ended = moment();
            took(ended.saturating_duration_since(began));
            began = ended;
        }
        handled
    }

    pub(super) fn stop(&mut self, reason: String) {
        tracing::error!(partition = self.state.partition, reason, "the partition stops");
        self.phase = Phase::Stopped(reason);
    }

    /// Lets the open transaction end first, so that what led here is in the log.
    pub(super) fn stop_after_commit(&mut self, reason: String) {
        if self.state.is_clean() {
            self.stop(reason);
        } else {
            self.stop_after_commit = Some(reason);
        }
    }

    /// A poll has looked into its inbox, and found it quiet until then, or not.
    pub(super) fn looked_into(&mut self, quiet_until_ms: Option<i64>) {
        if self.phase == Phase::Running {
            self.quiet_until_ms = Some(quiet_until_ms.unwrap_or_default());
        }
    }

    /// Whether its inbox was not looked into since its restore.
    pub(super) fn is_unseen(&self) -> bool {
        self.phase == Phase::Running && self.quiet_until_ms.is_none()
    }

    /// Up to when everything that came into its inbox is handled, milliseconds since the epoch.
    pub(super) fn reached_ms(&self) -> i64 {
        self.state.clock_ms().max(self.quiet_until_ms.unwrap_or_default())
    }

    /// Back to the last commit, and from there through the whole restore.
    pub(super) fn restart(&mut self) {
        self.state.undo_all();
        self.state.forget_in_flight();
        self.stop_after_commit = None;
        self.quiet_until_ms = None;
        if !matches!(self.phase, Phase::Stopped(_)) {
            // What was folded is in the log for certain, and no snapshot is newer than a state that has begun.
            self.retained |= self.state.next_event > 0;
            self.phase = Phase::Assigned;
        }
    }

    /// The state to go on from, should the partition come back to this worker.
    pub(super) fn into_retained(mut self) -> Option<PartitionState<S>> {
        self.state.undo_all();
        self.state.forget_in_flight();
        (!matches!(self.phase, Phase::Stopped(_)) && self.state.next_event > 0).then_some(self.state)
    }

    /// One of [`super::status::PHASES`].
    pub(super) fn phase_name(&self) -> &'static str {
        match &self.phase {
            Phase::Assigned | Phase::Located(_) => "assigned",
            Phase::Restoring(_) | Phase::Restored => "restoring",
            Phase::Running => "running",
            Phase::Stopped(_) => "stopped",
        }
    }

    pub(super) fn status(&self) -> PartitionStatus {
        PartitionStatus {
            phase: self.phase_name(),
            stopped: match &self.phase {
                Phase::Stopped(reason) => Some(reason.clone()),
                _ => None,
            },
            next_input: self.state.next_input(),
            next_event: self.state.next_event,
        }
    }
}
