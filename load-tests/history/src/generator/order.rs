//! Standing orders: what for, how often, how much, in the proportions of the Berka bank's `order.asc` (6,471 orders: 54 % SIPO, 21 %
//! without a symbol, 11 % UVER, 8 % POJISTNE, 5 % LEASING). There every payee is at another bank; here most are customers.

/// What comes every month.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) purpose: &'static Purpose,
    pub(super) amount: i64,
    /// Of the month; every month has it.
    pub(super) day: u32,
    pub(super) payee: Payee,
}

/// Who is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payee {
    /// Somebody elsewhere: a debit.
    OtherBank,
    /// One of those whom many pay; which is not settled yet.
    Firm,
    /// Somebody whom the payer pays anyway; who is not settled yet.
    Person,
    Account(usize),
}

/// What an order is for.
#[derive(Debug)]
pub(super) struct Purpose {
    /// Berka's k_symbol.
    pub(super) symbol: Option<&'static str>,
    /// What the rows to other banks are called by.
    pub(super) kind: &'static str,
    /// Accounts that have such an order.
    pub(super) per_mille: u32,
    /// Of these, those that pay within the bank, and whom.
    pub(super) here_per_mille: u32,
    pub(super) payee: Payee,
    /// Haler, least and most.
    pub(super) amounts: (i64, i64),
}

pub(super) static PURPOSES: [Purpose; 5] = [
    Purpose {
        symbol: Some("SIPO"),
        kind: "rent",
        per_mille: 500,
        here_per_mille: 800,
        payee: Payee::Firm,
        amounts: (50_000, 700_000),
    },
    Purpose {
        symbol: Some("POJISTNE"),
        kind: "insurance",
        per_mille: 110,
        here_per_mille: 550,
        payee: Payee::Firm,
        amounts: (3_000, 90_000),
    },
    Purpose {
        symbol: None,
        kind: "order",
        per_mille: 160,
        here_per_mille: 1_000,
        payee: Payee::Person,
        amounts: (10_000, 200_000),
    },
    Purpose {
        symbol: Some("UVER"),
        kind: "loan",
        per_mille: 82,
        here_per_mille: 1_000,
        payee: Payee::Person,
        amounts: (30_000, 600_000),
    },
    Purpose {
        symbol: Some("LEASING"),
        kind: "leasing",
        per_mille: 40,
        here_per_mille: 1_000,
        payee: Payee::Firm,
        amounts: (50_000, 300_000),
    },
];
