use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use tributary_contracts::{
    codec::{DecodeError, read_event},
    fraud::{PayeesEvent, PaymentDecided, Version},
    record::Record,
};
use tributary_fraud::{RuleSet, rules};
use tributary_fraud_domain::Model;
use tributary_ids::PaymentId;
use tributary_stream::StreamEvent;

/// What the second hop's events say: decisions, what they were made by, and which payments were fraud.
#[derive(Default)]
pub struct Log {
    pub(crate) decided: Vec<PaymentDecided>,
    known: HashSet<PaymentId>,
    pub(crate) frauds: HashSet<PaymentId>,
    models: HashMap<String, Option<Arc<Model>>>,
    rules: HashMap<String, Option<Arc<RuleSet>>>,
    /// Events of types that this build doesn't know: a newer one's, which say nothing that is asked here.
    pub(crate) unknown: u64,
}

impl Log {
    /// Takes in a record of the second hop's events. Those of a partition come in their order: of two decisions on one payment the
    /// first counts, and a label counts until it is taken back.
    ///
    /// # Errors
    /// When an event of a known type can't be read: figures without it would be wrong.
    pub fn read(&mut self, record: &Record) -> Result<(), DecodeError> {
        let event = match read_event::<StreamEvent<PayeesEvent>>(record) {
            Ok(event) => event.data,
            Err(DecodeError::UnknownType(_) | DecodeError::UnsupportedVersion(_)) => {
                self.unknown += 1;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let StreamEvent::Service(event) = event else {
            return Ok(());
        };
        match event {
            PayeesEvent::PaymentDecided(decided) => {
                if self.known.insert(decided.payment_id) {
                    self.decided.push(decided);
                }
            }
            PayeesEvent::FraudConfirmed(confirmed) => {
                self.frauds.insert(confirmed.payment_id);
            }
            PayeesEvent::FraudRetracted(retracted) => {
                self.frauds.remove(&retracted.payment_id);
            }
            PayeesEvent::ModelActivated(activated) => {
                self.models
                    .entry(activated.version.hash.to_string())
                    .or_insert_with(|| Model::load(activated.artefact.as_bytes()).ok().map(Arc::new));
            }
            PayeesEvent::RulesActivated(activated) => {
                self.rules
                    .entry(activated.version.hash.to_string())
                    .or_insert_with(|| RuleSet::load(&activated.rules).ok().map(Arc::new));
            }
            PayeesEvent::DecisionRepeated(_) => {}
        }
        Ok(())
    }

    /// Says that a payment was fraud, by somebody else than the log.
    pub fn label(&mut self, payment: PaymentId) {
        self.frauds.insert(payment);
    }

    /// The rules of this version, if they stand in the log and this build takes them.
    pub(crate) fn rules(&self, version: &Version) -> Option<&RuleSet> {
        let built_in = rules::built_in();
        match *version == *built_in.version() {
            true => Some(built_in),
            false => self.rules.get(version.hash.as_str())?.as_deref(),
        }
    }

    pub(crate) fn model(&self, version: &Version) -> Option<&Model> {
        self.models.get(version.hash.as_str())?.as_deref()
    }
}
