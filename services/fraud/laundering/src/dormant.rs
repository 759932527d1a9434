use serde::{Deserialize, Serialize};

use crate::{Account, Alert, DormantWake, Payment, Rule, window::Window};

/// When an account was last heard of, and since when it is awake again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sleep {
    newest_s: Option<i64>,
    /// The payment that woke it, until there was an alert or the time is over.
    woke_s: Option<i64>,
}

impl Sleep {
    /// Takes note of a payment of either direction, of the account's own times alone.
    pub(crate) fn note(&mut self, rule: &DormantWake, at_s: i64) {
        if self
            .newest_s
            .is_some_and(|newest_s| at_s >= newest_s + rule.quiet_s)
        {
            self.woke_s = Some(at_s);
        }
        if self.woke_s.is_some_and(|woke_s| at_s >= woke_s + rule.window_s) {
            self.woke_s = None;
        }
        self.newest_s = self.newest_s.max(Some(at_s));
    }

    /// There was an alert: no other until it sleeps again.
    pub(crate) fn told(&mut self) {
        self.woke_s = None;
    }

    /// Whether money has gone through since `account` woke, and nobody has told it yet.
    pub(crate) fn look(
        &self,
        rule: &DormantWake,
        account: Account,
        sent: &Window,
        received: &Window,
    ) -> Option<Alert> {
        let woke_s = self.woke_s?;
        let since = |payment: &&Payment| payment.at_s() >= woke_s && payment.at_s() < woke_s + rule.window_s;
        let sum = |window: &Window| -> i64 { window.iter().filter(since).map(Payment::amount_minor).sum() };
        let (came_minor, went_minor) = (sum(received), sum(sent));
        let passed_on =
            i128::from(went_minor) * 100 >= i128::from(came_minor) * i128::from(rule.passed_on_percent);
        if came_minor < rule.received_min_minor || !passed_on {
            return None;
        }
        let mut found: Vec<Payment> = received
            .iter()
            .chain(sent.iter())
            .filter(since)
            .copied()
            .collect();
        found.sort_unstable_by_key(Payment::order);
        Some(Alert::about(Rule::DormantWake, account, found))
    }
}
