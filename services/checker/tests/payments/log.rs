//! What an honest bank writes for one payment of 100.00 and its refund request, written by hand: it knows nothing of the
//! real services.

use std::ops::Range;

use serde::Serialize;
use serde_json::{Value, json};
use tributary_checker::{BankCheck, BankCut, Findings};
use tributary_contracts::{
    codec,
    envelope::{EventEnvelope, Position},
    partition::partition_of,
    record::Record,
    topics,
};
use tributary_ids::{AccountId, CommandId, CustomerId, HoldId, PaymentId};

pub(crate) const PARTITIONS: i32 = 1;
pub(crate) const NOW: i64 = 1_000_000;

/// A record of an inbox that was written and is to be answered.
#[derive(Clone)]
pub(crate) struct Asked {
    service: &'static str,
    id: CommandId,
    key: String,
    offset: i64,
}

#[derive(Clone, Default)]
pub(crate) struct Log {
    /// Topic and record, in the order in which they were written.
    pub(crate) records: Vec<(&'static str, Record)>,
    /// Up to there the ledger's events were passed on to the laundering service; nowhere, where it isn't part of the log.
    pub(crate) fed: Option<i64>,
    now: i64,
}

pub(crate) fn payment() -> PaymentId {
    PaymentId::named("payment")
}

fn ann() -> AccountId {
    AccountId::named("ann")
}

fn bob() -> AccountId {
    AccountId::named("bob")
}

pub(crate) fn hold() -> HoldId {
    HoldId::named("hold")
}

pub(crate) fn ask(step: &str) -> Value {
    json!({"step": step, "deadline": NOW + 30_000})
}

pub(crate) fn ended(step: &str) -> Value {
    json!({"step": step, "verdict": "done"})
}

impl Log {
    fn topic(service: &str, kind: &str) -> &'static str {
        topics::find(&format!("{service}.{kind}")).unwrap().name
    }

    fn next(&self, topic: &str) -> i64 {
        self.records.iter().filter(|(of, _)| *of == topic).count() as i64
    }

    fn write(
        &mut self,
        topic: &'static str,
        key: &str,
        ce_type: &str,
        id: &str,
        value: &impl Serialize,
    ) -> i64 {
        let offset = self.next(topic);
        let record = Record {
            partition: partition_of(key.as_bytes(), PARTITIONS).unwrap(),
            offset,
            timestamp_ms: NOW + self.now,
            key: key.as_bytes().to_vec(),
            headers: codec::headers(&id, "test", ce_type, None),
            value: codec::encode(value),
        };
        self.records.push((topic, record));
        offset
    }

    /// Writes a command, or an answer.
    pub(crate) fn ask(
        &mut self,
        service: &'static str,
        name: &str,
        key: &str,
        ce_type: &str,
        data: Value,
    ) -> Asked {
        self.now += 1;
        let id = CommandId::named(name);
        let envelope = json!({
            "id": id, "correlation_id": id, "initiator": {"actor": "test", "channel": "online"}, "data": data,
        });
        let topic = Self::topic(service, "inbox");
        let offset = self.write(topic, key, ce_type, &id.to_string(), &envelope);
        let key = key.to_owned();
        Asked {
            service,
            id,
            key,
            offset,
        }
    }

    /// Lets time pass, in milliseconds since the epoch.
    pub(crate) fn wait_until(&mut self, time: i64) {
        self.now = self.now.max(time - NOW);
    }

    /// Answers it by one event; its place in the log.
    pub(crate) fn tell(&mut self, asked: &Asked, ce_type: &str, data: Value) -> usize {
        let envelope = EventEnvelope {
            command_id: asked.id,
            index: 0,
            of: 1,
            correlation_id: asked.id.0,
            time: NOW + self.now,
            origin: Position {
                topic: Self::topic(asked.service, "inbox").into(),
                partition: 0,
                offset: asked.offset,
            },
            remembered: None,
            initiator: None,
            data,
        };
        let id = envelope.id().to_string();
        self.write(
            Self::topic(asked.service, "events"),
            &asked.key,
            ce_type,
            &id,
            &envelope,
        );
        self.records.len() - 1
    }

    fn ledger(&mut self, account: AccountId, command: (&str, Value), event: (&str, Value)) -> usize {
        let name = format!("ledger/{}", self.records.len());
        let asked = self.ask("accounts", &name, &account.to_string(), command.0, command.1);
        self.tell(&asked, event.0, event.1)
    }

    fn open(&mut self, account: AccountId) {
        let terms = json!({
            "account_id": account, "owner": CustomerId::named("ann"), "product": "current", "currency": "CZK",
            "overdraft_limit": "1000", "booking_date": "2026-11-25",
        });
        let mut opened = terms.clone();
        opened["seq"] = json!(1);
        opened["overdraft_limit"] = json!(100_000);
        self.ledger(
            account,
            ("accounts.open-account.v1", terms),
            ("accounts.account-opened.v1", opened),
        );
    }

    /// An answer from another service comes to the payment, and the payment goes on. Place of the event.
    pub(crate) fn go_on(&mut self, by: &str, ce_type: &str, data: Value) -> usize {
        let answer = json!({"command_id": CommandId::named(by), "outcome": "accepted", "events": 1});
        let name = format!("answer/{by}/{}", self.records.len());
        let key = payment().to_string();
        let asked = self.ask("payments", &name, &key, "tributary.answer.v1", answer);
        self.tell(&asked, ce_type, data)
    }

    pub(crate) fn command(&mut self, name: &str, command: (&str, Value), event: (&str, Value)) -> usize {
        let key = payment().to_string();
        let asked = self.ask("payments", name, &key, command.0, command.1);
        self.tell(&asked, event.0, event.1)
    }

    pub(crate) fn refund(&mut self, name: &str, amount: i64, refundable: i64) -> usize {
        let refund_id = PaymentId::named(name);
        self.command(
            name,
            (
                "payments.refund-payment.v1",
                json!({
                    "payment_id": payment(), "refund_id": refund_id, "amount": amount.to_string(),
                    "currency": "CZK", "booking_date": "2026-11-25", "reason": "DUPL",
                }),
            ),
            (
                "payments.refund-claimed.v1",
                json!({
                    "payment_id": payment(), "refund_id": refund_id, "amount": amount * 100,
                    "refundable": refundable,
                }),
            ),
        )
    }

    pub(crate) fn reserve(&mut self) -> usize {
        let hold = json!({
            "account_id": ann(), "hold_id": hold(), "direction": "out", "amount": "100", "currency": "CZK",
        });
        let mut placed = hold.clone();
        placed["seq"] = json!(2);
        placed["amount"] = json!(10_000);
        self.ledger(
            ann(),
            ("accounts.reserve.v1", hold),
            ("accounts.hold-placed.v1", placed),
        )
    }

    pub(crate) fn transfer_out(&mut self) -> usize {
        let command = json!({
            "account_id": ann(), "payment_id": payment(), "creditor": bob(), "amount": "100", "currency": "CZK",
            "hold_id": hold(), "booking_date": "2026-11-25",
        });
        let event = json!({
            "account_id": ann(), "seq": 3, "kind": "transfer-out", "currency": "CZK",
            "legs": [
                {"account": ann().to_string(), "side": "debit", "amount": 10_000},
                {"account": "2100", "side": "credit", "amount": 10_000},
            ],
            "booking_date": "2026-11-25", "value_date": "2026-11-25", "balance_after": -10_000,
            "payment_id": payment(), "counterparty": bob(),
            "hold": {"hold_id": hold(), "settled": 10_000, "released": 0, "open": 0},
        });
        self.ledger(
            ann(),
            ("accounts.transfer-out.v1", command),
            ("accounts.entry-posted.v1", event),
        )
    }

    pub(crate) fn transfer_in(&mut self) -> usize {
        let command = json!({
            "account_id": bob(), "payment_id": payment(), "debtor": ann(), "amount": "100", "currency": "CZK",
            "booking_date": "2026-11-25",
        });
        let event = json!({
            "account_id": bob(), "seq": 2, "kind": "transfer-in", "currency": "CZK",
            "legs": [
                {"account": bob().to_string(), "side": "credit", "amount": 10_000},
                {"account": "2100", "side": "debit", "amount": 10_000},
            ],
            "booking_date": "2026-11-25", "value_date": "2026-11-25", "balance_after": 10_000,
            "payment_id": payment(), "counterparty": ann(),
        });
        self.ledger(
            bob(),
            ("accounts.transfer-in.v1", command),
            ("accounts.entry-posted.v1", event),
        )
    }

    pub(crate) fn initiate(&mut self, name: &str) -> usize {
        let terms = json!({
            "payment_id": payment(), "customer": CustomerId::named("ann"), "debtor": ann(), "creditor": bob(),
            "amount": "100", "currency": "CZK", "booking_date": "2026-11-25",
        });
        let mut event = terms.clone();
        event["kind"] = json!("internal-transfer");
        event["amount"] = json!(10_000);
        event["hold_id"] = json!(hold());
        event["hold_expires_at"] = json!(NOW + 90_000_000);
        event["progress"] = json!({"asked": [ask("reserve"), ask("fraud")]});
        self.command(
            name,
            ("payments.initiate-transfer.v1", terms),
            ("payments.payment-initiated.v1", event),
        )
    }

    pub(crate) fn assess(&mut self, decision: &str) -> usize {
        let command = json!({
            "payment_id": payment(), "customer": CustomerId::named("ann"), "debtor": ann(), "creditor": bob(),
            "amount": "100", "currency": "CZK", "initiated_at": NOW,
        });
        let event = json!({
            "payment_id": payment(), "customer": CustomerId::named("ann"), "amount": 10_000, "currency": "CZK",
            "initiated_at": NOW, "decision": {"decision": decision, "rules": "test"},
        });
        let key = CustomerId::named("ann").to_string();
        let name = format!("assess/{}", self.records.len());
        let asked = self.ask("fraud", &name, &key, "fraud.assess-payment.v1", command);
        self.tell(&asked, "fraud.payment-assessed.v1", event)
    }

    pub(crate) fn advance(&mut self, progress: Value, fraud: Option<&str>) -> usize {
        let mut event = json!({"payment_id": payment(), "progress": progress});
        if let Some(decision) = fraud {
            event["fraud"] = json!({"decision": decision, "rules": "test"});
        }
        self.go_on("step", "payments.payment-advanced.v1", event)
    }

    pub(crate) fn complete(&mut self) -> usize {
        let progress = json!({"ended": ended("settle"), "turned": {"way": "ended"}});
        let event = json!({"payment_id": payment(), "progress": progress});
        self.go_on("settle", "payments.payment-completed.v1", event)
    }

    pub(crate) fn with_accounts() -> Self {
        let mut log = Self::default();
        log.open(ann());
        log.open(bob());
        log
    }

    /// Up to where the ledger is asked for the money.
    pub(crate) fn approved() -> Self {
        let mut log = Self::with_accounts();
        log.initiate("initiate");
        log.reserve();
        log.assess("approve");
        log.advance(json!({"ended": ended("reserve")}), None);
        log.advance(
            json!({"ended": ended("fraud"), "asked": [ask("settle")]}),
            Some("approve"),
        );
        log
    }

    pub(crate) fn completed() -> Self {
        let mut log = Self::approved();
        log.transfer_out();
        log.transfer_in();
        log.complete();
        log
    }

    /// Changes a record's data in place.
    pub(crate) fn edit(&mut self, place: usize, change: impl FnOnce(&mut Value)) {
        let record = &mut self.records[place].1;
        let mut value: Value = serde_json::from_slice(&record.value).unwrap();
        change(&mut value["data"]);
        record.value = serde_json::to_vec(&value).unwrap();
    }

    pub(crate) fn check(&self, quiescent: bool, expired_before: Option<i64>) -> Findings {
        let mut check = BankCheck::new(PARTITIONS);
        self.read(&mut check, 0..self.records.len(), |_| true);
        check.finish(&self.cut(quiescent, expired_before));
        check.findings().clone()
    }

    /// Lets the checker read those records whose topics are wanted.
    pub(crate) fn read(&self, check: &mut BankCheck, places: Range<usize>, wanted: impl Fn(&str) -> bool) {
        for (topic, record) in self.records[places].iter().filter(|(topic, _)| wanted(topic)) {
            check.observe(topic, record);
            check.read_to(topic, 0, record.offset + 1);
        }
    }

    pub(crate) fn cut(&self, quiescent: bool, expired_before: Option<i64>) -> BankCut {
        let committed = |service: &'static str| {
            let end = self.next(Self::topic(service, "inbox"));
            (service, [(0, end)].into())
        };
        BankCut {
            committed: ["accounts", "payments", "fraud", "fraud-payees"]
                .map(committed)
                .into(),
            fed: self.fed.map(|fed| (0, fed)).into_iter().collect(),
            quiescent,
            expired_before,
            dead_letters_whole: true,
        }
    }
}
