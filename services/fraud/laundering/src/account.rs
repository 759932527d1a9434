use serde::{Deserialize, Serialize};

use crate::{
    Account, Alert, Message, Outcome, Payment, Probe, Rule, Rules, cycle, dormant::Sleep, fan_in,
    structuring, window::Window,
};

/// What is known of one account: what it sent and received lately, when it was last heard of, and what was said of it.
///
/// Nothing but [`AccountState::note`] and [`AccountState::told`] changes it, so that it is a fold over what they are given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    sent: Window,
    received: Window,
    structuring_told_s: Option<i64>,
    sleep: Sleep,
    cycles_told: Vec<CycleTold>,
}

/// A cycle that there was an alert of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CycleTold {
    accounts: Vec<Account>,
    to_s: i64,
}

impl AccountState {
    /// Takes in a message to this account, and says what came of it.
    pub fn handle(&mut self, rules: &Rules, message: &Message) -> Outcome {
        let outcome = self.decide(rules, message);
        if outcome.noted {
            self.note(rules, message);
        }
        for alert in &outcome.alerts {
            self.told(rules, alert);
        }
        outcome
    }

    /// What a message to this account leads to. A payment that comes again leads to nothing, and so does one that is older
    /// than what is remembered.
    pub fn decide(&self, rules: &Rules, message: &Message) -> Outcome {
        let mut outcome = Outcome::default();
        match message {
            Message::Sent(payment) => self.send(rules, payment, message, &mut outcome),
            Message::Received(payment) => self.receive(rules, payment, message, &mut outcome),
            Message::Returned(payment) => outcome.noted = self.sent.has(payment),
            Message::Probe(probe) => cycle::follow(&rules.cycle, &self.sent, probe, &mut outcome),
            Message::Cycle(alert) if self.tells_cycle(rules, alert) => outcome.alerts.push(alert.clone()),
            Message::Cycle(_) => {}
        }
        outcome
    }

    fn send(&self, rules: &Rules, payment: &Payment, message: &Message, outcome: &mut Outcome) {
        let mut after = self.clone();
        outcome.noted = after.note(rules, message);
        if !outcome.noted {
            return;
        }
        outcome.alerts.extend(structuring::look(
            &rules.structuring,
            &after.sent,
            payment,
            self.structuring_told_s,
        ));
        outcome.alerts.extend(after.woken(rules, payment.debtor()));
        if cycle::opens(&rules.cycle, &self.sent, payment) {
            // The payment has to be remembered before its search begins: no two that close one cycle miss each other.
            outcome
                .messages
                .push(Message::Probe(Probe::begin(*payment, rules.cycle.probes_max)));
        }
    }

    fn receive(&self, rules: &Rules, payment: &Payment, message: &Message, outcome: &mut Outcome) {
        let mut after = self.clone();
        outcome.noted = after.note(rules, message);
        if !outcome.noted {
            return;
        }
        let collected = fan_in::look(&rules.fan_in, &after.received, payment);
        outcome.alerts.extend(collected);
        outcome.alerts.extend(after.woken(rules, payment.creditor()));
    }

    fn woken(&self, rules: &Rules, account: Account) -> Option<Alert> {
        self.sleep
            .look(&rules.dormant_wake, account, &self.sent, &self.received)
    }

    /// Whether a cycle is none of those that were told within its window, and these aren't many.
    fn tells_cycle(&self, rules: &Rules, alert: &Alert) -> bool {
        let window_s = rules.cycle.window_s.unsigned_abs();
        let is_near = |told: &&CycleTold| told.to_s.abs_diff(alert.to_s) < window_s;
        let mut near = self.cycles_told.iter().filter(is_near);
        near.clone().count() < rules.cycle.told_max && near.all(|told| told.accounts != alert.accounts)
    }

    /// Takes note of what a message says of this account's payments. False where that changes nothing.
    pub fn note(&mut self, rules: &Rules, message: &Message) -> bool {
        let (noted, at_s) = match message {
            Message::Sent(payment) => (self.sent.insert(*payment, rules.sent_window_s()), payment.at_s()),
            Message::Received(payment) => (
                self.received.insert(*payment, rules.received_window_s()),
                payment.at_s(),
            ),
            Message::Returned(payment) => return self.sent.remove(payment),
            Message::Probe(_) | Message::Cycle(_) => return false,
        };
        if noted {
            self.sleep.note(&rules.dormant_wake, at_s);
        }
        noted
    }

    /// Takes note of an alert about this account, so that the same is not told again.
    pub fn told(&mut self, rules: &Rules, alert: &Alert) {
        match alert.rule {
            Rule::Structuring => self.structuring_told_s = Some(alert.to_s),
            Rule::DormantWake => self.sleep.told(),
            Rule::FanIn => {}
            Rule::Cycle => {
                self.cycles_told.push(CycleTold {
                    accounts: alert.accounts.clone(),
                    to_s: alert.to_s,
                });
                let newest_s = self.cycles_told.iter().map(|told| told.to_s).max();
                self.forget_cycles(rules, newest_s.unwrap_or_default());
            }
        }
    }

    /// Drops what no rule looks at any more at `now_s`, in event time. An account that gets payments does so by itself;
    /// this is for those that are idle, of which the time of the last payment stays.
    pub fn forget(&mut self, rules: &Rules, now_s: i64) {
        self.sent.forget(now_s - rules.sent_window_s());
        self.received.forget(now_s - rules.received_window_s());
        self.forget_cycles(rules, now_s);
    }

    /// Drops what no cycle that still may come is near to. What stays is bounded by what is told within a window.
    fn forget_cycles(&mut self, rules: &Rules, now_s: i64) {
        let kept_s = 2 * rules.cycle.window_s + rules.cycle.late_s;
        self.cycles_told.retain(|told| told.to_s > now_s - kept_s);
    }

    /// Payments that are remembered, at most [`crate::ENTRIES_MAX`] for each direction.
    pub fn remembered(&self) -> usize {
        self.sent.len() + self.received.len()
    }
}
