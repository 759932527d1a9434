//! What every [`Log`] has to do, as tests: one suite for the log on Kafka and its in-memory twin.
//!
//! A test crate says how to make a [`Harness`] and has all cases by one line:
//!
//! ```ignore
//! tributary_stream::conformance_tests!(MyHarness::start);
//! ```
//!
//! Each case has a service of its own, so the cases may run side by side. On a real broker, time really passes: cases
//! poll until what must come has come, and only two wait for a time-out.

#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "these are tests: one that can't go on fails"
)]

mod client;
mod committing;
mod consuming;
mod membership;
mod restoring;

use tributary_contracts::record::{Outgoing, Record};

use crate::log::Log;

/// Partitions of each case's topics.
pub const PARTITIONS: i32 = 2;

/// A broker with one service on it, as a case needs it: an inbox and events of [`PARTITIONS`] partitions, empty, and a
/// group that has committed offset 0 everywhere.
///
/// Methods panic when the broker refuses: the case then failed.
pub trait Harness {
    /// Name of the service's inbox.
    fn inbox(&self) -> &'static str;

    /// Name of the service's events.
    fn events(&self) -> &'static str;

    /// The log of the instance's worker 0. Made again with the same name, it is a restart of it; dropping one is the
    /// process's death.
    fn log(&mut self, instance: &str) -> Box<dyn Log>;

    /// As [`Self::log`], of another service on the same topics whose group never committed.
    fn log_of_new_group(&mut self, instance: &str) -> Box<dyn Log>;

    /// Writes a record outside of any transaction, and returns its offset.
    fn append(&mut self, record: Outgoing) -> i64;

    /// Begins a transaction of some other producer, writes records and next offsets of the service's group (if any),
    /// and leaves it open. It has to time out after 3 to 10 s. The number stands for it from now on.
    fn open(&mut self, records: Vec<Outgoing>, next_inputs: &[(i32, i64)]) -> usize;

    /// Does the same under the transactional id of this instance's worker 0 and forgets it: what a crash leaves.
    fn leave_open(&mut self, instance: &str, records: Vec<Outgoing>, next_inputs: &[(i32, i64)]);

    /// Ends what [`Self::open`] began.
    fn end(&mut self, opened: usize, commit: bool);

    /// All records that a `read_committed` reader of a partition sees, from its start to the last stable offset.
    fn committed(&mut self, topic: &'static str, partition: i32) -> Vec<Record>;

    /// Drops what stands before an offset, as retention does.
    fn truncate_before(&mut self, topic: &'static str, partition: i32, offset: i64);

    /// Lets time pass. On a real broker, polls take time of their own.
    fn pass(&mut self, ms: u64);

    /// The broker's time in milliseconds since the epoch, within a second.
    fn time_ms(&self) -> i64;
}

/// One thing that every log does.
pub struct Case {
    /// A sentence.
    pub name: &'static str,
    run: fn(&mut dyn Harness),
}

macro_rules! cases {
    ($($module:ident: $($name:ident)+;)+) => {
        /// All cases.
        pub const CASES: &[Case] = &[$($(Case { name: stringify!($name), run: $module::$name },)+)+];

        /// Makes a `#[test]` of each case, on harnesses that come from this function of a case's name.
        #[macro_export]
        macro_rules! conformance_tests {
            ($harness:path) => {
                $($(
                    #[test]
                    fn $name() {
                        $crate::conformance::run(stringify!($name), &mut $harness(stringify!($name)));
                    }
                )+)+
            };
        }
    };
}

cases! {
    consuming:
        records_come_whole_and_in_order
        nothing_is_delivered_before_it_is_asked_for
        consuming_anew_goes_back_in_that_partition_only
        a_poll_for_membership_delivers_nothing_and_loses_nothing
        a_poll_keeps_to_its_limits
        input_that_was_aborted_is_never_delivered
        input_that_is_undecided_holds_back_what_stands_behind_it
        input_that_the_log_does_not_hold_is_data_gone;
    committing:
        a_transaction_stands_whole_with_its_offsets
        a_transaction_of_offsets_alone_moves_them
        transactions_stand_in_the_order_of_their_commits
        a_commit_of_a_former_producer_is_fenced_and_leaves_nothing
        a_commit_without_a_producer_leaves_nothing
        a_commit_for_a_partition_that_was_never_assigned_leaves_nothing
        a_commit_for_a_revoked_partition_is_fenced_and_leaves_nothing
        an_oversized_record_aborts_its_transaction_and_the_producer_goes_on;
    restoring:
        a_group_that_never_committed_has_no_offset
        aborted_events_are_passed_over
        an_open_transaction_holds_readers_back_and_the_end_is_beyond_it
        committed_offsets_are_told_once_nothing_can_change_them
        what_a_crash_left_open_is_aborted_by_the_next_producer_of_its_name
        what_a_vanished_producer_left_open_is_aborted_by_time
        reading_keeps_to_its_limit_and_goes_on_where_it_stopped
        events_that_the_log_does_not_hold_are_data_gone;
    membership:
        two_members_share_the_partitions
        a_restarted_member_takes_its_place_and_the_former_is_out_for_good
        partitions_of_a_vanished_member_move_when_its_session_ends;
}

/// Runs the case of that name.
pub fn run(name: &str, harness: &mut dyn Harness) {
    let case = CASES
        .iter()
        .find(|case| case.name == name)
        .unwrap_or_else(|| panic!("no case of the name {name}"));
    (case.run)(harness);
}
