use tributary_fraud_laundering::{AMOUNT_MINOR_MAX, Account, Payment, PaymentId};

#[test]
fn what_cannot_be_a_payment_is_refused_by_code() {
    let code = |at_s, debtor, minor| {
        Payment::try_new(PaymentId(1), at_s, Account(debtor), Account(2), minor)
            .err()
            .map(|refused| refused.code())
    };
    assert_eq!(code(0, 1, AMOUNT_MINOR_MAX), None);
    assert_eq!(code(0, 1, 0), Some("LAUNDERING_AMOUNT_NOT_POSITIVE"));
    assert_eq!(code(0, 1, i64::MIN), Some("LAUNDERING_AMOUNT_NOT_POSITIVE"));
    assert_eq!(code(0, 1, AMOUNT_MINOR_MAX + 1), Some("LAUNDERING_AMOUNT_ABSURD"));
    assert_eq!(code(-1, 1, 1), Some("LAUNDERING_TIME_ABSURD"));
    assert_eq!(code(i64::MAX, 1, 1), Some("LAUNDERING_TIME_ABSURD"));
    assert_eq!(code(0, 2, 1), Some("LAUNDERING_OWN_ACCOUNT"));
}
