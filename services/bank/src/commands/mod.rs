//! The subcommands, one a file: each is what clap parses, with a `run`.

pub(crate) mod bench;
pub(crate) mod demo;
pub(crate) mod dlq;
pub(crate) mod export;
mod flow;
pub(crate) mod fraud;
mod fraud_online;
pub(crate) mod generate;
mod live;
pub(crate) mod load;
mod machine;
pub(crate) mod pii;
mod place;
mod process;
mod reconcile;
pub(crate) mod replay;
mod screening;
pub(crate) mod service;
pub(crate) mod simulate;
pub(crate) mod test;
pub(crate) mod topics;
pub(crate) mod up;

/// The day into whose books falls what is sent now.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge where today's payments get their booking date"
)]
fn today() -> tributary_contracts::envelope::BusinessDate {
    chrono::Utc::now().date_naive()
}
