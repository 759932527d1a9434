//! Both hops on one broker, with the clients in the test's hands.

use std::sync::Arc;

use tributary_contracts::{
    codec::{Message, read_event},
    fraud::{
        ActivateModel, ActivateRules, AddChallenger, ApproveVersion, AssessPayment, FraudCommand, FraudEvent,
        PayeesCommand, PayeesEvent, PaymentDecided, ProposeVersion, Version, VersionKind,
    },
    record::Record,
    runtime::RuntimeEvent,
    topics::{self, FRAUD_EVENTS, FRAUD_INBOX, FRAUD_PAYEES_EVENTS, FRAUD_PAYEES_INBOX},
};
use tributary_fraud::{Fraud, FraudPayees, RuleSet};
use tributary_fraud_domain::Model;
use tributary_ids::{AccountId, CustomerId, PaymentId, ProposalId};
use tributary_stream::{
    StreamEvent, TestDriver, memory::MemoryBroker, snapshot::NoSnapshots, test_driver::command,
};
use tributary_testkit::model_by_amount;

pub(crate) const PARTITIONS: i32 = 2;
/// Friday 2027-01-15, 8:00 UTC.
pub(crate) const NOW: i64 = 1_800_000_000_000;

pub(crate) struct TwoHops {
    pub(crate) broker: MemoryBroker,
    pub(crate) customers: TestDriver<Fraud>,
    pub(crate) payees: TestDriver<FraudPayees>,
    commands: u32,
}

/// Ann pays the shop in crowns, now.
pub(crate) fn payment(name: &str, amount: &str) -> AssessPayment {
    AssessPayment {
        payment_id: PaymentId::named(name),
        customer: CustomerId::named("ann"),
        debtor: AccountId::named("ann"),
        creditor: AccountId::named("shop"),
        amount: amount.into(),
        currency: "CZK".parse().unwrap(),
        initiated_at: NOW,
        utc_offset_s: 3_600,
    }
}

/// A model whose score rises with the amount: 1/2 at 1,000.
pub(crate) fn artefact(name: &str) -> String {
    artefact_at(name, 1_000.0)
}

/// The same with 1/2 at another amount.
pub(crate) fn artefact_at(name: &str, mean: f64) -> String {
    String::from_utf8(model_by_amount(name, mean, 1_000.0)).unwrap()
}

pub(crate) fn version_of_model(artefact: &str) -> Version {
    let model = Model::load(artefact.as_bytes()).unwrap();
    Version {
        name: model.about().name.as_str().into(),
        hash: model.hash().into(),
    }
}

pub(crate) fn propose(
    proposal_id: ProposalId,
    kind: VersionKind,
    version: &Version,
    by: &str,
) -> ProposeVersion {
    ProposeVersion {
        proposal_id,
        kind,
        version: version.clone(),
        by: by.into(),
    }
}

impl TwoHops {
    pub(crate) fn open() -> Self {
        let broker = MemoryBroker::new(topics::ALL, PARTITIONS);
        broker.set_time(NOW);
        Self {
            customers: TestDriver::on(&broker, PARTITIONS, Arc::new(NoSnapshots)).unwrap(),
            payees: TestDriver::on(&broker, PARTITIONS, Arc::new(NoSnapshots)).unwrap(),
            broker,
            commands: 0,
        }
    }

    fn put(&mut self, topic: topics::Topic, key: String, message: &impl Message) {
        self.commands += 1;
        let name = format!("command/{}", self.commands);
        let not_after = Some(self.broker.time() + 60_000);
        let record = command(topic, PARTITIONS, &name, key, not_after, message);
        self.broker.append(record).unwrap();
    }

    /// Writes a command to the first hop; nobody handles it yet.
    pub(crate) fn write(&mut self, of: impl Into<FraudCommand>) {
        let of = of.into();
        self.put(FRAUD_INBOX, of.key(), &of);
    }

    /// The same to the second hop.
    pub(crate) fn write_to_payees(&mut self, of: impl Into<PayeesCommand>) {
        let of = of.into();
        self.put(FRAUD_PAYEES_INBOX, of.key(), &of);
    }

    pub(crate) fn settle(&mut self) {
        self.customers.run().unwrap();
        self.payees.run().unwrap();
    }

    /// Lets a payment be decided on.
    pub(crate) fn assess(&mut self, of: AssessPayment) -> PaymentDecided {
        let (id, key) = (of.payment_id, of.creditor.to_string());
        self.write(of);
        self.settle();
        let of_payee = records(&self.broker, FRAUD_PAYEES_EVENTS)
            .into_iter()
            .rfind(|record| record.key == key.as_bytes());
        let event = of_payee.map(|record| read_event::<StreamEvent<PayeesEvent>>(&record).unwrap().data);
        match event {
            Some(StreamEvent::Service(PayeesEvent::PaymentDecided(decided))) if decided.payment_id == id => {
                decided
            }
            other => panic!("not decided, but {other:?}, {:?}", self.refused()),
        }
    }

    /// The decision on the payment that was decided last.
    pub(crate) fn last_decided(&self, id: PaymentId) -> Option<PaymentDecided> {
        (0..PARTITIONS).find_map(|partition| {
            let records = self
                .broker
                .read_committed(FRAUD_PAYEES_EVENTS.name, partition)
                .unwrap();
            match read_event::<StreamEvent<PayeesEvent>>(records.last()?)
                .unwrap()
                .data
            {
                StreamEvent::Service(PayeesEvent::PaymentDecided(decided)) if decided.payment_id == id => {
                    Some(decided)
                }
                _ => None,
            }
        })
    }

    pub(crate) fn decided(&self, id: PaymentId) -> Option<PaymentDecided> {
        let mut decided = self.payees_events().into_iter().filter_map(|event| match event {
            PayeesEvent::PaymentDecided(decided) if decided.payment_id == id => Some(decided),
            _ => None,
        });
        let first = decided.next();
        assert_eq!(decided.next(), None, "decided twice");
        first
    }

    /// The second hop knows the model.
    pub(crate) fn make_model_known(&mut self, artefact: &str) -> Version {
        for partition in 0..PARTITIONS {
            let artefact = artefact.to_owned();
            self.write_to_payees(ActivateModel { partition, artefact });
        }
        self.settle();
        version_of_model(artefact)
    }

    /// Two people agree that it decides.
    pub(crate) fn agree(&mut self, kind: VersionKind, version: &Version) {
        let proposal_id = ProposalId::named(&format!("{}/{}", version.hash, self.commands));
        self.write(propose(proposal_id, kind, version, "alice"));
        self.write(ApproveVersion {
            proposal_id,
            hash: version.hash.clone(),
            by: "bob".into(),
        });
        self.settle();
    }

    /// Both hops know the model, and it scores from now on.
    pub(crate) fn activate_model(&mut self, artefact: &str) {
        let version = self.make_model_known(artefact);
        self.agree(VersionKind::Model, &version);
    }

    /// The same of rules.
    pub(crate) fn activate_rules(&mut self, rules: &str) {
        for partition in 0..PARTITIONS {
            let rules = rules.to_owned();
            self.write_to_payees(ActivateRules { partition, rules });
        }
        self.settle();
        let version = RuleSet::load(rules).unwrap().version().clone();
        self.agree(VersionKind::Rules, &version);
    }

    /// Both hops know the model, and it scores beside the champion.
    pub(crate) fn challenge(&mut self, artefact: &str) {
        let version = self.make_model_known(artefact);
        let by = "carol".into();
        self.write(AddChallenger { version, by });
        self.settle();
    }

    pub(crate) fn customers_events(&self) -> Vec<FraudEvent> {
        of_service(&self.broker, FRAUD_EVENTS)
    }

    pub(crate) fn payees_events(&self) -> Vec<PayeesEvent> {
        of_service(&self.broker, FRAUD_PAYEES_EVENTS)
    }

    /// Codes of what either hop has refused or put aside, in order.
    pub(crate) fn refused(&self) -> Vec<String> {
        let code = |event: RuntimeEvent| match event {
            RuntimeEvent::CommandRefused(refused) => Some(refused.code),
            RuntimeEvent::DeadLettered(dead) => Some(dead.code),
            _ => None,
        };
        let runtime = |record: &Record| match read_event::<StreamEvent<FraudEvent>>(record).ok()?.data {
            StreamEvent::Runtime(event) => code(event),
            StreamEvent::Service(_) => None,
        };
        let read = |topic: topics::Topic| records(&self.broker, topic);
        let both = [FRAUD_EVENTS, FRAUD_PAYEES_EVENTS].map(read).concat();
        both.iter().filter_map(runtime).collect()
    }
}

pub(crate) fn records(broker: &MemoryBroker, topic: topics::Topic) -> Vec<Record> {
    (0..PARTITIONS)
        .flat_map(|partition| broker.read_committed(topic.name, partition).unwrap())
        .collect()
}

fn of_service<E: Message>(broker: &MemoryBroker, topic: topics::Topic) -> Vec<E> {
    records(broker, topic)
        .iter()
        .filter_map(
            |record| match read_event::<StreamEvent<E>>(record).unwrap().data {
                StreamEvent::Service(event) => Some(event),
                StreamEvent::Runtime(_) => None,
            },
        )
        .collect()
}
