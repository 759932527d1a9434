use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use smol_str::SmolStr;
use tributary_ids::{AccountId, CustomerId, HoldId, PaymentId};
use tributary_money::Currency;

use super::{BlockScope, Details, Direction, ImportRef, LedgerAccount};
use crate::{envelope::BusinessDate, messages};

// Every event of an account carries `seq`: 1, 2, 3, ... per account, without gaps.

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountOpened {
    pub account_id: AccountId,
    pub seq: u64,
    pub owner: CustomerId,
    pub product: SmolStr,
    pub currency: Currency,
    /// Minor units.
    pub overdraft_limit: i64,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountClosed {
    pub account_id: AccountId,
    pub seq: u64,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountBlocked {
    pub account_id: AccountId,
    pub seq: u64,
    pub scope: BlockScope,
    pub reason: SmolStr,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountUnblocked {
    pub account_id: AccountId,
    pub seq: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverdraftLimitSet {
    pub account_id: AccountId,
    pub seq: u64,
    /// Minor units.
    pub limit: i64,
}

/// Nothing had to be done: the thing that the command's id creates exists already, or the row was imported before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NothingToDo {
    /// Stable: `ACCOUNT_EXISTS`, `ACCOUNT_NOT_BLOCKED`, `LIMIT_UNCHANGED`, `HOLD_EXISTS`, `HOLD_UNCHANGED`,
    /// `HOLD_ALREADY_RELEASED`, `PAYMENT_EXISTS`, `ROW_IMPORTED_BEFORE`.
    pub code: SmolStr,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldPlaced {
    pub account_id: AccountId,
    pub seq: u64,
    pub hold_id: HoldId,
    pub direction: Direction,
    /// Minor units.
    pub amount: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldAdjusted {
    pub account_id: AccountId,
    pub seq: u64,
    pub hold_id: HoldId,
    /// Minor units: what was open before, and is now.
    pub from: i64,
    pub to: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldReleased {
    pub account_id: AccountId,
    pub seq: u64,
    pub hold_id: HoldId,
    /// Minor units that were open. 0 for a hold that never was: the tombstone refuses a later reserve.
    pub amount: i64,
    /// The hold lapsed, rather than being released by a command.
    pub expired: bool,
}

/// Debit or credit, in the bank's books: a customer's account is a liability of the bank, so a credit raises it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    Debit,
    Credit,
}

impl Side {
    /// The other side.
    pub fn opposite(self) -> Self {
        match self {
            Self::Debit => Self::Credit,
            Self::Credit => Self::Debit,
        }
    }

    /// +1 for a credit, -1 for a debit.
    pub fn sign(self) -> i64 {
        match self {
            Self::Debit => -1,
            Self::Credit => 1,
        }
    }
}

/// One line of a journal entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Leg {
    pub account: LedgerAccount,
    pub side: Side,
    /// Minor units of the entry's currency, above zero.
    pub amount: i64,
}

impl Leg {
    /// Credits count up, debits down.
    pub fn signed(&self) -> i64 {
        self.side.sign() * self.amount
    }
}

/// What kind of business the entry books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    OpeningBalance,
    Credit,
    Debit,
    Settlement,
    TransferOut,
    TransferIn,
    TransferReturn,
    Reversal,
}

/// What an entry does to the hold behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldSettlement {
    pub hold_id: HoldId,
    /// Minor units booked by this entry.
    pub settled: i64,
    /// Minor units given back with it, since no further settlement comes.
    pub released: i64,
    /// Minor units that are still reserved after it. 0: the hold has ended.
    pub open: i64,
}

/// One whole journal entry: all its legs, in one currency, balanced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntryPosted {
    /// The customer's account that the entry belongs to. Absent from the legs when a return went to suspense (the
    /// account is closed: the entry takes its next `seq` and leaves its balance) and when a rounding evens out the
    /// amount to nothing.
    pub account_id: AccountId,
    pub seq: u64,
    pub kind: EntryKind,
    pub currency: Currency,
    /// In this order: the customer's account, its contra account, the rounding.
    #[schemars(with = "Vec<Leg>")]
    pub legs: SmallVec<[Leg; 3]>,
    /// The business day whose books it stands in.
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
    /// From when it bears interest.
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub value_date: BusinessDate,
    /// Posted balance of the account after the entry, minor units, credits positive.
    pub balance_after: i64,
    /// A debit that was booked although it leaves less than nothing available, or any entry that was booked in spite
    /// of a block. A debit that isn't marked left nothing below zero.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forced: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// The other side of a transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterparty: Option<AccountId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldSettlement>,
    /// Id of the entry that this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverses: Option<SmolStr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportRef>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

impl EntryPosted {
    /// Credits less debits, in minor units: zero, or the entry is corrupt.
    pub fn imbalance(&self) -> i128 {
        self.legs.iter().map(|leg| i128::from(leg.signed())).sum()
    }

    /// What the entry moves the customer's account by, minor units.
    pub fn movement(&self) -> i64 {
        let own = LedgerAccount::Customer(self.account_id);
        self.legs
            .iter()
            .filter(|leg| leg.account == own)
            .map(Leg::signed)
            .sum()
    }
}

/// The creditor's account took no money; the transfer went back in the same transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferRefused {
    /// The creditor's account, which may not exist: hence no `seq`.
    pub account_id: AccountId,
    pub payment_id: PaymentId,
    pub debtor: AccountId,
    /// Minor units that stay in transit until the return takes them back.
    pub amount: i64,
    pub currency: Currency,
    /// Stable code of the refusal.
    pub code: SmolStr,
}

/// Where the money of a transfer is in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TransferredTo {
    Creditor,
    /// Back, since the creditor's account took no money.
    Debtor,
    /// Neither account could take it.
    Suspense,
}

/// What a transfer came to: the answer to whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferEnd {
    pub to: TransferredTo,
    /// Stable code of why the creditor's account refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<SmolStr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DayClosed {
    pub partition: i32,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub date: BusinessDate,
}

messages! {
    /// What happened in the ledger.
    pub enum AccountsEvent {
        AccountOpened = "accounts.account-opened.v1",
        AccountClosed = "accounts.account-closed.v1",
        AccountBlocked = "accounts.account-blocked.v1",
        AccountUnblocked = "accounts.account-unblocked.v1",
        OverdraftLimitSet = "accounts.overdraft-limit-set.v1",
        NothingToDo = "accounts.nothing-to-do.v1",
        HoldPlaced = "accounts.hold-placed.v1",
        HoldAdjusted = "accounts.hold-adjusted.v1",
        HoldReleased = "accounts.hold-released.v1",
        EntryPosted = "accounts.entry-posted.v1",
        TransferRefused = "accounts.transfer-refused.v1",
        DayClosed = "accounts.day-closed.v1",
    }
}

impl AccountsEvent {
    /// The account's sequence number that this event takes, if it takes one.
    pub fn seq(&self) -> Option<(AccountId, u64)> {
        match self {
            Self::AccountOpened(e) => Some((e.account_id, e.seq)),
            Self::AccountClosed(e) => Some((e.account_id, e.seq)),
            Self::AccountBlocked(e) => Some((e.account_id, e.seq)),
            Self::AccountUnblocked(e) => Some((e.account_id, e.seq)),
            Self::OverdraftLimitSet(e) => Some((e.account_id, e.seq)),
            Self::HoldPlaced(e) => Some((e.account_id, e.seq)),
            Self::HoldAdjusted(e) => Some((e.account_id, e.seq)),
            Self::HoldReleased(e) => Some((e.account_id, e.seq)),
            Self::EntryPosted(e) => Some((e.account_id, e.seq)),
            Self::NothingToDo(_) | Self::TransferRefused(_) | Self::DayClosed(_) => None,
        }
    }
}
