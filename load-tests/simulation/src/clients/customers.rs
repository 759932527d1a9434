//! Who has an account.

/// A customer, and what the account opens with.
pub(super) struct Customer {
    pub(super) name: &'static str,
    pub(super) balance: &'static str,
    pub(super) currency: &'static str,
}

const fn customer_of(name: &'static str, balance: &'static str, currency: &'static str) -> Customer {
    Customer {
        name,
        balance,
        currency,
    }
}

/// All with an account; those in koruna first.
pub(super) const CUSTOMERS: [Customer; 9] = [
    customer_of("ann", "20000.00", "CZK"),
    customer_of("bob", "0", "CZK"),
    customer_of("cid", "15000.00", "CZK"),
    customer_of("dan", "600.00", "CZK"),
    customer_of("eve", "12000.00", "CZK"),
    customer_of("fay", "30", "CZK"),
    customer_of("gil", "25000.00", "EUR"),
    customer_of("hal", "900.00", "EUR"),
    customer_of("ivy", "0", "EUR"),
];

const IN_KORUNA: usize = 6;

/// Mostly one with an account in koruna.
pub(super) fn customer(number: u32) -> &'static str {
    match number % 50 {
        49 => "nobody",
        number => CUSTOMERS[number as usize % IN_KORUNA].name,
    }
}

/// Mostly one with an account in euro; the rest can't take any.
pub(super) fn customer_in_euro(number: u32) -> &'static str {
    let in_euro = &CUSTOMERS[IN_KORUNA..];
    match number % 20 {
        19 => CUSTOMERS[0].name,
        number => in_euro[number as usize % in_euro.len()].name,
    }
}
