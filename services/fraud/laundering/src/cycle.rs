use std::collections::BTreeMap;

use crate::{Account, Alert, Cycle, Message, Outcome, Payment, Probe, payment::alike, window::Window};

/// Whether a payment that is about to be remembered opens a way that money hasn't gone lately. Of a row of similar
/// payments to one account only the first searches, so a cycle that goes round and round is found once.
pub(crate) fn opens(rule: &Cycle, sent: &Window, payment: &Payment) -> bool {
    !sent.within(payment.at_s(), rule.window_s).any(|earlier| {
        earlier.id() != payment.id()
            && earlier.creditor() == payment.creditor()
            && earlier.is_like(payment, rule.amount_percent)
    })
}

/// Takes a search one account further: `sent` is what the account at the end of `probe` sent.
pub(crate) fn follow(rule: &Cycle, sent: &Window, probe: &Probe, outcome: &mut Outcome) {
    let Some(closing) = probe.path.first() else {
        return;
    };
    let band = Band::of(&probe.path);
    // Of several payments to one account the nearest in time to the one that the search is for.
    let mut onward: BTreeMap<Account, &Payment> = BTreeMap::new();
    let distance = |payment: &Payment| (payment.at_s().abs_diff(closing.at_s()), payment.order());
    for payment in sent.iter().filter(|payment| band.admits(rule, payment)) {
        let nearest = onward.entry(payment.creditor()).or_insert(payment);
        if distance(payment) < distance(nearest) {
            *nearest = payment;
        }
    }
    if let Some(last) = onward.remove(&closing.debtor())
        && probe.path.len() + 1 >= rule.accounts_min
    {
        let payments = probe.path.iter().chain([last]).copied().collect();
        let alert = Alert::about_cycle(payments);
        outcome.messages.extend(alert.map(Message::Cycle));
    }
    // Another payment has to come after the next, to close the cycle.
    if probe.path.len() + 2 > rule.accounts_max {
        return;
    }
    let mut next: Vec<&Payment> = onward
        .into_values()
        .filter(|payment| {
            probe
                .path
                .iter()
                .all(|known| known.debtor() != payment.creditor() && known.creditor() != payment.creditor())
        })
        .collect();
    next.sort_unstable_by_key(|payment| distance(payment));
    next.truncate(rule.fan_out_max.min(probe.budget as usize));
    let count = next.len() as u32;
    for payment in next {
        outcome.messages.push(Message::Probe(Probe {
            budget: (probe.budget - count) / count,
            path: probe.path.iter().chain([payment]).copied().collect(),
            to: payment.creditor(),
        }));
    }
}

/// The times and amounts of a path. That all of them fit each other, rather than the first, makes a cycle one from
/// whichever payment it is looked at.
struct Band {
    from_s: i64,
    to_s: i64,
    least_minor: i64,
    most_minor: i64,
}

impl Band {
    fn of(path: &[Payment]) -> Self {
        let mut band = Self {
            from_s: i64::MAX,
            to_s: i64::MIN,
            least_minor: i64::MAX,
            most_minor: i64::MIN,
        };
        for payment in path {
            band = band.with(payment);
        }
        band
    }

    fn with(&self, payment: &Payment) -> Self {
        Self {
            from_s: self.from_s.min(payment.at_s()),
            to_s: self.to_s.max(payment.at_s()),
            least_minor: self.least_minor.min(payment.amount_minor()),
            most_minor: self.most_minor.max(payment.amount_minor()),
        }
    }

    fn admits(&self, rule: &Cycle, payment: &Payment) -> bool {
        let wider = self.with(payment);
        wider.to_s - wider.from_s < rule.window_s
            && alike(wider.least_minor, wider.most_minor, rule.amount_percent)
    }
}
