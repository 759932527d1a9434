//! An alarm beside a running bank, on a real Kafka: it is raised while nothing happens to the payment, and is over once it goes on.

use futures::executor::block_on;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    producer::Producer,
};
use serde_json::json;
use tributary_checker::watch;
use tributary_contracts::topics::ALL;

use crate::{
    broker::{Broker, Sender, WAIT, send, until},
    log::{Log, NOW, PARTITIONS, ask, ended},
};

struct Written {
    producer: Sender,
    log: Log,
    records: usize,
}

impl Written {
    /// Writes what the log has more by now.
    fn write(&mut self) {
        for (topic, record) in &self.log.records[self.records..] {
            send(&self.producer, topic, record);
        }
        self.records = self.log.records.len();
        self.producer.flush(WAIT).unwrap();
    }
}

/// The bank's topics, with the times that the records bring: the real inboxes stamp them by the broker's clock.
fn create_topics(client: &ClientConfig) {
    let admin: AdminClient<DefaultClientContext> = client.create().unwrap();
    let new = |name| NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1));
    let topics: Vec<_> = ALL.iter().map(|topic| new(topic.name)).collect();
    for created in
        block_on(admin.create_topics(&topics, &AdminOptions::new().operation_timeout(Some(WAIT)))).unwrap()
    {
        created.unwrap();
    }
}

#[test]
fn a_missed_deadline_is_an_alarm_until_the_payment_goes_on() {
    let broker = Broker::start();
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", broker.address());
    create_topics(&client);
    let mut bank = Written {
        producer: client.create::<Sender>().unwrap(),
        log: Log::with_accounts(),
        records: 0,
    };

    // A payment begins, whose steps have 30 s; the ledger answers at once, and payments says nothing any more.
    bank.log.initiate("initiate");
    bank.write();
    let watching = watch(&broker.address()).unwrap();
    until(&watching, |status| status.totals.events > 0 && status.cuts >= 2);
    let alarms_after = |bank: &mut Written| {
        bank.write();
        let cuts = watching.status().cuts;
        // One may have been begun before; the next reads it all, and the third is judged by the time of what was read.
        until(&watching, |status| status.cuts >= cuts + 3);
        watching.status().alarms
    };
    bank.log.wait_until(NOW + 50_000);
    bank.log.reserve();
    assert_eq!(alarms_after(&mut bank), 0, "late, but within the grace");
    bank.log.wait_until(NOW + 100_000);
    bank.log.assess("approve");
    assert_eq!(alarms_after(&mut bank), 1);

    // When it goes on, the alarm is over; and none of this is a violation.
    bank.log.advance(json!({"ended": ended("reserve")}), None);
    let mut settle = ask("settle");
    settle["deadline"] = json!(NOW + 300_000);
    bank.log.advance(
        json!({"ended": ended("fraud"), "asked": [settle]}),
        Some("approve"),
    );
    assert_eq!(alarms_after(&mut bank), 0);
    assert_eq!(watching.status().violations, []);
}
