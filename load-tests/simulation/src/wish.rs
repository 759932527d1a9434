//! What clients want.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

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
    /// The same payment once more under another command id: a client that has lost its first.
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
}

impl Wish {
    pub(crate) fn draw(random: &mut ChaCha8Rng) -> Self {
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
