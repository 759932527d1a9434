//! Whatever order records come in, whoever is away for how long, however often anything is sent: the payment ends once, and
//! the money is where the end says.

use crate::bank::{Bank, refund, transfer};

const TOPICS: [&str; 4] = [
    "accounts.inbox",
    "fraud.inbox",
    "fraud-payees.inbox",
    "payments.inbox",
];

/// Small, seeded and good enough to mix orders (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

pub(crate) fn bank_after(seed: u64) -> Bank {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut bank = Bank::open();
    if dice.roll(4) == 0 {
        bank.block("bob");
    }
    let amount = ["1", "499.99", "750", "10000.01", "20000.01"][dice.roll(5) as usize];
    bank.pay(transfer(amount));
    for _ in 0..60 {
        let topic = TOPICS[dice.roll(4) as usize];
        match dice.roll(12) {
            0 => bank.away = vec![topic],
            1 => bank.away.clear(),
            2 => bank.advance(i64::try_from(dice.roll(40_000)).unwrap()),
            3 => {
                // Sent twice, as by a retry whose first try had arrived.
                let first = bank.inboxes.get(topic).and_then(|inbox| inbox.front()).cloned();
                if let Some(record) = first {
                    bank.put(record);
                }
            }
            4 => bank.pay(transfer(amount)),
            5 => bank.pay(refund("refund", amount)),
            _ => drop(bank.step(topic)),
        }
    }
    bank.away.clear();
    bank.settle();
    // An analyst who never comes, and the ten attempts of whatever is still unanswered.
    for _ in 0..12 {
        bank.advance(30_000);
    }
    bank.advance(24 * 60 * 60 * 1000);
    bank.settle();
    bank.at_rest();
    bank
}

#[test]
fn a_payment_ends_once_whatever_happens() {
    let mut told = std::collections::BTreeSet::new();
    for seed in 0..2_000 {
        told.extend(bank_after(seed).story);
    }
    println!("2,000 seeds; told: {told:?}");
    for seen in [
        "payment-completed",
        "payment-rejected",
        "payment-returned",
        "answer-ignored",
        "refund-claimed",
    ] {
        assert!(told.contains(seen), "{seen} never happened");
    }
}
