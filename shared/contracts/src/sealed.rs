//! Personal data on its way through the logs: always ciphertext.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use uuid::Uuid;

/// Longest ciphertext in characters of base64: room for ISO 20022's 140 characters of remittance information in UTF-8, or
/// four lines of an address.
pub const SEALED_BYTES_MAX: usize = 1_200;

/// AES-256 in GCM-SIV (RFC 8452), of a text that is padded to whole blocks of [`BLOCK_BYTES`].
pub const CIPHER: &str = "a256gcmsiv.v1";

/// Bytes of the nonce, in front of the ciphertext.
pub const NONCE_BYTES: usize = 12;

/// Bytes of the tag, behind the ciphertext.
pub const TAG_BYTES: usize = 16;

/// A text is padded to a multiple of this, so that a log that never forgets doesn't tell for ever how long it was.
pub const BLOCK_BYTES: usize = 64;

/// Characters at the end of a ciphertext in base64 that hold the tag whole, whatever the alignment.
const TAG_CHARACTERS: usize = 22;

/// A text, encrypted with the key of the person whose data it is. Without the key nobody can read it, and no log, table,
/// snapshot or trace holds the key. What it may be used for stands in the field that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Sealed {
    /// Whose key: the data subject in the key store (a customer, or for outsiders the payment). A subject has one key ever,
    /// so this is the key's id as well.
    pub subject: Uuid,
    /// Cipher and format of `ciphertext`, such as `a256gcmsiv.v1`.
    pub cipher: SmolStr,
    /// Nonce, ciphertext and tag in base64 (RFC 4648, URL alphabet, no padding).
    pub ciphertext: String,
}

impl Sealed {
    /// Whether this could be what a cipher that is known here made: nobody without the key can say more. A text that
    /// somebody forgot to seal is none.
    pub fn is_well_formed(&self) -> bool {
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let characters = self.ciphertext.len();
        let bytes = characters * 3 / 4;
        self.cipher == CIPHER
            && characters <= SEALED_BYTES_MAX
            // What `bytes` of base64 are written in, no character more.
            && characters == (bytes * 4).div_ceil(3)
            && bytes > NONCE_BYTES + TAG_BYTES
            && (bytes - NONCE_BYTES - TAG_BYTES).is_multiple_of(BLOCK_BYTES)
            && self.ciphertext.bytes().all(is_base64)
    }

    /// The tag, in base64: a digest of the text and of its place, keyed by the subject's key. Two that are sealed for one
    /// place have the same tag exactly if they hold the same text.
    ///
    /// Empty where the ciphertext is too short to have one.
    pub fn tag(&self) -> &str {
        let from = self.ciphertext.len().checked_sub(TAG_CHARACTERS);
        from.and_then(|from| self.ciphertext.get(from..))
            .unwrap_or_default()
    }
}

/// In one line, for a column of a table: cipher, subject and ciphertext, between them a point.
impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.cipher, self.subject, self.ciphertext)
    }
}

/// A text that is no [`Sealed`]. It is not repeated: it may be what should have been sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it isn't cipher, subject and ciphertext")]
pub struct NotSealed;

impl FromStr for Sealed {
    type Err = NotSealed;

    fn from_str(text: &str) -> Result<Self, NotSealed> {
        // The cipher's name holds points.
        let mut parts = text.rsplitn(3, '.');
        let (Some(ciphertext), Some(subject), Some(cipher)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(NotSealed);
        };
        let sealed = Self {
            subject: Uuid::try_parse(subject).map_err(|_| NotSealed)?,
            cipher: cipher.into(),
            ciphertext: ciphertext.to_owned(),
        };
        sealed.is_well_formed().then_some(sealed).ok_or(NotSealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(cipher: &str, ciphertext: String) -> Sealed {
        Sealed {
            subject: Uuid::from_u128(7),
            cipher: cipher.into(),
            ciphertext,
        }
    }

    #[test]
    fn only_whole_blocks_of_a_known_cipher_are_well_formed() {
        // 28 bytes around one, two and three blocks of 64.
        for characters in [123, 208, 294] {
            let good = sealed(CIPHER, "A".repeat(characters));
            assert!(good.is_well_formed(), "{characters}");
            assert_eq!(good.to_string().parse(), Ok(good.clone()));
            assert_eq!(good.tag().len(), 22);
            for other in [characters - 1, characters + 1] {
                assert!(!sealed(CIPHER, "A".repeat(other)).is_well_formed(), "{other}");
            }
        }
        assert!(!sealed("xc20p.v1", "A".repeat(123)).is_well_formed());
        assert!(!sealed(CIPHER, String::new()).is_well_formed());
        assert!(!sealed(CIPHER, "A".repeat(38)).is_well_formed());
        assert!(!sealed(CIPHER, format!("{}=", "A".repeat(122))).is_well_formed());
        assert!(!sealed(CIPHER, "A".repeat(28 + 64 * 20)).is_well_formed());
        assert!(!sealed(CIPHER, format!("{} ", "A".repeat(122))).is_well_formed());
    }

    #[test]
    fn what_was_not_sealed_is_not_read_and_not_repeated() {
        for text in ["", "rent for May", "a.b.c", "a256gcmsiv.v1.x.AAAA"] {
            let error = text.parse::<Sealed>().unwrap_err();
            assert!(text.is_empty() || !error.to_string().contains(text));
        }
        assert_eq!(sealed(CIPHER, "ä".repeat(12)).tag().len(), 22);
        assert_eq!(sealed(CIPHER, "short".to_owned()).tag(), "");
    }
}
