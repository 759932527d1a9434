//! The worker on the in-memory log: the code of production, stopped, crashed and faulted between any two actions.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod object_store;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod tally;
