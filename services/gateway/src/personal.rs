//! Personal data: sealed before a command is sent, opened for an answer. Nothing between holds more than ciphertext.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use sqlx::postgres::PgConnectOptions;
use tributary_contracts::payments::OccurrenceOf;
use tributary_ids::{CustomerId, PaymentId, StandingOrderId};
use tributary_pii::{KeyStore, MasterKeys, PersonalText, PiiError, Place, Sealed, Vault};
use utoipa::ToSchema;

use crate::app::App;
use crate::problem::{Code, Problem};
use crate::read::{Payment, StandingOrder};

/// Most characters of remittance information: ISO 20022's `Max140Text`.
const REMITTANCE_CHARACTERS_MAX: usize = 140;

/// What the gateway needs to take personal data.
#[derive(Clone, Debug)]
pub struct PersonalData {
    /// The key store's database.
    pub key_store: PgConnectOptions,
    /// What wraps the keys in it.
    pub master: Arc<dyn MasterKeys>,
}

impl PersonalData {
    /// Within a runtime: the store's pool starts a task.
    pub(crate) fn vault(self) -> Vault {
        Vault::new(KeyStore::new(self.key_store), self.master)
    }
}

/// What a payment's remittance information is sealed for: the payment.
pub(crate) fn of_payment(payment: PaymentId) -> Place {
    Place {
        field: "payments.remittance",
        record: payment.0,
    }
}

/// What a standing order's is sealed for, in all its payments: the order.
pub(crate) fn of_order(order: StandingOrderId) -> Place {
    Place {
        field: "payments.standing-order.remittance",
        record: order.0,
    }
}

/// What the remittance information of a payment is sealed for that may be an occurrence of a standing order. Who names an order
/// whose payment it isn't gets a place at which nothing opens.
pub(crate) fn of_payment_or_order(payment: PaymentId, occurrence: Option<OccurrenceOf>) -> Place {
    match occurrence {
        Some(occurrence) if occurrence.payment() == payment => of_order(occurrence.order_id),
        _ => of_payment(payment),
    }
}

/// What the debtor wrote to the creditor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Remittance {
    state: RemittanceState,
    /// Only while it is `readable`.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "in_the_open")]
    #[schema(value_type = Option<String>, examples("rent for May"))]
    text: Option<PersonalText>,
    #[serde(skip)]
    pub(crate) sealed: Sealed,
    /// What it is sealed for.
    #[serde(skip)]
    place: Place,
}

/// `erased`: the customer's personal data was, for good. `unavailable`: the key store doesn't answer, or this gateway has none;
/// later it may. `unreadable`: there is no key that opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum RemittanceState {
    Readable,
    Erased,
    Unavailable,
    Unreadable,
}

/// What may have a remittance to be opened.
pub(crate) trait HasRemittance {
    fn remittance(&mut self) -> Option<&mut Remittance>;
}

impl HasRemittance for Payment {
    fn remittance(&mut self) -> Option<&mut Remittance> {
        self.remittance.as_mut()
    }
}

impl HasRemittance for StandingOrder {
    fn remittance(&mut self) -> Option<&mut Remittance> {
        self.remittance.as_mut()
    }
}

impl Remittance {
    /// Not opened yet.
    pub(crate) fn new(place: Place, sealed: Sealed) -> Self {
        Self {
            state: RemittanceState::Unavailable,
            text: None,
            sealed,
            place,
        }
    }

    fn opened(&mut self, opened: Result<PersonalText, Arc<PiiError>>) {
        self.state = match &opened {
            Ok(_) => RemittanceState::Readable,
            Err(error) => match **error {
                PiiError::Erased => RemittanceState::Erased,
                PiiError::Store(_) | PiiError::Master(_) => RemittanceState::Unavailable,
                PiiError::KeyMissing | PiiError::Unreadable | PiiError::TooLong => {
                    RemittanceState::Unreadable
                }
            },
        };
        if let Err(error) = &opened
            && self.state != RemittanceState::Erased
        {
            tracing::warn!(code = error.code(), %error, record = %self.place.record, "a remittance can't be opened");
        }
        self.text = opened.ok();
    }
}

/// The one place where personal data leaves the bank in the open: the answer to whoever may see the payment.
fn in_the_open<S: Serializer>(text: &Option<PersonalText>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_ref().map(PersonalText::expose).serialize(serializer)
}

/// Whether a text is remittance information as it is taken: up to 140 characters, not blanks alone, and none that moves a
/// cursor or turns a line around, so that it shows on every screen and statement as what it is.
fn check(text: &PersonalText) -> Result<(), Problem> {
    let text = text.expose();
    let refused = |code, what| Err(Problem::refused(code, &format!("remittance {what}")));
    if text.chars().all(char::is_whitespace) {
        return refused("FIELD_EMPTY", "is empty");
    }
    if text.chars().nth(REMITTANCE_CHARACTERS_MAX).is_some() {
        return refused("FIELD_TOO_LONG", "has more than 140 characters");
    }
    match text.chars().any(is_steering) {
        true => refused(
            "FIELD_MALFORMED",
            "holds a control character, a line break or a mark of writing direction",
        ),
        false => Ok(()),
    }
}

/// Control characters, separators of lines and paragraphs, byte order marks, and what Unicode turns the direction of writing
/// by (UAX #9), which can make a text look like another one.
fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

impl App {
    /// Seals remittance information, if there is any, with the customer's key. Sent again it comes to the same ciphertext.
    pub(crate) async fn seal_remittance(
        &self,
        place: Place,
        customer: CustomerId,
        text: Option<&PersonalText>,
    ) -> Result<Option<Sealed>, Problem> {
        let Some(text) = text else { return Ok(None) };
        check(text)?;
        let Some(vault) = &self.vault else {
            let detail = "this gateway has no key store, and remittance would stand in the log unencrypted";
            return Err(Problem::new(Code::RemittanceUnsupported, detail));
        };
        let sealed = vault.seal(customer.0, place, text).await;
        sealed.map(Some).map_err(|error| match error {
            PiiError::Erased => Problem::new(
                Code::PersonalDataErased,
                "no personal data of this customer is taken any more",
            ),
            error => {
                tracing::warn!(code = error.code(), %error, "a remittance can't be sealed");
                Problem::new(
                    Code::KeyStoreUnavailable,
                    "the key that remittance is encrypted with can't be had; nothing was sent",
                )
                .retry_after(1)
            }
        })
    }

    /// Opens what is sealed in payments or standing orders, as far as it can be opened, with one look into the key store.
    pub(crate) async fn reveal<R: HasRemittance>(&self, records: &mut [R]) {
        let Some(vault) = &self.vault else { return };
        let mut remittances: Vec<&mut Remittance> =
            records.iter_mut().filter_map(HasRemittance::remittance).collect();
        let sealed: Vec<(Place, &Sealed)> = remittances
            .iter()
            .map(|remittance| (remittance.place, &remittance.sealed))
            .collect();
        if sealed.is_empty() {
            return;
        }
        let opened = vault.open(&sealed).await;
        for (remittance, opened) in remittances.iter_mut().zip(opened) {
            remittance.opened(opened);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn code(text: &str) -> Option<String> {
        let checked = check(&PersonalText::from(text.to_owned()));
        checked.err().map(|problem| {
            assert!(text.trim().is_empty() || !problem.to_json().contains(text.trim()));
            problem.code().to_owned()
        })
    }

    #[test]
    fn remittance_is_any_text_of_140_characters_that_shows_as_what_it_is() {
        for good in ["x", "nájem za květen, VS 2026/05 (50 %)", "家賃", "👩‍👩‍👧 thanks!"] {
            assert_eq!(code(good), None, "{good}");
        }
        assert_eq!(code(&"ž".repeat(140)), None);
        assert_eq!(code(&"ž".repeat(141)).as_deref(), Some("FIELD_TOO_LONG"));
        for blank in ["", " ", "\u{a0}\t"] {
            assert_eq!(code(blank).as_deref(), Some("FIELD_EMPTY"));
        }
        for steering in [
            "a\nb",
            "a\0",
            "\u{1b}[2J",
            "a\u{202e}b",
            "a\u{2028}b",
            "a\u{85}b",
            "\u{feff}a",
        ] {
            assert_eq!(code(steering).as_deref(), Some("FIELD_MALFORMED"), "{steering:?}");
        }
    }

    #[test]
    fn a_text_of_an_order_is_looked_for_only_in_its_payments() {
        let [order, other] = ["rent", "gym"].map(StandingOrderId::named);
        let second = |order_id| OccurrenceOf { order_id, number: 2 };
        let payment = second(order).payment();
        let place = |occurrence| of_payment_or_order(payment, occurrence);
        assert_eq!(place(Some(second(order))), of_order(order));
        for not_it in [
            None,
            Some(second(other)),
            Some(OccurrenceOf {
                number: 1,
                ..second(order)
            }),
        ] {
            assert_eq!(place(not_it), of_payment(payment));
        }
        assert_ne!(of_order(order).field, of_payment(payment).field);
    }

    #[test]
    fn a_remittance_is_shown_with_its_text_only_when_it_was_opened() {
        let sealed = Sealed {
            subject: Uuid::from_u128(1),
            cipher: "c".into(),
            ciphertext: "ciphertext".to_owned(),
        };
        let mut remittance = Remittance::new(of_payment(PaymentId::named("rent")), sealed);
        let shown = |remittance: &Remittance| serde_json::to_string(remittance).unwrap();
        assert_eq!(shown(&remittance), r#"{"state":"unavailable"}"#);
        remittance.opened(Ok(PersonalText::from("rent".to_owned())));
        assert_eq!(shown(&remittance), r#"{"state":"readable","text":"rent"}"#);
        assert!(!format!("{remittance:?}").contains("rent"));
        for (error, expected) in [
            (PiiError::Erased, r#"{"state":"erased"}"#),
            (PiiError::Unreadable, r#"{"state":"unreadable"}"#),
            (PiiError::KeyMissing, r#"{"state":"unreadable"}"#),
            (PiiError::Store(String::new()), r#"{"state":"unavailable"}"#),
        ] {
            remittance.opened(Err(Arc::new(error)));
            assert_eq!(shown(&remittance), expected);
        }
    }
}
