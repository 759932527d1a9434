//! Random commands over few accounts, holds and payments, so that they meet.

use chrono::Days;
use proptest::{prelude::*, sample::select};
use tributary_contracts::{
    accounts::{
        AccountsCommand, AdjustHold, BlockAccount, BlockScope, CloseAccount, CloseDay, Credit, Debit,
        Direction, GlAccount, ImportRef, OpenAccount, Release, Reserve, ReturnTransfer, SetOverdraftLimit,
        Settle, TransferIn, TransferOut, UnblockAccount,
    },
    envelope::BusinessDate,
};
use tributary_ids::{AccountId, HoldId, PaymentId};
use tributary_money::{Currency, Money};

use crate::harness::{NOW, credit, czk, debit, eur, open, reserve, settle, today, transfer_in, transfer_out};

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Command(AccountsCommand),
    /// A follow-up that is under way, by number.
    Deliver(usize),
    /// An earlier command again.
    Repeat(usize),
    /// Of an earlier entry, by number.
    Reverse(usize),
    /// All timers of a partition.
    FireTimers(usize),
}

const ACCOUNTS: usize = 5;

fn account_number(number: usize) -> AccountId {
    AccountId::named(&format!("{number}"))
}

/// Accounts alternate between the two partitions.
pub(crate) fn partition_of(account: AccountId) -> usize {
    (0..ACCOUNTS)
        .find(|number| account_number(*number) == account)
        .unwrap()
        % 2
}

fn account() -> impl Strategy<Value = AccountId> {
    (0..ACCOUNTS).prop_map(account_number)
}

fn hold() -> impl Strategy<Value = HoldId> {
    (0..4).prop_map(|number| HoldId::named(&format!("{number}")))
}

fn payment() -> impl Strategy<Value = PaymentId> {
    (0..8).prop_map(|number| PaymentId::named(&format!("{number}")))
}

/// Mostly amounts, sometimes nonsense, rarely near the limit.
fn amount() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => (1..3000_i64).prop_map(|minor| Money::new(minor, czk()).to_decimal().to_string()),
        1 => select(vec!["0", "-1", "1.234", "x"]).prop_map(str::to_owned),
        1 => Just("92233720368547758.07".to_owned()),
    ]
}

fn opening() -> impl Strategy<Value = String> {
    prop_oneof![3 => amount(), 1 => Just("0".to_owned())]
}

fn currency() -> impl Strategy<Value = Currency> {
    prop_oneof![30 => Just(czk()), 1 => Just(eur())]
}

fn day() -> impl Strategy<Value = BusinessDate> {
    (0..200_u64).prop_map(|days| today() + Days::new(days))
}

fn import() -> impl Strategy<Value = Option<ImportRef>> {
    // Some name a row before them that was taken last, most one that wasn't.
    let after = prop::option::weighted(0.5, prop_oneof![2 => Just(0), 3 => 1..20_u64]);
    let row = (1..20_u64, after).prop_map(|(sequence, after)| ImportRef {
        source: "random".into(),
        sequence,
        after,
    });
    prop::option::weighted(0.1, row)
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        40 => command().prop_map(Step::Command),
        12 => any::<usize>().prop_map(Step::Deliver),
        4 => any::<usize>().prop_map(Step::Repeat),
        3 => any::<usize>().prop_map(Step::Reverse),
        1 => any::<usize>().prop_map(Step::FireTimers),
    ]
}

fn command() -> impl Strategy<Value = AccountsCommand> {
    prop_oneof![
        8 => account_life(),
        8 => holds(),
        12 => postings(),
        10 => transfers(),
        1 => (0..2, day()).prop_map(|(partition, date)| CloseDay { partition, date }.into()),
    ]
}

fn account_life() -> impl Strategy<Value = AccountsCommand> {
    prop_oneof![
        10 => (account(), amount(), opening(), any::<bool>(), currency()).prop_map(
            |(account_id, limit, balance, overdrawn, currency)| OpenAccount {
                account_id,
                currency,
                overdraft_limit: limit.into(),
                opening_balance: if overdrawn { format!("-{balance}") } else { balance }.into(),
                ..open()
            }.into()
        ),
        2 => account().prop_map(|account_id| CloseAccount { account_id, booking_date: today() }.into()),
        1 => (account(), select(vec![BlockScope::Debits, BlockScope::All])).prop_map(
            |(account_id, scope)| BlockAccount { account_id, scope, reason: "random".into() }.into()
        ),
        2 => account().prop_map(|account_id| UnblockAccount { account_id }.into()),
        1 => (account(), amount(), currency()).prop_map(
            |(account_id, limit, currency)| SetOverdraftLimit { account_id, limit: limit.into(), currency }.into()
        ),
    ]
}

fn holds() -> impl Strategy<Value = AccountsCommand> {
    let direction = select(vec![Direction::Out, Direction::Out, Direction::In]);
    let expiry = prop::option::of((NOW..NOW + 200).prop_map(|due| due));
    prop_oneof![
        6 => (account(), hold(), direction, amount(), expiry).prop_map(
            |(account_id, hold_id, direction, amount, expires_at)| Reserve {
                account_id,
                hold_id,
                expires_at,
                ..reserve(direction, &amount)
            }.into()
        ),
        2 => (account(), hold(), amount(), currency()).prop_map(
            |(account_id, hold_id, amount, currency)| AdjustHold {
                account_id,
                hold_id,
                amount: amount.into(),
                currency,
            }.into()
        ),
        4 => (account(), hold(), amount(), any::<bool>()).prop_map(
            |(account_id, hold_id, amount, last)| Settle { account_id, hold_id, ..settle(&amount, last) }.into()
        ),
        1 => (account(), hold()).prop_map(|(account_id, hold_id)| Release { account_id, hold_id }.into()),
    ]
}

fn postings() -> impl Strategy<Value = AccountsCommand> {
    let rounding = || prop::option::weighted(0.2, select(vec!["0.10", "-0.10", "0", "1.00", "-5"]));
    prop_oneof![
        8 => (account(), amount(), rounding(), day(), import(), currency()).prop_map(
            |(account_id, amount, rounding, booking_date, import, currency)| Credit {
                account_id,
                currency,
                rounding: rounding.map(Into::into),
                booking_date,
                import,
                contra: GlAccount::nostro("AB").unwrap(),
                ..credit(&amount)
            }.into()
        ),
        8 => (account(), amount(), rounding(), any::<bool>(), day(), import()).prop_map(
            |(account_id, amount, rounding, forced, booking_date, import)| Debit {
                account_id,
                rounding: rounding.map(Into::into),
                forced,
                booking_date,
                import,
                ..debit(&amount)
            }.into()
        ),
    ]
}

/// Transfers in and returns come as follow-ups of transfers out; here and there a false one is made up, by somebody
/// who may not: only within a partition can the ledger see that, and only there they are tried.
fn transfers() -> impl Strategy<Value = AccountsCommand> {
    let pair = || (account(), account(), payment(), amount());
    let same_partition = |(one, other, ..): &(AccountId, AccountId, PaymentId, String)| {
        partition_of(*one) == partition_of(*other)
    };
    prop_oneof![
        10 => (pair(), prop::option::weighted(0.3, hold()), import()).prop_map(
            |((account_id, creditor, payment_id, amount), hold_id, import)| TransferOut {
                account_id,
                creditor,
                payment_id,
                hold_id,
                import,
                ..transfer_out(&amount)
            }.into()
        ),
        1 => pair().prop_filter("one partition", same_partition).prop_map(
            |(account_id, debtor, payment_id, amount)| TransferIn {
                account_id,
                debtor,
                payment_id,
                ..transfer_in(&amount)
            }.into()
        ),
        1 => pair().prop_filter("one partition", same_partition).prop_map(
            |(account_id, creditor, payment_id, amount)| ReturnTransfer {
                account_id,
                creditor,
                payment_id,
                amount: amount.into(),
                currency: czk(),
                reason: "RANDOM".into(),
                booking_date: today(),
                value_date: None,
            }.into()
        ),
    ]
}
