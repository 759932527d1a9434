//! The features as the service computes them: payment by payment, through the two states.

use std::collections::HashMap;

use tributary_fraud_domain::{Customer, FeatureVector, Payee, Payment, PaymentRefused};

use crate::handbook::Transaction;

/// The two hops over transactions in order.
#[derive(Debug, Default)]
pub struct Stream {
    customers: HashMap<u32, Customer>,
    payees: HashMap<u32, Payee>,
}

impl Stream {
    /// Looks at the next transaction. Its label, which the file has at once, takes effect when it may.
    ///
    /// # Errors
    /// When the transaction is none that can be looked at.
    pub fn observe(&mut self, transaction: &Transaction) -> Result<FeatureVector, PaymentRefused> {
        let payment = Payment::try_new(transaction.at_s, 0, transaction.amount_minor)?;
        let customer = self
            .customers
            .entry(transaction.customer)
            .or_default()
            .observe(&payment);
        let payee = self.payees.entry(transaction.terminal).or_default();
        let found = payee.observe(payment.at_s(), customer.unusual);
        if transaction.fraud {
            let labelled = payee.confirm_fraud(found.counted_at_s, customer.unusual);
            debug_assert_eq!(labelled, Ok(()), "the payment was counted just now");
        }
        Ok(FeatureVector::new(&payment, &customer, &found))
    }
}

/// The features of transactions that are in order.
///
/// # Errors
/// When a transaction is none that can be looked at.
pub fn features(transactions: &[Transaction]) -> Result<Vec<FeatureVector>, PaymentRefused> {
    let mut stream = Stream::default();
    transactions
        .iter()
        .map(|transaction| stream.observe(transaction))
        .collect()
}
