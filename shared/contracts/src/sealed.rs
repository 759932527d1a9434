//! Personal data on its way through the logs: always ciphertext.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use uuid::Uuid;

/// Longest ciphertext in bytes of base64: room for ISO 20022's 140 characters of remittance information in UTF-8, or four
/// lines of an address.
pub const SEALED_BYTES_MAX: usize = 1_200;

/// A text, encrypted with the key of the person whose data it is. Without the key nobody can read it, and no log, table,
/// snapshot or trace holds the key. What it may be used for stands in the field that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sealed {
    /// Whose key: the data subject in the key store (a customer, or for outsiders the payment).
    pub subject: Uuid,
    /// Cipher and format of `ciphertext`, such as `xc20p.v1`.
    pub cipher: SmolStr,
    /// Nonce, ciphertext and tag in base64 (RFC 4648, URL alphabet, no padding).
    pub ciphertext: String,
}
