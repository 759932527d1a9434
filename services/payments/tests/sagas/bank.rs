//! Ledger, payments and fraud service side by side, with the records between them in the test's hands.

use std::collections::{BTreeMap, VecDeque};

use smol_str::SmolStr;
use tributary_accounts::Accounts;
use tributary_contracts::{
    accounts::{AccountsCommand, BlockAccount, BlockScope, GlAccount, OpenAccount, UnblockAccount},
    codec::{self, Message, RawCommand, RawEvent},
    envelope::{Channel, CommandEnvelope, Initiator},
    partition::partition_of,
    payments::{InitiateTransfer, PaymentsCommand, PaymentsEvent, RefundPayment},
    record::{Headers, Outgoing, Record},
    runtime::{CommandRefused, RuntimeEvent},
    sealed::{CIPHER, Sealed},
    topics::{ACCOUNTS_INBOX, FRAUD_INBOX, PAYMENTS_INBOX, Topic},
};
use tributary_fraud::Fraud;
use tributary_ids::{AccountId, CommandId, CustomerId, PaymentId};
use tributary_payments::Payments;
use tributary_payments_domain::Payment;
use tributary_stream::Stepper;

pub(crate) use crate::services::{NOW, PARTITIONS, czk};

pub(crate) fn account(name: &str) -> AccountId {
    AccountId::named(name)
}

/// `ann` pays `bob`: they live in different partitions.
pub(crate) fn payment() -> PaymentId {
    PaymentId::named("payment")
}

pub(crate) fn transfer(amount: &str) -> InitiateTransfer {
    InitiateTransfer {
        payment_id: payment(),
        customer: CustomerId::named("ann"),
        debtor: account("ann"),
        creditor: account("bob"),
        amount: amount.into(),
        currency: czk(),
        booking_date: "2026-11-25".parse().unwrap(),
        remittance: None,
        details: Default::default(),
        occurrence: None,
    }
}

/// As if it were sealed by the key of `name`: what is inside nobody here looks at.
pub(crate) fn sealed(name: &str, character: char) -> Sealed {
    Sealed {
        subject: CustomerId::named(name).0,
        cipher: CIPHER.into(),
        ciphertext: character.to_string().repeat(123),
    }
}

pub(crate) fn refund(name: &str, amount: &str) -> RefundPayment {
    RefundPayment {
        payment_id: payment(),
        refund_id: PaymentId::named(name),
        amount: amount.into(),
        currency: czk(),
        booking_date: "2026-11-25".parse().unwrap(),
        reason: "DUPL".into(),
    }
}

pub(crate) struct Bank {
    accounts: Stepper<Accounts>,
    payments: Stepper<Payments>,
    fraud: Stepper<Fraud>,
    /// What was written to each inbox and not handled yet, in order.
    pub(crate) inboxes: BTreeMap<&'static str, VecDeque<Outgoing>>,
    /// Names of inboxes whose service is away.
    pub(crate) away: Vec<&'static str>,
    /// Every event of the payments service, and refusals as `refused CODE`.
    pub(crate) story: Vec<String>,
    pub(crate) events: Vec<PaymentsEvent>,
    /// Every record of `payments.events`.
    pub(crate) written: Vec<Outgoing>,
    commands: u32,
}

impl Bank {
    /// Ann has 20,000.00, Bob nothing.
    pub(crate) fn open() -> Self {
        let mut bank = Self {
            accounts: Stepper::new(PARTITIONS, NOW),
            payments: Stepper::new(PARTITIONS, NOW),
            fraud: Stepper::new(PARTITIONS, NOW),
            inboxes: BTreeMap::new(),
            away: Vec::new(),
            story: Vec::new(),
            events: Vec::new(),
            written: Vec::new(),
            commands: 0,
        };
        for (name, balance) in [("ann", "20000.00"), ("bob", "0")] {
            bank.ledger(OpenAccount {
                account_id: account(name),
                owner: CustomerId::named(name),
                product: "current".into(),
                currency: czk(),
                overdraft_limit: "0".into(),
                booking_date: "2026-11-25".parse().unwrap(),
                opening_balance: balance.into(),
            });
        }
        bank.settle();
        bank
    }

    pub(crate) fn ledger(&mut self, command: impl Into<AccountsCommand>) {
        let command = command.into();
        let id = self.next_id();
        self.put(command_record(id, ACCOUNTS_INBOX, command.key(), &command));
    }

    pub(crate) fn block(&mut self, name: &str) {
        self.ledger(BlockAccount {
            account_id: account(name),
            scope: BlockScope::All,
            reason: "customer-request".into(),
        });
        self.settle();
    }

    pub(crate) fn unblock(&mut self, name: &str) {
        let account_id = account(name);
        self.ledger(UnblockAccount { account_id });
        self.settle();
    }

    pub(crate) fn pay(&mut self, command: impl Into<PaymentsCommand>) {
        let command = command.into();
        let id = self.next_id();
        self.put(command_record(id, PAYMENTS_INBOX, command.key(), &command));
    }

    fn next_id(&mut self) -> CommandId {
        self.commands += 1;
        CommandId::named(&format!("test/{}", self.commands))
    }

    pub(crate) fn put(&mut self, record: Outgoing) {
        if record.topic.ends_with(".inbox") {
            self.inboxes.entry(record.topic).or_default().push_back(record);
        } else if record.topic == "payments.events" {
            self.written.push(record.clone());
            self.tell(record);
        }
    }

    fn tell(&mut self, record: Outgoing) {
        let record = read(record);
        let raw = RawEvent::read(&record).unwrap();
        let data = raw.envelope.data.get();
        match RuntimeEvent::decode(raw.ce_type, data) {
            Ok(RuntimeEvent::CommandRefused(CommandRefused { code, .. })) => {
                self.story.push(format!("refused {code}"));
            }
            Ok(event) => self.story.push(event.ce_type().to_owned()),
            Err(_) => {
                let event = PaymentsEvent::decode(raw.ce_type, data).unwrap();
                let name = raw
                    .ce_type
                    .trim_start_matches("payments.")
                    .trim_end_matches(".v1");
                self.story.push(name.to_owned());
                self.events.push(event);
            }
        }
    }

    /// Handles the next record of one inbox. Whether there was one.
    pub(crate) fn step(&mut self, topic: &'static str) -> bool {
        if self.away.contains(&topic) {
            return false;
        }
        let Some(record) = self.inboxes.get_mut(topic).and_then(VecDeque::pop_front) else {
            return false;
        };
        self.handle(record);
        true
    }

    pub(crate) fn handle(&mut self, record: Outgoing) {
        let written = match record.topic {
            "accounts.inbox" => self.accounts.feed(record),
            "payments.inbox" => self.payments.feed(record),
            _ => self.fraud.feed(record),
        };
        for record in written.unwrap() {
            self.put(record);
        }
    }

    /// Lets everything that can happen now happen.
    pub(crate) fn settle(&mut self) {
        while [ACCOUNTS_INBOX, FRAUD_INBOX, PAYMENTS_INBOX]
            .map(|topic| self.step(topic.name))
            .contains(&true)
        {}
    }

    /// Lets time pass, and what then is due happen.
    pub(crate) fn advance(&mut self, ms: i64) {
        let due = [
            self.accounts.advance(ms),
            self.payments.advance(ms),
            self.fraud.advance(ms),
        ];
        for record in due.into_iter().flatten() {
            self.put(record);
        }
        self.settle();
    }

    /// Posted balance and what is reserved of it, in minor units.
    pub(crate) fn balance(&self, name: &str) -> (i64, i64) {
        let found = self
            .accounts
            .states()
            .find_map(|books| books.account(account(name)).copied());
        let account = found.unwrap();
        (account.posted, account.pending_out)
    }

    pub(crate) fn payment(&self, id: PaymentId) -> Option<&Payment> {
        self.payments.states().find_map(|book| book.payment(id))
    }

    /// What lies on a general ledger account, minor units.
    pub(crate) fn general(&self, account: GlAccount) -> i128 {
        let all = self.accounts.states().flat_map(|books| books.gl_balances());
        all.filter(|(of, _, _)| *of == account)
            .map(|(_, _, balance)| balance)
            .sum()
    }

    /// That nothing is under way, reserved or in transit, and no money appeared or went.
    pub(crate) fn at_rest(&self) {
        assert_eq!(self.general(GlAccount::IN_TRANSIT), 0);
        let (ann, bob) = (self.balance("ann"), self.balance("bob"));
        assert_eq!((ann.1, bob.1), (0, 0), "something is reserved");
        let suspense = self.general(GlAccount::SUSPENSE);
        assert_eq!(i128::from(ann.0 + bob.0) + suspense, 2_000_000);
        let terminal = |event: &&PaymentsEvent| {
            matches!(
                event,
                PaymentsEvent::PaymentCompleted(_)
                    | PaymentsEvent::PaymentRejected(_)
                    | PaymentsEvent::PaymentReturned(_)
            )
        };
        let mut ended: Vec<PaymentId> = self
            .events
            .iter()
            .filter(terminal)
            .filter_map(PaymentsEvent::payment)
            .collect();
        ended.sort_unstable();
        let begun = |event: &&PaymentsEvent| matches!(event, PaymentsEvent::PaymentInitiated(_));
        let mut begun: Vec<PaymentId> = self
            .events
            .iter()
            .filter(begun)
            .filter_map(PaymentsEvent::payment)
            .collect();
        begun.sort_unstable();
        assert_eq!(ended, begun, "each payment ends once");
    }
}

pub(crate) fn command_record(id: CommandId, topic: Topic, key: String, command: &impl Message) -> Outgoing {
    let envelope = CommandEnvelope {
        id,
        correlation_id: id.0,
        causation_id: None,
        reply_to: None,
        not_after: Some(NOW + 600_000),
        initiator: Initiator {
            actor: "customer".into(),
            on_behalf_of: None,
            channel: Channel::Online,
            branch: None,
        },
        data: command,
    };
    Outgoing {
        topic: topic.name,
        partition: partition_of(key.as_bytes(), PARTITIONS).unwrap(),
        key: key.into_bytes(),
        headers: codec::headers(&id, "test", command.ce_type(), None),
        value: codec::encode(&envelope),
    }
}

fn read(record: Outgoing) -> Record {
    Record {
        partition: record.partition,
        offset: 0,
        timestamp_ms: NOW,
        key: record.key,
        headers: record.headers,
        value: record.value,
    }
}

/// The type of the command in a record.
pub(crate) fn command_type(record: &Outgoing) -> SmolStr {
    SmolStr::new(record.headers.text(codec::CE_TYPE).unwrap())
}

/// The same record, with data of another type: what a sender with a bug would write.
pub(crate) fn spoilt(record: &Outgoing) -> Outgoing {
    let original = read(record.clone());
    let raw = RawCommand::read(&original).unwrap();
    let mut headers = Headers::default();
    for (name, value) in record.headers.iter() {
        let value = if name == codec::CE_TYPE {
            b"accounts.never.v1"
        } else {
            value
        };
        headers.push(name, value);
    }
    let envelope = CommandEnvelope {
        id: raw.envelope.id,
        correlation_id: raw.envelope.correlation_id,
        causation_id: None,
        reply_to: raw.envelope.reply_to.clone(),
        not_after: None,
        initiator: raw.envelope.initiator.clone(),
        data: serde_json::json!({}),
    };
    Outgoing {
        headers,
        value: codec::encode(&envelope),
        ..record.clone()
    }
}
