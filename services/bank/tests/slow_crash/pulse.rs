//! Commands straight to the inbox of every service, so that each always has something to do: then a service that shows no
//! event stands still, whoever else is away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tributary_contracts::{
    accounts::{AccountsCommand, Release},
    fraud::{AssessPayment, FraudCommand, PayeesCommand, RetractFraud},
    payments::{PaymentsCommand, ResumePayment},
    topics::{ACCOUNTS_INBOX, FRAUD_INBOX, FRAUD_PAYEES_INBOX, PAYMENTS_INBOX},
};
use tributary_ids::{AccountId, CommandId, CustomerId, HoldId, PaymentId};
use tributary_stream::{driver::wall_clock_ms, kafka::CommandProducer};

use crate::load::record;

/// Between two commands to the same service: a partition gets some fifty a second, a commit takes about as long.
const PAUSE: Duration = Duration::from_millis(10);
const IN_FLIGHT_MAX: usize = 20_000;

pub(crate) struct Pulse {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pulse {
    pub(crate) fn start(brokers: &str) -> Self {
        let producer = CommandProducer::connect(brokers, Duration::ZERO, IN_FLIGHT_MAX, |_| {}).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            for number in 0_u64.. {
                if asked.load(Ordering::Relaxed) {
                    break;
                }
                beat(&producer, number);
                thread::sleep(PAUSE);
            }
            // What is not delivered was lost with a broker, and nobody asks for it.
            drop(producer.flush());
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// To the ledger, the payments service and the second hop of fraud what they refuse, and to the first what it decides for nobody.
fn beat(producer: &CommandProducer, number: u64) {
    let name = format!("pulse/{number}");
    let id = CommandId::named(&name);
    let release = AccountsCommand::from(Release {
        account_id: AccountId::named(&name),
        hold_id: HoldId::named(&name),
    });
    let resume = PaymentsCommand::from(ResumePayment {
        payment_id: PaymentId::named(&name),
    });
    let assess = FraudCommand::from(AssessPayment {
        payment_id: PaymentId::named(&name),
        customer: CustomerId::named(&name),
        debtor: AccountId::named(&name),
        creditor: AccountId::named("pulse"),
        amount: "1".into(),
        currency: "CZK".parse().unwrap(),
        initiated_at: wall_clock_ms(),
        utc_offset_s: 0,
    });
    let retract = PayeesCommand::from(RetractFraud {
        payment_id: PaymentId::named(&name),
        creditor: AccountId::named(&name),
    });
    for record in [
        record(ACCOUNTS_INBOX, id, release.key(), &release),
        record(PAYMENTS_INBOX, id, resume.key(), &resume),
        record(FRAUD_INBOX, id, assess.key(), &assess),
        record(FRAUD_PAYEES_INBOX, id, retract.key(), &retract),
    ] {
        // While the broker is away for longer than there is room, beats are left out.
        drop(producer.send(&record, 0));
    }
}
