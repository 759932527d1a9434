//! Histories as their users get them: through `open_history`, `generate` and files.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what the tests share fails as they do"
)]

mod berka_1993;
mod berka_faults;
mod berka_small;
mod generated;
mod labelled;
mod stored;
mod support;
