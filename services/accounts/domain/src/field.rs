//! Bounds of text fields: what is kept for ever must be short.

use tributary_contracts::accounts::{Details, ImportRef};

use crate::{Rejection, account::NAME_BYTES_MAX};

/// Longest code: ISO 20022's `Max35Text`.
const CODE_BYTES_MAX: usize = 35;

/// Longest reference to something outside: room for a UUID with a prefix.
const REFERENCE_BYTES_MAX: usize = 64;

fn text(field: &'static str, value: &str, bytes_max: usize) -> Result<(), Rejection> {
    if value.is_empty() {
        return Err(Rejection::FieldEmpty { field });
    }
    if value.len() > bytes_max {
        return Err(Rejection::FieldTooLong { field, bytes_max });
    }
    Ok(())
}

/// A short name that becomes part of the state.
pub(crate) fn name(field: &'static str, value: &str) -> Result<(), Rejection> {
    text(field, value, NAME_BYTES_MAX)
}

pub(crate) fn code(field: &'static str, value: &str) -> Result<(), Rejection> {
    text(field, value, CODE_BYTES_MAX)
}

pub(crate) fn import(import: Option<&ImportRef>) -> Result<(), Rejection> {
    import.map_or(Ok(()), |import| name("import.source", &import.source))
}

pub(crate) fn details(details: &Details) -> Result<(), Rejection> {
    if let Some(purpose) = &details.purpose {
        code("details.purpose", purpose)?;
    }
    if let Some(bank) = &details.counterparty_bank {
        code("details.counterparty_bank", bank)?;
    }
    if let Some(reference) = &details.reference {
        text("details.reference", reference, REFERENCE_BYTES_MAX)?;
    }
    if let Some(country) = &details.country {
        code("details.country.source", &country.source)?;
        if country.code.len() != 2 || !country.code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(Rejection::FieldMalformed {
                field: "details.country.code",
                expected: "a country code of ISO 3166-1",
            });
        }
    }
    Ok(())
}
