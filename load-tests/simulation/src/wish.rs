//! What clients want.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tributary_contracts::payments::BusinessDayConvention;

/// Amounts that lie on either side of what rules look at: the fraud service's limit, its fallback's, the balances, what
/// can't be an amount at all.
const AMOUNTS: [&str; 11] = [
    "1", "20", "55.55", "130", "499.99", "500.01", "750", "10000.01", "5000", "0", "1.234",
];

/// Something that a client wants. `which` counts modulo the payments that there are by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Transfer {
        debtor: u32,
        creditor: u32,
        amount: &'static str,
    },
    /// The same payment, or the order that it is of, once more under another command id: a client that has lost its
    /// first.
    PayAgain {
        which: u32,
    },
    /// `whole`: all of it, else a part. `rival`: two at once, under two ids.
    Refund {
        which: u32,
        whole: bool,
        rival: bool,
    },
    Review {
        which: u32,
        approve: bool,
    },
    Resume {
        which: u32,
    },
    Credit {
        account: u32,
        amount: &'static str,
    },
    Debit {
        account: u32,
        amount: &'static str,
    },
    Reserve {
        account: u32,
        amount: &'static str,
        lapses_in_ms: i64,
    },
    Block {
        account: u32,
        all: bool,
    },
    Unblock {
        account: u32,
    },
    Close {
        account: u32,
    },
    /// Past the payments service, as a replayed history does.
    TransferInLedger {
        debtor: u32,
        creditor: u32,
        amount: &'static str,
    },
    /// A record that is no command, in some service's inbox.
    Nonsense {
        service: u32,
    },
    /// A transfer whose time is over when it arrives.
    TooLate {
        debtor: u32,
        creditor: u32,
    },
    /// For a later day.
    Later(Later),
}

impl Wish {
    pub(crate) fn draw(random: &mut ChaCha8Rng) -> Self {
        if random.random_bool(0.2) {
            return Self::Later(Later::draw(random));
        }
        let amount = AMOUNTS[random.random_range(0..AMOUNTS.len())];
        let (one, other): (u32, u32) = (random.random(), random.random());
        match random.random_range(0..100) {
            0..40 => Self::Transfer {
                debtor: one,
                creditor: other,
                amount,
            },
            40..42 => Self::PayAgain { which: one },
            42..54 => Self::Refund {
                which: one,
                whole: random.random_bool(0.7),
                rival: random.random_bool(0.4),
            },
            54..66 => Self::Review {
                which: one,
                approve: random.random_bool(0.7),
            },
            66..69 => Self::Resume { which: one },
            69..74 => Self::Credit { account: one, amount },
            74..80 => Self::Debit { account: one, amount },
            80..84 => Self::Reserve {
                account: one,
                amount,
                lapses_in_ms: random.random_range(1..60_000),
            },
            84..87 => Self::Block {
                account: one,
                all: random.random_bool(0.7),
            },
            87..92 => Self::Unblock { account: one },
            92 => Self::Close { account: one },
            93..96 => Self::TransferInLedger {
                debtor: one,
                creditor: other,
                amount,
            },
            96..98 => Self::Nonsense { service: one },
            _ => Self::TooLate {
                debtor: one,
                creditor: other,
            },
        }
    }
}

/// Between whom money is to move on a later day, how much, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) debtor: u32,
    pub(crate) creditor: u32,
    pub(crate) amount: &'static str,
    /// Between accounts in euro, whose business days and cut-off are others.
    pub(crate) euro: bool,
    /// From today on.
    pub(crate) days: i64,
    pub(crate) convention: BusinessDayConvention,
}

/// What clients want of scheduled payments and standing orders. `which` counts modulo those that there are by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Later {
    Schedule {
        terms: Terms,
    },
    CancelPayment {
        which: u32,
    },
    Order {
        terms: Terms,
        /// On this day of every month, else every week.
        day_of_month: Option<u8>,
        lasts: Lasts,
    },
    Amend {
        which: u32,
        amount: Option<&'static str>,
        lasts: Option<Lasts>,
    },
    CancelOrder {
        which: u32,
    },
}

/// How long an order pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    Times(u32),
    /// From today on.
    Days(i64),
    /// Until its client cancels it, at the end of the run at the latest.
    ForEver,
}

impl Later {
    fn draw(random: &mut ChaCha8Rng) -> Self {
        let which = random.random();
        match random.random_range(0..100) {
            0..35 => Self::Schedule {
                terms: Terms::draw(random),
            },
            35..50 => Self::CancelPayment { which },
            50..75 => Self::Order {
                terms: Terms::draw(random),
                day_of_month: random.random_bool(0.4).then(|| random.random_range(0..=33)),
                lasts: Lasts::draw(random),
            },
            75..88 => Self::Amend {
                which,
                amount: random
                    .random_bool(0.7)
                    .then(|| AMOUNTS[random.random_range(0..AMOUNTS.len())]),
                lasts: random.random_bool(0.4).then(|| Lasts::draw(random)),
            },
            _ => Self::CancelOrder { which },
        }
    }
}

impl Terms {
    fn draw(random: &mut ChaCha8Rng) -> Self {
        Self {
            debtor: random.random(),
            creditor: random.random(),
            amount: AMOUNTS[random.random_range(0..AMOUNTS.len())],
            euro: random.random_bool(0.4),
            days: match random.random_range(0..40) {
                0 => -1,
                1 => 400,
                2..6 => random.random_range(5..30),
                6..25 => 0,
                _ => random.random_range(1..5),
            },
            convention: match random.random_range(0..3) {
                0 => BusinessDayConvention::Following,
                1 => BusinessDayConvention::Preceding,
                _ => BusinessDayConvention::ModifiedFollowing,
            },
        }
    }
}

impl Lasts {
    fn draw(random: &mut ChaCha8Rng) -> Self {
        match random.random_range(0..10) {
            0..5 => Self::Times(random.random_range(1..=3)),
            5..8 => Self::Days(random.random_range(0..40)),
            _ => Self::ForEver,
        }
    }
}
