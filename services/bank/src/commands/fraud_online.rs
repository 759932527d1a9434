//! What operators and analysts ask of the running fraud service: which rules and models decide, which challenge them, labels;
//! and what the laundering service has found.

mod alerts;
mod ask;
mod catalogue;
mod labels;
mod status;
mod versions;

use tributary_contracts::fraud::Version;

pub(super) use alerts::{Alerts, count as count_alerts};
pub(super) use ask::{Bank, outgoing};
pub(super) use catalogue::{Content, Publish};
pub(super) use labels::{Label, Retract, confirm};
pub(super) use status::Status;
pub(super) use versions::{Activate, Approve, Propose, Reject, Retire, introduce};

fn told(version: &Version) -> String {
    let hash: String = version.hash.chars().take(12).collect();
    format!("{} ({hash})", version.name)
}
