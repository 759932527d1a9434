use serde::{Deserialize, Serialize};

use crate::{
    Account, Message, Outcome, Payment, Probe, Rules, cycle, dormant::Sleep, fan_in, structuring,
    window::Window,
};

/// What is known of one account: what it sent and received lately, and when it was last heard of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    sent: Window,
    received: Window,
    structuring_told_s: Option<i64>,
    sleep: Sleep,
}

impl AccountState {
    /// Takes in a message to this account. A payment that comes again changes nothing and has no outcome, and so has one
    /// that is older than what is remembered.
    pub fn handle(&mut self, rules: &Rules, message: Message) -> Outcome {
        let mut outcome = Outcome::default();
        match message {
            Message::Sent(payment) => self.send(rules, payment, &mut outcome),
            Message::Received { payment, opens } => self.receive(rules, payment, opens, &mut outcome),
            Message::Probe(probe) => cycle::follow(&rules.cycle, &self.sent, &probe, &mut outcome),
        }
        outcome
    }

    fn send(&mut self, rules: &Rules, payment: Payment, outcome: &mut Outcome) {
        let opens = cycle::opens(&rules.cycle, &self.sent, &payment);
        if !self.sent.insert(payment, rules.sent_window_s()) {
            return;
        }
        let told_s = &mut self.structuring_told_s;
        let structuring = structuring::look(&rules.structuring, &self.sent, &payment, told_s);
        outcome.alerts.extend(structuring);
        self.wake(rules, payment.debtor(), payment.at_s(), outcome);
        outcome.messages.push(Message::Received { payment, opens });
    }

    fn receive(&mut self, rules: &Rules, payment: Payment, opens: bool, outcome: &mut Outcome) {
        if !self.received.insert(payment, rules.received_window_s()) {
            return;
        }
        outcome
            .alerts
            .extend(fan_in::look(&rules.fan_in, &self.received, &payment));
        self.wake(rules, payment.creditor(), payment.at_s(), outcome);
        if opens {
            // The search begins where the money is now.
            let probe = Probe {
                path: vec![payment],
                to: payment.creditor(),
            };
            cycle::follow(&rules.cycle, &self.sent, &probe, outcome);
        }
    }

    fn wake(&mut self, rules: &Rules, account: Account, at_s: i64, outcome: &mut Outcome) {
        let rule = &rules.dormant_wake;
        self.sleep.note(rule, at_s);
        let woken = self.sleep.look(rule, account, &self.sent, &self.received);
        outcome.alerts.extend(woken);
    }

    /// Drops what no rule looks at any more at `now_s`, in event time. An account that gets payments does so by itself;
    /// this is for those that are idle, of which the time of the last payment stays.
    pub fn forget(&mut self, rules: &Rules, now_s: i64) {
        self.sent.forget(now_s - rules.sent_window_s());
        self.received.forget(now_s - rules.received_window_s());
    }

    /// Payments that are remembered, at most [`crate::ENTRIES_MAX`] for each direction.
    pub fn remembered(&self) -> usize {
        self.sent.len() + self.received.len()
    }
}
