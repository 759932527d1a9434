use tributary_contracts::record::{Headers, Outgoing};
use tributary_contracts::topics::{ALL, LOCAL_PARTITIONS};

use super::MemoryBroker;

fn outgoing(topic: &'static str, value: &str) -> Outgoing {
    Outgoing {
        topic,
        partition: 0,
        key: b"key".to_vec(),
        headers: Headers::default(),
        value: value.as_bytes().to_vec(),
    }
}

#[test]
fn an_inbox_takes_append_time() {
    let broker = MemoryBroker::new(ALL, LOCAL_PARTITIONS);
    broker.set_time(1_000);
    broker.append(outgoing("accounts.inbox", "a")).unwrap();
    let records = broker.read_committed("accounts.inbox", 0).unwrap();
    assert_eq!(records[0].timestamp_ms, 1_000);
}
