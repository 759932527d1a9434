//! Invariant 15: of each side of a transfer the laundering service is told once, as the ledger has it.
//!
//! An account's entries, and what is told of them, come in the order of the ledger. So what was passed over shows by what comes
//! after it; what comes last shows at the end of a log, where it is known how far the service was told.

use std::{
    collections::{BTreeMap, VecDeque},
    hash::BuildHasher,
};

use hashbrown::{DefaultHashBuilder, HashMap};
use tributary_contracts::{
    accounts::{EntryKind, EntryPosted},
    laundering::{TransferObserved, TransferSide},
    topics::{ACCOUNTS_EVENTS, LAUNDERING_EVENTS},
};
use tributary_ids::AccountId;

use crate::{
    check::movement,
    violation::{At, Findings, Invariant},
};

/// Who says something of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Ledger,
    Laundering,
}

/// One side of a transfer by one source, which waits for the other: 32 bytes, since there are as many as postings where the
/// laundering service is away.
#[derive(Debug)]
struct Said {
    seq: u64,
    /// Hash of what is said of it.
    what: u64,
    partition: i32,
    offset: i64,
}

impl Said {
    fn at(&self, source: Source) -> At {
        let topic = match source {
            Source::Ledger => ACCOUNTS_EVENTS,
            Source::Laundering => LAUNDERING_EVENTS,
        };
        At {
            topic: topic.name,
            partition: self.partition,
            offset: self.offset,
        }
    }
}

/// What waits of one account, in the order of the ledger.
#[derive(Debug, Default)]
struct Waiting {
    posted: VecDeque<Said>,
    observed: VecDeque<Said>,
}

/// The fold. Memory: one item a side that the laundering service has not told of yet.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    accounts: HashMap<AccountId, Waiting>,
    hasher: DefaultHashBuilder,
    /// Sides that the ledger must have posted by the next judgement, and by the one that is under way.
    unposted: Vec<(AccountId, u64)>,
    marked: Vec<(AccountId, u64)>,
}

impl Transfers {
    /// Takes an entry of the ledger.
    pub(super) fn posted(&mut self, entry: &EntryPosted, at: At, found: &mut Findings) {
        let side = match entry.kind {
            EntryKind::TransferOut => TransferSide::Sent,
            EntryKind::TransferIn => TransferSide::Received,
            EntryKind::TransferReturn => TransferSide::Returned,
            EntryKind::OpeningBalance
            | EntryKind::Credit
            | EntryKind::Debit
            | EntryKind::Settlement
            | EntryKind::Reversal => return,
        };
        // A transfer between accounts names both of them and its payment; what doesn't is none for the laundering service.
        let (Some(payment), Some(counterparty)) = (entry.payment_id, entry.counterparty) else {
            return;
        };
        let what = self.hasher.hash_one((
            side,
            payment,
            counterparty,
            movement(entry).unsigned_abs(),
            entry.currency,
            entry.value_date,
        ));
        self.meet(Source::Ledger, entry.account_id, entry.seq, what, at, found);
    }

    /// Takes what the laundering service was told.
    pub(super) fn observed(&mut self, told: &TransferObserved, at: At, found: &mut Findings) {
        let what = self.hasher.hash_one((
            told.side,
            told.payment_id,
            told.counterparty,
            u128::from(told.amount.unsigned_abs()),
            told.currency,
            told.date,
        ));
        self.meet(Source::Laundering, told.account, told.seq, what, at, found);
    }

    fn meet(
        &mut self,
        source: Source,
        account: AccountId,
        seq: u64,
        what: u64,
        at: At,
        found: &mut Findings,
    ) {
        let said = Said {
            seq,
            what,
            partition: at.partition,
            offset: at.offset,
        };
        let waiting = self.accounts.entry(account).or_default();
        let (own, other, other_source) = match source {
            Source::Ledger => (&mut waiting.posted, &mut waiting.observed, Source::Laundering),
            Source::Laundering => (&mut waiting.observed, &mut waiting.posted, Source::Ledger),
        };
        while let Some(passed_over) = other.pop_front_if(|other| other.seq < seq) {
            alone(other_source, account, &passed_over, found);
        }
        match other.pop_front_if(|other| other.seq == seq) {
            Some(other) => {
                found.check(Invariant::TransfersTold);
                if other.what != what {
                    let both = [other.at(other_source), at];
                    found.violate(Invariant::TransfersTold, "TRANSFER_TOLD_OTHERWISE", &both, || {
                        format!("entry {seq} of account {account} is not what was told of it")
                    });
                }
            }
            None if !other.is_empty() => alone(source, account, &said, found),
            None => {
                own.push_back(said);
                if source == Source::Laundering {
                    self.unposted.push((account, seq));
                }
            }
        }
        if waiting.posted.is_empty() && waiting.observed.is_empty() {
            self.accounts.remove(&account);
        }
    }

    /// Takes down what must be explained at the next judgement.
    pub(super) fn mark(&mut self) {
        self.marked.append(&mut self.unposted);
    }

    /// Judges what was taken down.
    pub(super) fn judge(&mut self, found: &mut Findings) {
        for (account, seq) in self.marked.drain(..) {
            let Some(waiting) = self.accounts.get_mut(&account) else {
                continue;
            };
            waiting.observed.retain(|said| {
                let unposted = said.seq == seq;
                if unposted {
                    alone(Source::Laundering, account, said, found);
                }
                !unposted
            });
        }
    }

    /// Judges the whole log: `fed` is up to where, by partition of the ledger's events, the service was told, and all that it
    /// was told it has answered.
    pub(super) fn finish(&self, fed: &BTreeMap<i32, i64>, found: &mut Findings) {
        let mut untold: Vec<(AccountId, &Said)> = self
            .accounts
            .iter()
            .flat_map(|(account, waiting)| waiting.posted.iter().map(|said| (*account, said)))
            .filter(|(_, said)| fed.get(&said.partition).is_some_and(|fed| said.offset < *fed))
            .collect();
        untold.sort_unstable_by_key(|(_, said)| (said.partition, said.offset));
        for (account, said) in untold {
            alone(Source::Ledger, account, said, found);
        }
    }
}

/// What one says, and the other doesn't.
fn alone(source: Source, account: AccountId, said: &Said, found: &mut Findings) {
    let seq = said.seq;
    let (code, why) = match source {
        Source::Ledger => ("TRANSFER_NOT_TOLD", "was not told to the laundering service"),
        Source::Laundering => (
            "TRANSFER_OF_NOTHING",
            "is no transfer of the ledger, or was told before",
        ),
    };
    found.violate(Invariant::TransfersTold, code, &[said.at(source)], || {
        format!("entry {seq} of account {account} {why}")
    });
}
