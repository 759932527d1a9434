//! Invariant 2: payments in transit are open items, keyed by the payment's id across partitions.
//!
//! Partitions are read independently, so the effect may be read before its cause: a credit in the creditor's partition
//! before the debit in the debtor's. Such a step waits. It is judged only at a causally closed cut: [`Transit::mark`]
//! takes down what waits, the driver reads every partition past what was in the log by then, and what still waits
//! has no cause ([`Transit::judge`]). The cause was in the log before the effect, since the effect answers an input
//! record that was written in the cause's transaction.

use std::collections::BTreeSet;

use hashbrown::{HashMap, HashSet};
use tributary_contracts::accounts::{
    AccountsEvent, EntryKind, EntryPosted, GlAccount, LedgerAccount, TransferRefused,
};
use tributary_ids::{AccountId, PaymentId};
use tributary_money::Currency;

use super::entries::{movement, signed};
use crate::remembered::Remembered;
use crate::violation::{At, Findings, Invariant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Terms {
    debtor: AccountId,
    creditor: AccountId,
    /// Minor units, above zero.
    amount: i128,
    currency: Currency,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Out,
    In,
    Refused,
    Return,
}

/// A payment's item, from all partitions.
#[derive(Debug)]
struct Item {
    terms: Terms,
    out: Option<At>,
    credited: Option<At>,
    refused: Option<At>,
    returned: Option<At>,
}

impl Item {
    /// Why a step that was seen isn't explained by what was seen before it in time.
    fn unexplained(&self) -> Option<(&'static str, At)> {
        match (self.out, self.credited, self.returned, self.refused) {
            (None, Some(at), _, _) => Some(("CREDIT_WITHOUT_SETTLE", at)),
            (None, _, Some(at), _) => Some(("RETURN_WITHOUT_SETTLE", at)),
            (_, _, Some(at), None) => Some(("RETURN_WITHOUT_REFUSAL", at)),
            _ => None,
        }
    }

    fn is_terminal(&self) -> bool {
        self.out.is_some() && (self.credited.is_some() || (self.returned.is_some() && self.refused.is_some()))
    }
}

/// All payments: those under way, and 90 days of those that ended.
#[derive(Debug, Default)]
pub(super) struct Transit {
    items: HashMap<PaymentId, Item>,
    /// Steps whose cause wasn't read yet.
    waiting: HashSet<PaymentId>,
    /// Of these, the ones that must be explained by the next judgement.
    marked: Vec<PaymentId>,
    ended: Remembered<PaymentId>,
    open: u64,
    /// Payments that entered transit since somebody asked. Bounded by what one cut reads.
    sent: BTreeSet<PaymentId>,
}

impl Transit {
    /// Whether the payment has entered transit. What was forgotten may have.
    pub(super) fn may_have_sent(&self, payment: PaymentId) -> bool {
        self.may_have(payment, |item| item.out.is_some())
    }

    /// Whether the creditor's side has answered. What was forgotten may have.
    pub(super) fn may_have_arrived(&self, payment: PaymentId) -> bool {
        self.may_have(payment, |item| item.credited.is_some() || item.refused.is_some())
    }

    /// Whether the payment went back. What was forgotten may have.
    pub(super) fn may_have_returned(&self, payment: PaymentId) -> bool {
        self.may_have(payment, |item| item.returned.is_some())
    }

    /// Whether the creditor was credited. What was forgotten may have been.
    pub(super) fn may_have_credited(&self, payment: PaymentId) -> bool {
        self.may_have(payment, |item| item.credited.is_some())
    }

    /// Where the payment entered transit, if that is remembered.
    pub(super) fn sent_at(&self, payment: PaymentId) -> Option<At> {
        self.items.get(&payment)?.out
    }

    /// Payments that entered transit since the last time.
    pub(super) fn take_sent(&mut self) -> BTreeSet<PaymentId> {
        std::mem::take(&mut self.sent)
    }

    pub(super) fn sent_since(&self, payment: PaymentId) -> bool {
        self.sent.contains(&payment)
    }

    fn may_have(&self, payment: PaymentId, done: impl Fn(&Item) -> bool) -> bool {
        self.ended.has_forgotten() || self.items.get(&payment).is_some_and(done)
    }

    /// Payments that have entered transit and not left it.
    pub(super) fn open_count(&self) -> u64 {
        self.open
    }

    pub(super) fn observe(&mut self, event: &AccountsEvent, time: i64, at: At, found: &mut Findings) {
        match event {
            AccountsEvent::EntryPosted(entry) => {
                if let Some((payment, step, terms)) = transfer_of(entry, at, found) {
                    self.step(payment, step, terms, time, at, found);
                }
            }
            AccountsEvent::TransferRefused(refused) => {
                self.step(
                    refused.payment_id,
                    Step::Refused,
                    terms_of(refused),
                    time,
                    at,
                    found,
                );
            }
            _ => {}
        }
        self.forget(at.partition, time);
    }

    fn step(
        &mut self,
        payment: PaymentId,
        step: Step,
        terms: Terms,
        time: i64,
        at: At,
        found: &mut Findings,
    ) {
        found.check(Invariant::Transit);
        let item = self.items.entry(payment).or_insert_with(|| Item {
            terms,
            out: None,
            credited: None,
            refused: None,
            returned: None,
        });
        if item.terms != terms {
            let known = item.terms;
            found.violate(Invariant::Transit, "TRANSFER_TERMS_DIFFER", &[at], || {
                format!("payment {payment}: {step:?} of {terms:?}, known as {known:?}")
            });
        }
        let was_open = is_open(item);
        let was_terminal = item.is_terminal();
        let (slot, twice) = match step {
            Step::Out => (&mut item.out, "SETTLED_TWICE"),
            Step::In => (&mut item.credited, "CREDITED_TWICE"),
            Step::Refused => (&mut item.refused, "REFUSED_TWICE"),
            Step::Return => (&mut item.returned, "RETURNED_TWICE"),
        };
        if let Some(first) = *slot {
            found.violate(Invariant::Transit, twice, &[first, at], || {
                format!("payment {payment}: {step:?} came before")
            });
            return;
        }
        *slot = Some(at);
        if step == Step::Out {
            self.sent.insert(payment);
        }
        contradictions(payment, item, step, found);
        if item.unexplained().is_some() {
            self.waiting.insert(payment);
        } else {
            self.waiting.remove(&payment);
        }
        match (was_open, is_open(item)) {
            (false, true) => self.open += 1,
            (true, false) => self.open -= 1,
            _ => {}
        }
        if !was_terminal && item.is_terminal() {
            self.ended.has_ended(at.partition, time, payment);
        }
    }

    fn forget(&mut self, partition: i32, time: i64) {
        while let Some(payment) = self.ended.forget(partition, time) {
            self.items.remove(&payment);
        }
    }

    /// Takes down what waits for its cause.
    pub(super) fn mark(&mut self) {
        self.marked = self.waiting.iter().copied().collect();
        self.marked.sort_unstable();
    }

    /// Everything that was in the log at [`Self::mark`] was read meanwhile.
    pub(super) fn judge(&mut self, found: &mut Findings) {
        for payment in std::mem::take(&mut self.marked) {
            let unexplained = self.items.get(&payment).and_then(Item::unexplained);
            if let Some((code, at)) = unexplained
                && self.waiting.remove(&payment)
            {
                found.violate(Invariant::Transit, code, &[at], || {
                    format!("payment {payment} left transit without what must come before")
                });
            }
        }
    }

    /// Nothing is under way any more: every payment has ended.
    pub(super) fn finish(&self, found: &mut Findings) {
        let mut left: Vec<_> = self.items.iter().filter(|(_, item)| is_open(item)).collect();
        left.sort_unstable_by_key(|(payment, _)| **payment);
        for (payment, item) in left {
            let seen: Vec<At> = [item.out, item.refused].into_iter().flatten().collect();
            let code = match item.refused {
                Some(_) => "RETURN_LOST",
                None => "LEFT_IN_TRANSIT",
            };
            let Terms { amount, currency, .. } = item.terms;
            found.violate(Invariant::Transit, code, &seen, || {
                format!("payment {payment}: {amount} {currency} (minor units) went neither on nor back")
            });
        }
    }
}

fn is_open(item: &Item) -> bool {
    item.out.is_some() && item.credited.is_none() && item.returned.is_none()
}

/// What can't both be, in whatever order it was read. Told once, by the later read of the two.
fn contradictions(payment: PaymentId, item: &Item, latest: Step, found: &mut Findings) {
    if let (Some(credited), Some(refused)) = (item.credited, item.refused)
        && matches!(latest, Step::In | Step::Refused)
    {
        found.violate(
            Invariant::Transit,
            "CREDITED_THOUGH_REFUSED",
            &[refused, credited],
            || format!("payment {payment} was refused and credited"),
        );
    }
    if let (Some(credited), Some(returned)) = (item.credited, item.returned)
        && matches!(latest, Step::In | Step::Return)
    {
        found.violate(
            Invariant::Transit,
            "CREDITED_AND_RETURNED",
            &[credited, returned],
            || format!("payment {payment} went on and back"),
        );
    }
}

fn terms_of(refused: &TransferRefused) -> Terms {
    Terms {
        debtor: refused.debtor,
        creditor: refused.account_id,
        amount: i128::from(refused.amount),
        currency: refused.currency,
    }
}

/// The step of a transfer that an entry is, if it is one; its legs must say the same.
fn transfer_of(entry: &EntryPosted, at: At, found: &mut Findings) -> Option<(PaymentId, Step, Terms)> {
    let leg_of = |account| {
        let of = move |leg: &&_| is_of(leg, account);
        entry.legs.iter().filter(of).map(signed).sum::<i128>()
    };
    let moved = leg_of(GlAccount::IN_TRANSIT);
    let step = match entry.kind {
        EntryKind::TransferOut => Step::Out,
        EntryKind::TransferIn => Step::In,
        EntryKind::TransferReturn => Step::Return,
        _ if entry.legs.iter().any(|leg| is_of(leg, GlAccount::IN_TRANSIT)) => {
            found.violate(Invariant::Transit, "IN_TRANSIT_WITHOUT_PAYMENT", &[at], || {
                format!(
                    "an entry of kind {:?} moves payments in transit by {moved}",
                    entry.kind
                )
            });
            return None;
        }
        _ => return None,
    };
    let (Some(payment), Some(other)) = (entry.payment_id, entry.counterparty) else {
        found.violate(Invariant::Transit, "TRANSFER_WITHOUT_PAYMENT", &[at], || {
            format!(
                "an entry of kind {:?} names no payment or no other side",
                entry.kind
            )
        });
        return None;
    };
    let amount = if step == Step::Out { moved } else { -moved };
    let own = movement(entry);
    let to_suspense = step == Step::Return && own == 0 && leg_of(GlAccount::SUSPENSE) == -moved;
    if amount <= 0 || (own != -moved && !to_suspense) {
        found.violate(Invariant::Transit, "TRANSFER_LEGS_WRONG", &[at], || {
            format!("payment {payment}: {step:?} moves transit by {moved} and the account by {own}")
        });
    }
    let (debtor, creditor) = match step {
        Step::In => (other, entry.account_id),
        _ => (entry.account_id, other),
    };
    let terms = Terms {
        debtor,
        creditor,
        amount,
        currency: entry.currency,
    };
    Some((payment, step, terms))
}

fn is_of(leg: &tributary_contracts::accounts::Leg, account: GlAccount) -> bool {
    leg.account == LedgerAccount::Gl(account)
}
