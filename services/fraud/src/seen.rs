//! What the domain finds, as it stands in messages, and back. Exact both ways.

use tributary_contracts::fraud::{CustomerSeen, PayeeSeen, PaymentDecided, Real, Windows};
use tributary_fraud_domain::{CustomerFeatures, FeatureVector, PayeeFeatures, Payment, PaymentRefused};
use tributary_money::Currency;

/// The payment as far as features need it. Amounts of a currency count in hundredths of its unit, however many decimals it
/// has.
pub(crate) fn payment(
    amount: i64,
    currency: Currency,
    initiated_at: i64,
    utc_offset_s: i32,
) -> Result<Payment, PaymentRefused> {
    let decimals = currency.exponent();
    let hundredths = match decimals {
        0..2 => amount.saturating_mul(10_i64.pow(2 - decimals)),
        _ => amount / 10_i64.saturating_pow(decimals - 2),
    };
    Payment::try_new(initiated_at.div_euclid(1_000), utc_offset_s, hundredths)
}

/// What the domain computes is finite.
fn real(number: f64) -> Real {
    Real::new(number).unwrap_or_default()
}

fn numbers(reals: Windows<Real>) -> [f64; 3] {
    <[Real; 3]>::from(reals).map(Real::get)
}

pub(crate) fn of_customer(found: &CustomerFeatures) -> CustomerSeen {
    CustomerSeen {
        payments: found.payments.into(),
        mean_amount: found.mean_amount.map(real).into(),
        times_typical: real(found.times_typical),
        unusual: found.unusual,
        unusual_before: found.unusual_before,
        deviations: real(found.deviations),
        counted_at_s: found.counted_at_s,
    }
}

pub(crate) fn to_customer(seen: &CustomerSeen) -> CustomerFeatures {
    CustomerFeatures {
        payments: seen.payments.into(),
        mean_amount: numbers(seen.mean_amount),
        times_typical: seen.times_typical.get(),
        unusual: seen.unusual,
        unusual_before: seen.unusual_before,
        deviations: seen.deviations.get(),
        counted_at_s: seen.counted_at_s,
    }
}

pub(crate) fn of_payee(found: &PayeeFeatures) -> PayeeSeen {
    PayeeSeen {
        payments: found.payments.into(),
        risk: found.risk.map(real).into(),
        run: found.run,
        run_age_s: found.run_age_s,
        since_genuine_s: found.since_genuine_s,
        counted_at_s: found.counted_at_s,
    }
}

fn to_payee(seen: &PayeeSeen) -> PayeeFeatures {
    PayeeFeatures {
        payments: seen.payments.into(),
        risk: numbers(seen.risk),
        run: seen.run,
        run_age_s: seen.run_age_s,
        since_genuine_s: seen.since_genuine_s,
        counted_at_s: seen.counted_at_s,
    }
}

/// The features that a payment was decided by, bit by bit as they were.
///
/// # Errors
/// When the event names an amount or a time that the service would have refused.
pub fn features(decided: &PaymentDecided) -> Result<FeatureVector, PaymentRefused> {
    let payment = payment(
        decided.amount,
        decided.currency,
        decided.initiated_at,
        decided.utc_offset_s,
    )?;
    let (customer, payee) = (to_customer(&decided.customer_seen), to_payee(&decided.payee_seen));
    Ok(FeatureVector::new(&payment, &customer, &payee))
}
