//! Every metric stands on its page, and says the right thing after a run of the whole bank.

#[cfg(test)]
mod page;
#[cfg(test)]
mod run;
