//! The ledger's read models in a real PostgreSQL, folded from what the ledger's own core decided.

#[cfg(test)]
mod bank;
#[cfg(test)]
mod database;
#[cfg(test)]
mod export;
#[cfg(test)]
mod read_models;
#[cfg(test)]
mod speed;
#[cfg(test)]
mod verify;
