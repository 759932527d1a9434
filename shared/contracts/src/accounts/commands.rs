use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tributary_ids::{AccountId, CustomerId, HoldId, PaymentId};
use tributary_money::Currency;

use super::GlAccount;
use crate::{envelope::BusinessDate, messages};

/// A row of a recorded history: the account takes each source's rows in ascending order and each at most once,
/// for ever, so an import can be repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportRef {
    /// The history, such as `berka`.
    pub source: SmolStr,
    /// Ascending within the source and the account; gaps are fine.
    pub sequence: u64,
    /// The sequence that the account must have taken last of the source, 0 for none: whoever refuses a row refuses all
    /// that stand behind it. Absent: whatever the account has taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// What reports need of a posting and a log can't add later. No names, no free text: codes of at most 35 bytes and
/// opaque references of at most 64.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Details {
    /// External purpose code of ISO 20022, or the origin's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<SmolStr>,
    /// The other side's bank: a BIC or the origin's bank code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterparty_bank: Option<SmolStr>,
    /// The other side's country, and what says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// The transaction's id at its origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<SmolStr>,
}

impl Details {
    /// Whether there is nothing to write down.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Country {
    /// ISO 3166-1 alpha-2.
    pub code: SmolStr,
    /// Where the code was taken from: `iban`, `bic`, `ip-address`, `merchant`, ...
    pub source: SmolStr,
}

/// Opens an account for a customer. The id dedupes: an account that exists with the same terms is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenAccount {
    pub account_id: AccountId,
    pub owner: CustomerId,
    /// Name of the product, such as `history` (no interest, no fees: the recorded ones are the bank's).
    pub product: SmolStr,
    pub currency: Currency,
    /// Decimal of the major unit, not negative.
    #[serde(default = "zero", skip_serializing_if = "is_zero")]
    pub overdraft_limit: SmolStr,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
    /// Decimal, signed: what the account held before its first recorded row. Posted against 3000.
    #[serde(default = "zero", skip_serializing_if = "is_zero")]
    pub opening_balance: SmolStr,
}

fn zero() -> SmolStr {
    SmolStr::new_static("0")
}

fn is_zero(amount: &str) -> bool {
    amount == "0"
}

/// Closes an account whose balance is zero, which has no open holds and which isn't blocked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloseAccount {
    pub account_id: AccountId,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
}

/// What a block stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BlockScope {
    /// Nothing discretionary leaves the account.
    Debits,
    /// Nothing discretionary leaves or reaches the account.
    All,
}

/// Blocks an account, or changes what its block stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockAccount {
    pub account_id: AccountId,
    pub scope: BlockScope,
    /// A code, such as `customer-request` or `sanctions`.
    pub reason: SmolStr,
}

/// Lifts the block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnblockAccount {
    pub account_id: AccountId,
}

/// Sets how far below zero discretionary debits may take the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetOverdraftLimit {
    pub account_id: AccountId,
    /// Decimal, not negative.
    pub limit: SmolStr,
    pub currency: Currency,
}

/// Which way the money of a hold is going to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Pending out: lowers what is available until it is settled or released.
    Out,
    /// Pending in: announced, not available before it is settled.
    In,
}

/// Places a hold. The hold's id dedupes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reserve {
    pub account_id: AccountId,
    pub hold_id: HoldId,
    pub direction: Direction,
    /// Decimal, above zero.
    pub amount: SmolStr,
    pub currency: Currency,
    /// Milliseconds since the epoch at which the hold lapses by itself. Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

/// Changes what an open hold has still to settle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AdjustHold {
    pub account_id: AccountId,
    pub hold_id: HoldId,
    /// Decimal, above zero: the new open amount.
    pub amount: SmolStr,
    pub currency: Currency,
}

/// Books a hold's money, whole or in part, against a general ledger account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Settle {
    pub account_id: AccountId,
    pub hold_id: HoldId,
    /// Decimal, above zero, at most the open amount.
    pub amount: SmolStr,
    pub currency: Currency,
    pub contra: GlAccount,
    /// Releases what stays open: no further settlement comes.
    pub last: bool,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_date: Option<BusinessDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportRef>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

/// Releases what a hold has open. On an unknown hold it leaves a tombstone that refuses a later reserve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    pub account_id: AccountId,
    pub hold_id: HoldId,
}

/// Puts money on an account, against the general ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Credit {
    pub account_id: AccountId,
    /// Decimal, above zero (zero only where a rounding alone moves the balance).
    pub amount: SmolStr,
    pub currency: Currency,
    pub contra: GlAccount,
    /// Decimal, signed, seen from the customer: what the balance moves by besides the amount, against 5900. At most
    /// 100 minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<SmolStr>,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
    /// From when it bears interest. Absent: the booking date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_date: Option<BusinessDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportRef>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

/// Takes money from an account, against the general ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Debit {
    pub account_id: AccountId,
    /// Decimal, above zero.
    pub amount: SmolStr,
    pub currency: Currency,
    pub contra: GlAccount,
    /// As in [`Credit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<SmolStr>,
    /// Books also below zero and on a blocked account (interest, fees, returns, recorded history); the entry is
    /// marked when it did.
    #[serde(default)]
    pub forced: bool,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_date: Option<BusinessDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportRef>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

/// Moves money from the debtor's account into transit, and sends the [`TransferIn`] in the same transaction.
/// The payment's id dedupes, per debtor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferOut {
    /// The debtor's account.
    pub account_id: AccountId,
    pub payment_id: PaymentId,
    pub creditor: AccountId,
    /// Decimal, above zero.
    pub amount: SmolStr,
    pub currency: Currency,
    /// The hold that reserved the money. It must have at least the amount open; the rest is released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<HoldId>,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_date: Option<BusinessDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportRef>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

/// Moves money out of transit to the creditor's account. What the creditor's account refuses goes back by a
/// [`ReturnTransfer`], sent in the same transaction. The payment's id dedupes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferIn {
    /// The creditor's account.
    pub account_id: AccountId,
    pub payment_id: PaymentId,
    pub debtor: AccountId,
    /// Decimal, above zero.
    pub amount: SmolStr,
    pub currency: Currency,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_date: Option<BusinessDate>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

/// Moves money out of transit back to the debtor's account, in whatever state that is; to suspense when it is closed.
/// The payment's id dedupes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnTransfer {
    /// The debtor's account.
    pub account_id: AccountId,
    pub payment_id: PaymentId,
    pub creditor: AccountId,
    pub amount: SmolStr,
    pub currency: Currency,
    /// Why the creditor's account refused it: a stable code.
    pub reason: SmolStr,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_date: Option<BusinessDate>,
}

/// Takes back an entry whole, by an entry with the sides swapped and the same value date. Once per entry, while its day
/// is at most 90 days behind the open one; always booked, marked as forced where it takes the account below zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reverse {
    pub account_id: AccountId,
    /// The entry's id: `<command id>:<index>`.
    pub entry_id: SmolStr,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub booking_date: BusinessDate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportRef>,
}

/// Closes a business day in one partition. What comes late books into the open day, with its value date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloseDay {
    pub partition: i32,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub date: BusinessDate,
}

messages! {
    /// What the ledger is asked to do.
    pub enum AccountsCommand {
        OpenAccount = "accounts.open-account.v1",
        CloseAccount = "accounts.close-account.v1",
        BlockAccount = "accounts.block-account.v1",
        UnblockAccount = "accounts.unblock-account.v1",
        SetOverdraftLimit = "accounts.set-overdraft-limit.v1",
        Reserve = "accounts.reserve.v1",
        AdjustHold = "accounts.adjust-hold.v1",
        Settle = "accounts.settle.v1",
        Release = "accounts.release.v1",
        Credit = "accounts.credit.v1",
        Debit = "accounts.debit.v1",
        TransferOut = "accounts.transfer-out.v1",
        TransferIn = "accounts.transfer-in.v1",
        ReturnTransfer = "accounts.return-transfer.v1",
        Reverse = "accounts.reverse.v1",
        CloseDay = "accounts.close-day.v1",
    }
}

impl AccountsCommand {
    /// The account that decides, unless the command is for a partition as a whole.
    pub fn account(&self) -> Option<AccountId> {
        Some(match self {
            Self::OpenAccount(c) => c.account_id,
            Self::CloseAccount(c) => c.account_id,
            Self::BlockAccount(c) => c.account_id,
            Self::UnblockAccount(c) => c.account_id,
            Self::SetOverdraftLimit(c) => c.account_id,
            Self::Reserve(c) => c.account_id,
            Self::AdjustHold(c) => c.account_id,
            Self::Settle(c) => c.account_id,
            Self::Release(c) => c.account_id,
            Self::Credit(c) => c.account_id,
            Self::Debit(c) => c.account_id,
            Self::TransferOut(c) => c.account_id,
            Self::TransferIn(c) => c.account_id,
            Self::ReturnTransfer(c) => c.account_id,
            Self::Reverse(c) => c.account_id,
            Self::CloseDay(_) => return None,
        })
    }

    /// The key of the command's record.
    pub fn key(&self) -> String {
        match (self.account(), self) {
            (Some(account), _) => account.to_string(),
            (None, Self::CloseDay(close)) => crate::partition::key_of_partition(close.partition),
            (None, _) => String::new(),
        }
    }

    /// The row of a history that the command carries, if any.
    pub fn import(&self) -> Option<&ImportRef> {
        match self {
            Self::Settle(c) => c.import.as_ref(),
            Self::Credit(c) => c.import.as_ref(),
            Self::Debit(c) => c.import.as_ref(),
            Self::TransferOut(c) => c.import.as_ref(),
            Self::Reverse(c) => c.import.as_ref(),
            _ => None,
        }
    }
}
