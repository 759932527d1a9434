//! How champion and challengers compare, from the events of the second hop.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use tributary_contracts::fraud::{Decision, PayeesEvent, PaymentDecided, Version};
use tributary_ids::PaymentId;

/// Decisions with what challengers say of them, and the labels that came for them.
#[derive(Debug, Default)]
pub struct Comparison {
    decided: HashMap<PaymentId, Decided>,
    challengers: BTreeSet<Version>,
}

#[derive(Debug)]
struct Decided {
    decision: Decision,
    challenged: Vec<(Version, Decision)>,
    fraud: bool,
}

/// One challenger beside what decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Decisions that it has scored.
    pub decisions: u64,
    /// It would have decided the same.
    pub agreed: u64,
    /// It would have let go on what was held up.
    pub laxer: u64,
    /// It would have held up what went on.
    pub stricter: u64,
    /// Labelled frauds, and how many of them were or would have been held up.
    pub frauds: u64,
    pub caught: u64,
    pub would_have_caught: u64,
    /// Held up without a label, as it was and as it would have been.
    pub false_alarms: u64,
    pub would_be_false_alarms: u64,
}

impl Comparison {
    /// Takes an event of the second hop, in order.
    pub fn observe(&mut self, event: &PayeesEvent) {
        match event {
            PayeesEvent::PaymentDecided(decided) => self.take(decided),
            PayeesEvent::FraudConfirmed(confirmed) => self.label(confirmed.payment_id, true),
            PayeesEvent::FraudRetracted(retracted) => self.label(retracted.payment_id, false),
            PayeesEvent::DecisionRepeated(_)
            | PayeesEvent::ModelActivated(_)
            | PayeesEvent::RulesActivated(_) => {}
        }
    }

    fn take(&mut self, decided: &PaymentDecided) {
        let challenged: Vec<_> = decided
            .challenged
            .iter()
            .map(|challenged| (challenged.model.clone(), challenged.decision))
            .collect();
        for (model, _) in &challenged {
            self.challengers.insert(model.clone());
        }
        let decided_so = Decided {
            decision: decided.decision.decision,
            challenged,
            fraud: false,
        };
        self.decided.insert(decided.payment_id, decided_so);
    }

    fn label(&mut self, payment: PaymentId, fraud: bool) {
        if let Some(decided) = self.decided.get_mut(&payment) {
            decided.fraud = fraud;
        }
    }

    /// Decisions that were taken in.
    pub fn decisions(&self) -> usize {
        self.decided.len()
    }

    /// Each challenger, over the decisions that it has scored.
    pub fn challengers(&self) -> impl Iterator<Item = (&Version, Beside)> {
        self.challengers.iter().map(|model| (model, self.beside(model)))
    }

    fn beside(&self, model: &Version) -> Beside {
        let mut beside = Beside::default();
        for decided in self.decided.values() {
            let Some((_, would)) = decided.challenged.iter().find(|(of, _)| of == model) else {
                continue;
            };
            let (held, would_hold) = (is_held(decided.decision), is_held(*would));
            beside.decisions += 1;
            beside.agreed += u64::from(decided.decision == *would);
            beside.laxer += u64::from(held && !would_hold);
            beside.stricter += u64::from(!held && would_hold);
            beside.frauds += u64::from(decided.fraud);
            beside.caught += u64::from(decided.fraud && held);
            beside.would_have_caught += u64::from(decided.fraud && would_hold);
            beside.false_alarms += u64::from(!decided.fraud && held);
            beside.would_be_false_alarms += u64::from(!decided.fraud && would_hold);
        }
        beside
    }
}

fn is_held(decision: Decision) -> bool {
    decision != Decision::Approve
}

/// As text, a challenger a paragraph.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "decisions looked at: {}", self.decisions())?;
        for (model, beside) in self.challengers() {
            let hash: String = model.hash.chars().take(12).collect();
            writeln!(
                f,
                "challenger {} ({hash}), over {} decisions:",
                model.name, beside.decisions
            )?;
            let other = beside.decisions - beside.agreed;
            writeln!(
                f,
                "  would have decided the same {} times, otherwise {other} times; held up {} more, let go {} more",
                beside.agreed, beside.stricter, beside.laxer
            )?;
            writeln!(
                f,
                "  of {} labelled frauds the champion held up {} and missed {}, the challenger would have held up {} and missed {}",
                beside.frauds,
                beside.caught,
                beside.frauds - beside.caught,
                beside.would_have_caught,
                beside.frauds - beside.would_have_caught
            )?;
            writeln!(
                f,
                "  held up without a label: {}, by the challenger {}",
                beside.false_alarms, beside.would_be_false_alarms
            )?;
        }
        Ok(())
    }
}
