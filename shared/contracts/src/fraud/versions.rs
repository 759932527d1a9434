//! Which versions decide, and who has agreed to it: commands and events of the register, which one partition of the first hop
//! keeps for all, and how the others adopt what stands in it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tributary_ids::ProposalId;

/// The partition of the first hop that keeps the register. One, so that all changes have one order.
pub const REGISTER_PARTITION: i32 = 0;

/// Most models that score beside the champion.
pub const CHALLENGERS_MAX: usize = 2;

/// Name and content of a model or a set of rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// For people, as its author has called it.
    pub name: SmolStr,
    /// SHA-256 of the content, hexadecimal: what it is known by.
    pub hash: SmolStr,
}

/// What decides on a payment, and what is only compared with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Versions {
    pub rules: Version,
    /// The champion. Absent: there is no score, the rules decide alone.
    pub model: Option<Version>,
    /// Models that score beside the champion, and decide nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub challengers: Vec<Version>,
}

/// What a version is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VersionKind {
    Rules,
    Model,
}

/// Proposes that a set of rules or a model decides on payments. Nothing changes until somebody else approves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProposeVersion {
    pub proposal_id: ProposalId,
    pub kind: VersionKind,
    pub version: Version,
    /// User name of the one who proposes.
    pub by: SmolStr,
}

/// The second pair of eyes: from then on the version decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApproveVersion {
    pub proposal_id: ProposalId,
    /// Hash of what the approver has looked at.
    pub hash: SmolStr,
    /// User name of the one who approves.
    pub by: SmolStr,
}

/// Turns a proposal down, or withdraws it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RejectVersion {
    pub proposal_id: ProposalId,
    /// User name of the one who rejects.
    pub by: SmolStr,
}

/// Lets a model score beside the champion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddChallenger {
    pub version: Version,
    /// User name of the one who wants it.
    pub by: SmolStr,
}

/// Lets a challenger score no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DropChallenger {
    pub hash: SmolStr,
    /// User name of the one who wants it.
    pub by: SmolStr,
}

/// Whose four eyes have seen what decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    pub proposal_id: ProposalId,
    pub proposed_by: SmolStr,
    pub approved_by: SmolStr,
}

/// Which versions one partition fixes for the payments that come from now on. Those that aren't named stay. The register sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UseVersions {
    pub partition: i32,
    /// Number of the register's change, from 1: a partition adopts each once, in order.
    #[serde(default)]
    pub number: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Version>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Version>,
    /// All that are to score beside the champion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challengers: Option<Vec<Version>>,
    /// Without one, nothing that decides changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// A version was proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionProposed {
    pub proposal_id: ProposalId,
    pub kind: VersionKind,
    pub version: Version,
    pub by: SmolStr,
    /// Until when it can be approved, milliseconds since the epoch.
    pub expires_at: i64,
}

/// A proposal was approved: its version decides from now on, partition by partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionApproved {
    pub proposal_id: ProposalId,
    /// Of the register's change.
    pub number: u64,
    pub kind: VersionKind,
    pub version: Version,
    pub proposed_by: SmolStr,
    pub approved_by: SmolStr,
}

/// A proposal was turned down or withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionRejected {
    pub proposal_id: ProposalId,
    pub by: SmolStr,
}

/// A model scores beside the champion from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChallengerAdded {
    /// Of the register's change.
    pub number: u64,
    pub version: Version,
    pub by: SmolStr,
}

/// A challenger scores no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChallengerDropped {
    /// Of the register's change.
    pub number: u64,
    pub version: Version,
    pub by: SmolStr,
}

/// The partition fixes these versions from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionsUsed {
    pub partition: i32,
    /// Of the register's change.
    #[serde(default)]
    pub number: u64,
    pub versions: Versions,
    /// Where what decides has changed: whose eyes have seen it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}
