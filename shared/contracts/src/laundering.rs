//! The laundering service's language: what it is told of the ledger's transfers, and the alerts that it raises. It stands in
//! no payment's way: nobody waits for its answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tributary_ids::{AccountId, PaymentId};
use tributary_money::Currency;

use crate::{envelope::BusinessDate, messages};

/// Name of the service, and prefix of its topics and consumer group.
pub const SERVICE: &str = "laundering";

/// Name of the relay that tells it of the ledger's transfers; also its consumer group.
pub const FEED: &str = "laundering-feed";

/// What a transfer is to one of its accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TransferSide {
    /// The account is the debtor, and the money has left it.
    Sent,
    /// The account is the creditor, and the money has come.
    Received,
    /// The account is the debtor, and the money has come back: the creditor took none.
    Returned,
}

/// Tells of one entry of the ledger: one side of a transfer, to the account whose entry it is. The account's sequence number
/// dedupes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObserveTransfer {
    pub account: AccountId,
    /// The entry's number among the account's events in the ledger.
    pub seq: u64,
    pub side: TransferSide,
    pub payment_id: PaymentId,
    /// The other account.
    pub counterparty: AccountId,
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
    /// Event time: the entry's value date, which is the same on both sides.
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub date: BusinessDate,
}

/// A payment as rules look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MovedPayment {
    pub payment_id: PaymentId,
    pub debtor: AccountId,
    pub creditor: AccountId,
    /// Minor units.
    pub amount: i64,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub date: BusinessDate,
}

/// Takes the search for a cycle to the account that the last payment of its path went to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FollowProbe {
    pub account: AccountId,
    pub currency: Currency,
    /// In the direction of the money, beginning with the payment that the search is for.
    pub path: Vec<MovedPayment>,
    /// Accounts that the search may still go on to from here.
    pub budget: u32,
}

/// Tells the account with the lowest id of a cycle what was found at another of its accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TellCycle {
    pub account: AccountId,
    pub currency: Currency,
    /// All payments of the cycle in the direction of the money, beginning with the account's own.
    pub payments: Vec<MovedPayment>,
}

messages! {
    /// What comes to `laundering.inbox`.
    pub enum LaunderingCommand {
        ObserveTransfer = "laundering.observe-transfer.v1",
        FollowProbe = "laundering.follow-probe.v1",
        TellCycle = "laundering.tell-cycle.v1",
    }
}

impl LaunderingCommand {
    /// The key of the command's record: the account that it is for.
    pub fn key(&self) -> String {
        match self {
            Self::ObserveTransfer(command) => command.account.to_string(),
            Self::FollowProbe(command) => command.account.to_string(),
            Self::TellCycle(command) => command.account.to_string(),
        }
    }
}

/// One side of a transfer was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferObserved {
    pub account: AccountId,
    pub seq: u64,
    pub side: TransferSide,
    pub payment_id: PaymentId,
    pub counterparty: AccountId,
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub date: BusinessDate,
    /// The account takes no note of it: it is older than what its windows reach back to, or what came back is not known any
    /// more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_out: bool,
}

/// One side of a transfer was told again, and nothing came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferRepeated {
    pub account: AccountId,
    pub seq: u64,
}

/// The search for a cycle was taken on from an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeFollowed {
    pub account: AccountId,
    /// The payment that the search is for.
    pub payment_id: PaymentId,
    /// Payments that it has come along.
    pub payments: u32,
    /// Accounts that it goes on to.
    pub onward: u32,
    /// Whether the account has paid the one where the search began.
    pub closed: bool,
}

/// A rule has found something that a person should look at. It is about `account`, under which it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertRaised {
    pub account: AccountId,
    /// Name and version of the rule, as `docs/laundering.md` has them.
    pub rule: SmolStr,
    pub version: u16,
    /// All accounts: this one first, those of a cycle in the direction of the money, others by id.
    pub accounts: Vec<AccountId>,
    pub currency: Currency,
    /// All payments that led to it: those of a cycle beginning with this account's, others in order of time.
    pub payments: Vec<MovedPayment>,
    /// Days of the first payment and of the last.
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub from: BusinessDate,
    #[serde(with = "crate::date")]
    #[schemars(with = "BusinessDate")]
    pub to: BusinessDate,
    /// Of a cycle: whether its payments follow one another in time, so that the same money may have gone round.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_order: bool,
}

/// A cycle was found that there was an alert of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CycleKnown {
    pub account: AccountId,
}

messages! {
    /// What happened in the laundering service.
    pub enum LaunderingEvent {
        TransferObserved = "laundering.transfer-observed.v1",
        TransferRepeated = "laundering.transfer-repeated.v1",
        ProbeFollowed = "laundering.probe-followed.v1",
        AlertRaised = "laundering.alert-raised.v1",
        CycleKnown = "laundering.cycle-known.v1",
    }
}

impl LaunderingEvent {
    /// The account that it is about, which is the key of its record.
    pub fn account(&self) -> AccountId {
        match self {
            Self::TransferObserved(event) => event.account,
            Self::TransferRepeated(event) => event.account,
            Self::ProbeFollowed(event) => event.account,
            Self::AlertRaised(event) => event.account,
            Self::CycleKnown(event) => event.account,
        }
    }
}
