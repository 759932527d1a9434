//! What the events of every saga say of its progress, whatever the saga is about.
//!
//! The events carry what was decided (which steps were asked, until when, which way the saga goes), not only what came
//! in: so a later build with other steps or deadlines folds an old log to what really happened.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use smol_str::SmolStr;

/// A step that was asked for: its command went out in the same transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ask {
    pub step: SmolStr,
    /// Milliseconds since the epoch at which the saga stops waiting for the answer.
    pub deadline: i64,
    /// 1 for the first time. Every attempt sends the same command id.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub attempt: u32,
}

fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_first(attempt: &u32) -> bool {
    *attempt == 1
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Done,
    /// It had no effect.
    Refused,
    /// No answer came in time, and the saga's documented rule stood in for it.
    FellBack,
    /// No answer came in time. Whether it had an effect is not known.
    TimedOut,
}

/// A step that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepEnd {
    pub step: SmolStr,
    pub verdict: Verdict,
    /// Stable code of why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<SmolStr>,
}

/// Which way a saga went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Back: what was done is being undone.
    Back,
    /// Nowhere: it waits for a person, since a step got no answer, or one that can't be.
    Quarantined,
    /// On, after a person looked at it.
    Resumed,
    /// It is over, in the way that the event says.
    Ended,
}

/// A saga turned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Turn {
    pub way: Way,
    /// Stable code of why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<SmolStr>,
}

/// What one event changes of a saga's progress, in this order: an attempt is in vain, a step ends, the saga turns, steps
/// are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// A step one of whose attempts was answered, and neither done nor the last to be answered: or a person is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_vain: Option<SmolStr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<StepEnd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned: Option<Turn>,
    #[serde(default, skip_serializing_if = "SmallVec::is_empty")]
    #[schemars(with = "Vec<Ask>")]
    pub asked: SmallVec<[Ask; 2]>,
}
