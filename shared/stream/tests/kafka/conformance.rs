//! The log on Kafka does what every log has to do.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use tributary_contracts::record::{Outgoing, Record};
use tributary_stream::conformance::{Harness, PARTITIONS};
use tributary_stream::driver::wall_clock_ms;
use tributary_stream::kafka::{CommandProducer, Delivered, KafkaLog, KafkaSettings};
use tributary_stream::log::Log;

use crate::broker::{Service, Transactor, delete_before, unique};

struct OnKafka {
    service: Service,
    commands: CommandProducer,
    delivered: Receiver<Delivered>,
    opened: Vec<Transactor>,
}

impl OnKafka {
    fn start(case: &str) -> Self {
        let service = Service::new(case, PARTITIONS);
        let (sender, delivered) = channel();
        let sender = Mutex::new(sender);
        let commands = CommandProducer::connect(&service.brokers, Duration::ZERO, 1, move |delivery| {
            let _nobody_waits_any_more = sender.lock().expect("never panics").send(delivery);
        });
        Self {
            service,
            commands: commands.expect("a producer"),
            delivered,
            opened: Vec::new(),
        }
    }

    fn connect(settings: KafkaSettings) -> Box<dyn Log> {
        Box::new(KafkaLog::connect(settings).expect("connects"))
    }

    fn begin(&self, transactor: Transactor, records: &[Outgoing], next_inputs: &[(i32, i64)]) -> Transactor {
        transactor.open(records);
        for &(partition, next) in next_inputs {
            transactor.send_offset(&self.service, partition, next);
        }
        transactor
    }
}

impl Harness for OnKafka {
    fn inbox(&self) -> &'static str {
        self.service.inbox
    }

    fn events(&self) -> &'static str {
        self.service.events
    }

    fn log(&mut self, instance: &str) -> Box<dyn Log> {
        Self::connect(self.service.settings(instance))
    }

    fn log_of_new_group(&mut self, instance: &str) -> Box<dyn Log> {
        Self::connect(KafkaSettings {
            service: unique("newcomer"),
            ..self.service.settings(instance)
        })
    }

    fn append(&mut self, record: Outgoing) -> i64 {
        self.commands.send(&record, 0).expect("sends");
        let delivery = self
            .delivered
            .recv_timeout(Duration::from_secs(30))
            .expect("is told");
        delivery.result.expect("is delivered").1
    }

    fn open(&mut self, records: Vec<Outgoing>, next_inputs: &[(i32, i64)]) -> usize {
        let transactor = Transactor::new(&self.service.brokers);
        let transactor = self.begin(transactor, &records, next_inputs);
        self.opened.push(transactor);
        self.opened.len() - 1
    }

    fn leave_open(&mut self, instance: &str, records: Vec<Outgoing>, next_inputs: &[(i32, i64)]) {
        let member = self.service.settings(instance).member();
        let transactor = Transactor::named(&self.service.brokers, &member);
        self.begin(transactor, &records, next_inputs);
    }

    fn end(&mut self, opened: usize, commit: bool) {
        let transactor = &self.opened[opened];
        if commit {
            transactor.finish();
        } else {
            transactor.abort();
        }
    }

    fn committed(&mut self, topic: &'static str, partition: i32) -> Vec<Record> {
        let mut records = self.service.committed(topic);
        records.retain(|record| record.partition == partition);
        records
    }

    fn truncate_before(&mut self, topic: &'static str, partition: i32, offset: i64) {
        assert_eq!(partition, 0, "only that one can be cut");
        delete_before(&self.service.brokers, topic, offset);
    }

    fn pass(&mut self, ms: u64) {
        thread::sleep(Duration::from_millis(ms));
    }

    fn time_ms(&self) -> i64 {
        wall_clock_ms()
    }
}

tributary_stream::conformance_tests!(OnKafka::start);
