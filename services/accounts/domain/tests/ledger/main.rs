//! Every command and every refusal of the ledger, as given / when / then, and what holds whatever happens.

mod account_life;
mod corrupt_log;
mod days;
mod errors_page;
mod harness;
mod holds;
mod postings;
mod properties;
mod random;
mod reversals;
mod timers;
mod transfers;
