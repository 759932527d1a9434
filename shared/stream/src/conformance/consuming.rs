//! Delivery of input.

use tributary_contracts::record::{Headers, Outgoing};

use super::Harness;
use super::client::{
    Client, MEMBERSHIP_ONLY, POLL, all_partitions, by_partition, fill, offsets, outgoing, values,
};
use crate::log::{FaultKind, Poll};

pub(super) fn records_come_whole_and_in_order(harness: &mut dyn Harness) {
    // Given records with headers of one name, with nothing in them, and with bytes that are no text
    let mut headers = Headers::default();
    headers.push("a", b"1");
    headers.push("b", b"");
    headers.push("a", &[0xff, 0x00]);
    let inbox = harness.inbox();
    let record = |key: &[u8], headers: Headers, value: &[u8]| Outgoing {
        topic: inbox,
        partition: 0,
        key: key.to_vec(),
        headers,
        value: value.to_vec(),
    };
    let sent = [
        record(b"key", headers, b"value"),
        record(b"", Headers::default(), b""),
        record(&[0x00, 0xff], Headers::default(), &[0xfe; 100_000]),
    ];
    let before_ms = harness.time_ms();
    let at: Vec<i64> = sent.iter().map(|record| harness.append(record.clone())).collect();
    let after_ms = harness.time_ms();

    // When they are consumed
    let mut client = Client::ready(harness, "a");
    client.consume(0, 0).expect("consumes");
    let records = client.await_records(sent.len());

    // Then each is as it was sent, at its offset, with the time at which the log got it
    assert_eq!(offsets(&records), at);
    for (record, sent) in records.iter().zip(&sent) {
        assert_eq!(record.partition, 0);
        assert_eq!(record.key, sent.key);
        assert_eq!(record.headers, sent.headers);
        assert_eq!(record.value, sent.value);
        let about = before_ms - 1_000..=after_ms + 1_000;
        assert!(about.contains(&record.timestamp_ms), "{}", record.timestamp_ms);
    }
    client.expect_silence();
}

pub(super) fn nothing_is_delivered_before_it_is_asked_for(harness: &mut dyn Harness) {
    fill(harness, 0, 3);
    fill(harness, 1, 3);
    let mut client = Client::new(harness.log("a"));
    let early = client.consume(1, 0).expect_err("nothing is assigned yet");
    assert_eq!(early.kind, FaultKind::Transient);
    client.await_assigned(&all_partitions());
    client.expect_silence();

    // When one partition is asked for, then that one comes, from there, and the other doesn't
    client.consume(1, 1).expect("consumes");
    let records = client.await_records(2);
    assert_eq!(by_partition(&records), [(1, vec![1, 2])].into());
    client.expect_silence();
}

pub(super) fn consuming_anew_goes_back_in_that_partition_only(harness: &mut dyn Harness) {
    // Given both partitions, read in part
    fill(harness, 0, 50);
    fill(harness, 1, 50);
    let mut client = Client::ready(harness, "a");
    client.consume(0, 0).expect("consumes");
    client.consume(1, 0).expect("consumes");
    let mut got = Vec::new();
    for _ in 0..super::client::PATIENCE {
        if got.len() >= 60 {
            break;
        }
        let few = Poll {
            records_max: 10,
            ..POLL
        };
        got.extend(client.polled(few).records);
    }
    let before = by_partition(&got);

    // When partition 0 is to start over
    client.consume(0, 3).expect("goes back");
    let seen_of_1 = before.get(&1).map_or(0, Vec::len);
    let after = by_partition(&client.await_records(47 + 50 - seen_of_1));

    // Then it comes again from there, and the other goes on without a gap or a second time
    assert_eq!(after.get(&0), Some(&(3..50).collect()));
    let of_1: Vec<i64> = [&before, &after]
        .iter()
        .filter_map(|part| part.get(&1))
        .flatten()
        .copied()
        .collect();
    assert_eq!(of_1, (0..50).collect::<Vec<_>>());
    client.expect_silence();
}

pub(super) fn a_poll_for_membership_delivers_nothing_and_loses_nothing(harness: &mut dyn Harness) {
    fill(harness, 0, 20);
    let mut client = Client::ready(harness, "a");
    client.consume(0, 0).expect("consumes");
    for _ in 0..10 {
        assert_eq!(client.polled(MEMBERSHIP_ONLY).records, []);
    }
    assert_eq!(offsets(&client.await_records(20)), (0..20).collect::<Vec<_>>());
}

pub(super) fn a_poll_keeps_to_its_limits(harness: &mut dyn Harness) {
    fill(harness, 0, 40);
    let size = outgoing(harness.inbox(), 0, "p0-039").size();
    let mut client = Client::ready(harness, "a");
    client.consume(0, 0).expect("consumes");
    let mut all = Vec::new();
    for _ in 0..super::client::PATIENCE {
        if all.len() == 40 {
            break;
        }
        // Limits of records and of bytes by turns; of bytes, the record that reaches it is the last
        let (records_max, bytes_max, most) = match all.len() % 2 {
            0 => (3, 100_000, 3),
            _ => (100, 3 * size + 1, 4),
        };
        let records = client
            .polled(Poll {
                records_max,
                bytes_max,
                ..POLL
            })
            .records;
        assert!(records.len() <= most, "{}", records.len());
        all.extend(records);
    }
    assert_eq!(offsets(&all), (0..40).collect::<Vec<_>>());
}

pub(super) fn input_that_was_aborted_is_never_delivered(harness: &mut dyn Harness) {
    let inbox = harness.inbox();
    fill(harness, 0, 1);
    let aborted = harness.open(vec![outgoing(inbox, 0, "aborted")], &[]);
    harness.end(aborted, false);
    let committed = harness.open(vec![outgoing(inbox, 0, "committed")], &[]);
    harness.end(committed, true);
    harness.append(outgoing(inbox, 0, "plain"));

    let mut client = Client::ready(harness, "a");
    client.consume(0, 0).expect("consumes");
    let records = client.await_records(3);
    assert_eq!(values(&records), ["p0-000", "committed", "plain"]);
    // Markers take offsets, but come after the answer to the commit: the next record may be ahead of them
    let at = offsets(&records);
    assert!(
        at.is_sorted() && at[0] == 0 && (2..=3).contains(&at[1]) && (at[1] + 1..=5).contains(&at[2]),
        "{at:?}"
    );
    client.expect_silence();
}

pub(super) fn input_that_is_undecided_holds_back_what_stands_behind_it(harness: &mut dyn Harness) {
    let inbox = harness.inbox();
    fill(harness, 0, 1);
    let open = harness.open(vec![outgoing(inbox, 0, "undecided")], &[]);
    harness.append(outgoing(inbox, 0, "behind"));
    harness.append(outgoing(inbox, 1, "elsewhere"));

    // Then what stands before it comes, and the other partition isn't held
    let mut client = Client::ready(harness, "a");
    client.consume(0, 0).expect("consumes");
    client.consume(1, 0).expect("consumes");
    let mut early = values(&client.await_records(2));
    early.sort();
    assert_eq!(early, ["elsewhere", "p0-000"]);
    client.expect_silence();

    // When it is decided, then the rest comes in order
    harness.end(open, true);
    assert_eq!(values(&client.await_records(2)), ["undecided", "behind"]);
}

pub(super) fn input_that_the_log_does_not_hold_is_data_gone(harness: &mut dyn Harness) {
    fill(harness, 0, 10);
    harness.truncate_before(harness.inbox(), 0, 4);
    let mut client = Client::ready(harness, "a");
    assert_eq!(client.await_located(0).inbox_start, 4);

    // What was dropped, and what never was: told at once, or by the next poll
    for gone in [3, 11] {
        let kind = match client.consume(0, gone) {
            Err(fault) => fault.kind,
            Ok(()) => client.await_fault(FaultKind::DataGone).kind,
        };
        assert_eq!(kind, FaultKind::DataGone, "offset {gone}");
    }

    client.consume(0, 4).expect("is held");
    assert_eq!(offsets(&client.await_records(6)), (4..10).collect::<Vec<_>>());
}
