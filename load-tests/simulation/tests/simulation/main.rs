//! The simulation of the whole bank: seeds of the continuous run, repetition, and planted bugs that it must find.

#[cfg(test)]
mod planted;
#[cfg(test)]
mod seeds;
