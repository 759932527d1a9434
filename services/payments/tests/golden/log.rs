use std::path::Path;

use tributary_contracts::{
    accounts::{BlockAccount, BlockScope, Details, UnblockAccount},
    payments::{
        AmendStandingOrder, CancelPayment, CancelStandingOrder, CreateStandingOrder, Frequency,
        InitiateTransfer, RefundPayment, ResumePayment, ReviewDecision, ReviewPayment, SchedulePayment,
        Until,
    },
    sealed::{CIPHER, Sealed},
    topics::PAYMENTS_EVENTS,
};
use tributary_ids::{AccountId, CustomerId, PaymentId, StandingOrderId};
use tributary_payments::Payments;
use tributary_stream::{
    PartitionState,
    golden::{self, digests, fold},
    snapshot,
};

use crate::services::{PARTITIONS, Services, czk};

impl Services {
    fn open() -> Self {
        Self::with("golden", [("ann", "50000.00"), ("bob", "0")])
    }

    fn block(&mut self, name: &str) {
        self.ledger(BlockAccount {
            account_id: AccountId::named(name),
            scope: BlockScope::All,
            reason: "customer-request".into(),
        });
    }

    fn unblock(&mut self, name: &str) {
        let account_id = AccountId::named(name);
        self.ledger(UnblockAccount { account_id });
    }
}

fn transfer(payment: &str, amount: &str) -> InitiateTransfer {
    InitiateTransfer {
        payment_id: PaymentId::named(payment),
        customer: CustomerId::named("ann"),
        debtor: AccountId::named("ann"),
        creditor: AccountId::named("bob"),
        amount: amount.into(),
        currency: czk(),
        booking_date: "2027-01-15".parse().unwrap(),
        remittance: Some(sealed('A')),
        details: Default::default(),
        occurrence: None,
    }
}

fn sealed(character: char) -> Sealed {
    Sealed {
        subject: CustomerId::named("ann").0,
        cipher: CIPHER.into(),
        ciphertext: character.to_string().repeat(123),
    }
}

fn refund(payment: &str, refund: &str, amount: &str) -> RefundPayment {
    RefundPayment {
        payment_id: PaymentId::named(payment),
        refund_id: PaymentId::named(refund),
        amount: amount.into(),
        currency: czk(),
        booking_date: "2027-01-15".parse().unwrap(),
        reason: "DUPL".into(),
    }
}

fn review(payment: &str, decision: ReviewDecision) -> ReviewPayment {
    ReviewPayment {
        payment_id: PaymentId::named(payment),
        decision,
        reason: "looked-at".into(),
        confirms_fraud: false,
    }
}

/// Payments that end in every way there is, and some that are under way.
fn driven() -> Services {
    let mut bank = Services::open();
    bank.pay(transfer("completes", "125.50"));
    bank.pay(transfer("completes", "125.50"));
    bank.pay(transfer("completes", "125.51"));
    bank.pay(transfer("is too large", "50000.01"));

    bank.pay(transfer("is approved", "10000.01"));
    bank.pay(review("is approved", ReviewDecision::Approve));
    bank.pay(transfer("is turned down", "10000.01"));
    bank.pay(review("is turned down", ReviewDecision::Reject));

    bank.pay(refund("completes", "is paid back", "25.50"));
    bank.block("bob");
    bank.pay(refund("completes", "is not paid back", "50"));
    bank.pay(transfer("comes back", "3"));
    bank.unblock("bob");

    bank.fraud_away = true;
    bank.pay(transfer("is approved by the fallback", "4"));
    bank.advance(6_000);
    bank.fraud_away = false;
    bank.settle();

    quarantined(&mut bank, "is quarantined and resumed");
    bank.pay(ResumePayment {
        payment_id: PaymentId::named("is quarantined and resumed"),
    });
    bank.accounts_away = false;
    bank.settle();

    with_dates(&mut bank);
    bank.pay(transfer("waits for an analyst", "10000.02"));
    quarantined(&mut bank, "stays in quarantine");
    bank
}

/// Payments and orders of later days, some of which come.
fn with_dates(bank: &mut Services) {
    for (payment, execution_date) in [
        ("is of today", "2027-01-15"),
        ("is cancelled", "2027-01-18"),
        ("waits", "2027-03-01"),
    ] {
        bank.pay(SchedulePayment {
            payment_id: PaymentId::named(payment),
            customer: CustomerId::named("ann"),
            debtor: AccountId::named("ann"),
            creditor: AccountId::named("bob"),
            amount: "6".into(),
            currency: czk(),
            execution_date: execution_date.parse().unwrap(),
            convention: Default::default(),
            remittance: (payment != "is cancelled").then(|| sealed('B')),
            details: Details {
                purpose: Some("RENT".into()),
                ..Details::default()
            },
        });
    }
    let payment_id = PaymentId::named("is cancelled");
    bank.pay(CancelPayment { payment_id });
    let orders = [
        ("pays twice", Frequency::Weekly, Until::Times(2)),
        ("is cancelled", Frequency::Monthly { day: 31 }, Until::Cancelled),
        (
            "goes on",
            Frequency::Monthly { day: 15 },
            Until::Date("2030-01-01".parse().unwrap()),
        ),
    ];
    for (order, frequency, until) in orders {
        let create = CreateStandingOrder {
            order_id: StandingOrderId::named(order),
            customer: CustomerId::named("ann"),
            debtor: AccountId::named("ann"),
            creditor: AccountId::named("bob"),
            amount: "7".into(),
            currency: czk(),
            frequency,
            start_date: "2027-01-15".parse().unwrap(),
            until,
            convention: Default::default(),
            remittance: (order != "is cancelled").then(|| sealed('C')),
            details: Details::default(),
        };
        bank.pay(create.clone());
        bank.pay(create);
    }
    let order_id = StandingOrderId::named("is cancelled");
    bank.pay(CancelStandingOrder { order_id });
    bank.pay(AmendStandingOrder {
        order_id: StandingOrderId::named("goes on"),
        amount: Some("7.50".into()),
        until: Some(Until::Cancelled),
    });
    // Two Fridays.
    for _ in 0..8 {
        bank.advance(24 * 60 * 60 * 1000);
    }
}

/// The ledger reserves the money, and is silent from then on.
fn quarantined(bank: &mut Services, payment: &str) {
    bank.fraud_away = true;
    bank.pay(transfer(payment, "5"));
    bank.accounts_away = true;
    bank.fraud_away = false;
    bank.settle();
    for _ in 0..12 {
        bank.advance(30_000);
    }
}

#[test]
fn the_golden_log_folds_to_what_the_snapshots_key_says() {
    let events = driven().payments.read(PAYMENTS_EVENTS.name).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/events.jsonl");
    golden::check::<Payments>(&file, &events).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_fold_of_the_log_is_the_workers_state() {
    let driver = driven().payments;
    let folded: Vec<PartitionState<Payments>> = fold(&driver.read(PAYMENTS_EVENTS.name).unwrap()).unwrap();
    let of_the_log: Vec<_> = folded.iter().map(PartitionState::service).collect();
    let live: Vec<_> = driver.states().collect();
    assert_eq!(live.len(), PARTITIONS as usize);
    assert_eq!(digests(&of_the_log).unwrap(), digests(&live).unwrap());
}

#[test]
fn a_snapshot_of_the_state_is_read_back_as_it_was() {
    let events = driven().payments.read(PAYMENTS_EVENTS.name).unwrap();
    let folded: Vec<PartitionState<Payments>> = fold(&events).unwrap();
    for (partition, state) in (0..).zip(&folded) {
        let bytes = snapshot::write(state).unwrap();
        let read = snapshot::read::<Payments>(partition, &bytes).unwrap();
        assert_eq!(read.service(), state.service());
    }
}
