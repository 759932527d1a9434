//! Those who read whole topics, those who send commands, and those who set topics up.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rdkafka::bindings;
use rdkafka::producer::{DefaultProducerContext, Producer, ThreadedProducer};
use tributary_contracts::record::Headers;
use tributary_stream::kafka::topics::{Change, apply};
use tributary_stream::kafka::{CommandProducer, Delivered, EventReader, Watermarks};
use tributary_stream::log::FaultKind;

use crate::broker::{PATIENCE_POLLS, Service, Transactor, delete_before, offsets, outgoing, poll, value};

fn commands(service: &Service, in_flight_max: usize) -> (CommandProducer, Receiver<Delivered>) {
    let (sender, delivered) = channel();
    let sender = Mutex::new(sender);
    let told = move |delivery| {
        sender
            .lock()
            .expect("never panics")
            .send(delivery)
            .expect("is awaited")
    };
    let linger = Duration::from_millis(2);
    let producer = CommandProducer::connect(&service.brokers, linger, in_flight_max, told);
    (producer.expect("a producer"), delivered)
}

#[test]
fn commands_are_delivered_in_order_and_each_is_told_of_once() {
    let service = Service::new("commands", 2);
    let (producer, delivered) = commands(&service, 100);
    for token in 0..5_000 {
        let record = outgoing(service.inbox, i32::from(token % 2 == 1), &token.to_string());
        producer.send(&record, token).expect("sends");
        assert!(producer.in_flight() <= 100, "no more are under way");
    }
    producer.flush().expect("flushes");
    assert_eq!(producer.in_flight(), 0);

    let told: BTreeMap<usize, (i32, i64)> = delivered
        .try_iter()
        .map(|delivery| (delivery.token, delivery.result.expect("is delivered")))
        .collect();
    let expected = (0..5_000)
        .map(|token| (token, ((token % 2) as i32, (token / 2) as i64)))
        .collect();
    assert_eq!(told, expected);
    let read: Vec<String> = service.committed(service.inbox).iter().map(value).collect();
    assert_eq!(read.len(), 5_000);
}

#[test]
fn a_command_that_is_too_large_is_refused_and_leaves_the_others_alone() {
    let service = Service::new("large", 1);
    let (producer, delivered) = commands(&service, 10);
    let mut large = outgoing(service.inbox, 0, "");
    large.value = vec![b'x'; 2_000_000];
    let fault = producer.send(&large, 1).expect_err("is too large");
    assert_eq!(fault.kind, FaultKind::Fatal, "{fault}");
    producer
        .send(&outgoing(service.inbox, 0, "small"), 2)
        .expect("sends");
    producer.flush().expect("flushes");
    let told: Vec<usize> = delivered.try_iter().map(|delivery| delivery.token).collect();
    assert_eq!(told, [2]);
}

#[test]
fn a_reader_comes_to_the_end_of_every_partition_and_goes_on_when_more_comes() {
    // Given committed, aborted and undecided records
    let service = Service::new("reader", 2);
    let transactor = Transactor::new(&service.brokers);
    transactor.commit(&[outgoing(service.events, 0, "a"), outgoing(service.events, 0, "b")]);
    transactor.open(&[outgoing(service.events, 1, "aborted")]);
    transactor.abort();
    let undecided = Transactor::new(&service.brokers);
    undecided.open(&[outgoing(service.events, 1, "undecided")]);

    let watermarks = Watermarks::connect(&service.brokers).expect("connects");
    assert_eq!(watermarks.partitions(service.events).expect("partitions"), [0, 1]);
    assert_eq!(
        watermarks.ends(service.events).expect("ends"),
        BTreeMap::from([(0, 3), (1, 3)])
    );
    let starts = watermarks.starts(service.events).expect("starts");
    assert_eq!(starts, BTreeMap::from([(0, 0), (1, 0)]));

    // When all of it is read, then the end is seen before what is undecided
    let mut reader = EventReader::open(&service.brokers, service.events, &starts).expect("opens");
    let mut records = Vec::new();
    while !reader.at_end() {
        records.extend(reader.poll(Duration::from_secs(5), 1).expect("reads").records);
    }
    assert_eq!(records.iter().map(value).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(reader.next(), BTreeMap::from([(0, 3), (1, 2)]));

    // When it is decided, then it comes, and the end again
    undecided.finish();
    let decided = reader.poll(Duration::from_secs(30), 1).expect("reads").records;
    assert_eq!(decided.iter().map(value).collect::<Vec<_>>(), ["undecided"]);
    for _ in 0..PATIENCE_POLLS {
        if reader.at_end() && reader.next()[&1] == 4 {
            break;
        }
        assert_eq!(
            reader
                .poll(Duration::from_millis(100), 10)
                .expect("reads")
                .records,
            []
        );
    }
    assert_eq!(reader.next(), BTreeMap::from([(0, 3), (1, 4)]));

    // And who starts there gets nothing twice
    let mut later = EventReader::open(&service.brokers, service.events, &reader.next()).expect("opens");
    while !later.at_end() {
        assert_eq!(later.poll(Duration::from_secs(5), 10).expect("reads").records, []);
    }
}

#[test]
fn a_reader_is_told_when_what_it_wants_is_gone() {
    let service = Service::new("reader-gone", 1);
    let records: Vec<_> = (0..10)
        .map(|at| outgoing(service.events, 0, &at.to_string()))
        .collect();
    Transactor::new(&service.brokers).commit(&records);
    delete_before(&service.brokers, service.events, 5);
    let mut reader =
        EventReader::open(&service.brokers, service.events, &BTreeMap::from([(0, 2)])).expect("opens");
    let fault = (0..100)
        .find_map(|_| reader.poll(Duration::from_millis(100), 10).err())
        .expect("is told");
    assert_eq!(fault.kind, FaultKind::DataGone, "{fault}");
}

#[test]
fn two_hundred_thousand_events_are_read_whole_and_in_order() {
    let service = Service::new("fast", 1);
    let transactor = Transactor::new(&service.brokers);
    let records: Vec<_> = (0..20_000)
        .map(|at| outgoing(service.events, 0, &format!("{at:0200}")))
        .collect();
    for _ in 0..10 {
        transactor.commit(&records);
    }
    let mut reader =
        EventReader::open(&service.brokers, service.events, &BTreeMap::from([(0, 0)])).expect("opens");
    let started = Instant::now();
    let mut read = Vec::new();
    while !reader.at_end() {
        read.extend(reader.poll(Duration::from_secs(5), 1_000).expect("reads").records);
    }
    let rate = read.len() as f64 / started.elapsed().as_secs_f64();
    println!("{} records, {rate:.0} a second", read.len());
    assert_eq!(read.len(), 200_000);
    assert!(offsets(&read)[&0].is_sorted());
}

#[test]
fn a_header_name_that_is_no_text_leaves_a_record_without_headers_and_a_reader_that_goes_on() {
    let service = Service::new("header", 1);
    send_with_header_name(&service, b"\xff\xfe");

    let mut worker = service.log("a");
    worker.await_assigned(&[0]);
    worker.consume(0, 0).expect("consumes");
    let records = worker.await_records(1);
    assert_eq!(
        (value(&records[0]), records[0].headers.clone()),
        ("v".to_owned(), Headers::default())
    );
    assert_eq!(worker.polled(poll(100)).fault, None);
}

/// Sends a record as a client in another language may: rdkafka itself takes only text for a name.
#[expect(unsafe_code, reason = "there is no safe way to send such a name")]
fn send_with_header_name(service: &Service, name: &[u8]) {
    use rdkafka::bindings::rd_kafka_vtype_t::{
        RD_KAFKA_VTYPE_END, RD_KAFKA_VTYPE_HEADERS, RD_KAFKA_VTYPE_MSGFLAGS, RD_KAFKA_VTYPE_PARTITION,
        RD_KAFKA_VTYPE_TOPIC, RD_KAFKA_VTYPE_VALUE,
    };

    let producer: ThreadedProducer<DefaultProducerContext> = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &service.brokers)
        .create()
        .expect("a producer");
    let topic = CString::new(service.inbox).expect("a name");
    // SAFETY: every pointer is valid during the calls, the lengths are those of the slices, the value is copied, and the
    // headers are handed over.
    let error = unsafe {
        let headers = bindings::rd_kafka_headers_new(1);
        bindings::rd_kafka_header_add(
            headers,
            name.as_ptr().cast(),
            name.len() as isize,
            b"x".as_ptr().cast(),
            1,
        );
        bindings::rd_kafka_producev(
            producer.client().native_ptr(),
            RD_KAFKA_VTYPE_TOPIC,
            topic.as_ptr(),
            RD_KAFKA_VTYPE_PARTITION,
            0,
            RD_KAFKA_VTYPE_MSGFLAGS,
            bindings::RD_KAFKA_MSG_F_COPY,
            RD_KAFKA_VTYPE_VALUE,
            b"v".as_ptr(),
            1_usize,
            RD_KAFKA_VTYPE_HEADERS,
            headers,
            RD_KAFKA_VTYPE_END,
        )
    };
    assert_eq!(error, bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR);
    producer.flush(Duration::from_secs(30)).expect("flushes");
}

#[test]
fn applying_topics_again_changes_nothing_and_reports_what_drifted() {
    let service = Service::new("apply", 2);
    assert_eq!(
        apply(&service.brokers, &service.topics(), 2, 1),
        Ok(Vec::new()),
        "created by the first"
    );

    // Given a group that has come to an offset
    let mut worker = service.log("a");
    worker.await_assigned(&[0, 1]);
    worker.initialise().expect("initialises");
    worker.committed(vec![], vec![(0, 7)]);

    // When other partitions, replicas and settings are declared, then that is told, and nothing is changed
    let mut declared = service.topics();
    declared.swap(0, 1);
    declared[0].kind = tributary_contracts::topics::Kind::DeadLetters;
    let changes = apply(&service.brokers, &declared, 3, 2).expect("applies");
    let drifted = |topic: &str, what: &str, declared: &str, actual: &str| Change::Drifted {
        topic: topic.to_owned(),
        what: what.to_owned(),
        declared: declared.to_owned(),
        actual: actual.to_owned(),
    };
    for expected in [
        drifted(service.events, "partitions", "3", "2"),
        drifted(service.events, "replication", "2", "1"),
        drifted(service.events, "retention.ms", "7776000000", "-1"),
        drifted(service.inbox, "partitions", "3", "2"),
    ] {
        assert!(changes.contains(&expected), "{expected} in {changes:?}");
    }
    assert_eq!(
        worker.locate(0).expect("locates").committed,
        Some(7),
        "an offset is never touched"
    );
    assert_eq!(worker.locate(1).expect("locates").committed, Some(0));
}
