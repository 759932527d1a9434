//! A data subject's key, and what it does. Pure: no I/O but the system's randomness when a key is made.

use std::fmt;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use sha2::Sha256;
use tributary_contracts::sealed::{BLOCK_BYTES, CIPHER, NONCE_BYTES, SEALED_BYTES_MAX, Sealed};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::PersonalText;

/// Bytes of a key, a data subject's or a master.
pub(crate) const KEY_BYTES: usize = 32;

/// Ends a text, before the zeros that fill up its last block (ISO/IEC 7816-4).
const END: u8 = 0x80;

/// The one field of the one record that a text is sealed for. It can't be opened anywhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Service and name of the field, such as `payments.remittance`.
    pub field: &'static str,
    /// Id of the record that has the field, such as the payment's.
    pub record: Uuid,
}

impl Place {
    /// What the cipher binds the text to: everything but the last part has a fixed length, so no two places are written alike.
    fn bound_to(self, subject: Uuid) -> Vec<u8> {
        let parts: [&[u8]; 5] = [
            b"tributary/",
            CIPHER.as_bytes(),
            subject.as_bytes(),
            self.record.as_bytes(),
            self.field.as_bytes(),
        ];
        parts.concat()
    }
}

/// A text can't be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the text is longer than a sealed one may be")]
    TooLong,
}

/// A sealed text can't be opened with this key at this place: it is another subject's, was moved from another place, was
/// changed, or is none at all. Which of these, nobody can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text can't be opened with this key at this place")]
pub struct OpenError;

/// The key of one data subject: 256 bits. Its memory is overwritten when it is dropped.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; KEY_BYTES]>);

impl DataKey {
    /// A new key.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Seals a text of the subject. The same text for the same place always comes to the same bytes, so that a command that
    /// is sent again is the same command; of two texts for one place nobody without the key learns more than that they differ.
    ///
    /// # Errors
    /// When the text is too long.
    pub fn seal(&self, subject: Uuid, place: Place, text: &PersonalText) -> Result<Sealed, SealError> {
        let bound_to = place.bound_to(subject);
        let nonce = Nonce::from(self.derive::<NONCE_BYTES>("nonce", &bound_to));
        let payload = Payload {
            msg: &padded(text.expose()),
            aad: &bound_to,
        };
        // The cipher has a limit, some 64 GB.
        let ciphertext = self.cipher().encrypt(&nonce, payload);
        let mut bytes = nonce.to_vec();
        bytes.append(&mut ciphertext.map_err(|_| SealError::TooLong)?);
        let ciphertext = URL_SAFE_NO_PAD.encode(bytes);
        match ciphertext.len() <= SEALED_BYTES_MAX {
            true => Ok(Sealed {
                subject,
                cipher: CIPHER.into(),
                ciphertext,
            }),
            false => Err(SealError::TooLong),
        }
    }

    /// Opens what was sealed for this place, with the key of the subject that it names.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn open(&self, place: Place, sealed: &Sealed) -> Result<PersonalText, OpenError> {
        if !sealed.is_well_formed() {
            return Err(OpenError);
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(&sealed.ciphertext)
            .map_err(|_| OpenError)?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError)?;
        let payload = Payload {
            msg: ciphertext,
            aad: &place.bound_to(sealed.subject),
        };
        let opened = self.cipher().decrypt(&Nonce::from(*nonce), payload);
        let mut text = Zeroizing::new(opened.map_err(|_| OpenError)?);
        let end = text.iter().rposition(|&byte| byte == END).ok_or(OpenError)?;
        text.truncate(end);
        let text = str::from_utf8(&text).map_err(|_| OpenError)?;
        Ok(PersonalText::from(text.to_owned()))
    }

    fn cipher(&self) -> Aes256GcmSiv {
        let key = Zeroizing::new(self.derive::<KEY_BYTES>("encryption", &[]));
        Aes256GcmSiv::new((&*key).into())
    }

    /// One use of the key must tell nothing to another (HKDF, RFC 5869).
    #[expect(
        clippy::expect_used,
        reason = "only a key shorter than the hash, or more than 255 blocks of it, are refused; going on without would be worse"
    )]
    fn derive<const N: usize>(&self, purpose: &str, of: &[u8]) -> [u8; N] {
        let mut derived = [0; N];
        let label: &[u8] = b"tributary pii v1 ";
        let info = [label, purpose.as_bytes(), b" ", of];
        Hkdf::<Sha256>::from_prk(self.bytes())
            .expect("the key is as long as the hash")
            .expand_multi_info(&info, &mut derived)
            .expect("a key or a nonce is one block");
        derived
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

fn padded(text: &str) -> Zeroizing<Vec<u8>> {
    let bytes = (text.len() + 1).next_multiple_of(BLOCK_BYTES);
    let mut padded = Zeroizing::new(Vec::with_capacity(bytes));
    padded.extend_from_slice(text.as_bytes());
    padded.push(END);
    padded.resize(bytes, 0);
    padded
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const PLACE: Place = Place {
        field: "payments.remittance",
        record: Uuid::from_u128(2),
    };
    const SUBJECT: Uuid = Uuid::from_u128(1);

    fn key(byte: u8) -> DataKey {
        DataKey::from_bytes(&[byte; KEY_BYTES]).unwrap()
    }

    fn text(text: &str) -> PersonalText {
        PersonalText::from(text.to_owned())
    }

    /// Anything a person could write, up to the longest remittance information in bytes.
    fn texts() -> impl Strategy<Value = String> {
        proptest::collection::vec(any::<char>(), 0..=140).prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #[test]
        fn what_was_sealed_is_opened_and_nothing_else(original in texts()) {
            let sealed = key(1).seal(SUBJECT, PLACE, &text(&original)).unwrap();
            prop_assert!(sealed.is_well_formed());
            let opened = key(1).open(PLACE, &sealed).unwrap();
            prop_assert_eq!(opened.expose(), original.as_str());
            // Again: the same bytes. As a line of a table, or as JSON: the same thing.
            prop_assert_eq!(&key(1).seal(SUBJECT, PLACE, &text(&original)).unwrap(), &sealed);
            prop_assert_eq!(&sealed.to_string().parse::<Sealed>().unwrap(), &sealed);
            let json = serde_json::to_string(&sealed).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Sealed>(&json).unwrap(), &sealed);
            // Another key, subject, record or field.
            prop_assert!(key(2).open(PLACE, &sealed).is_err());
            let others = Sealed { subject: Uuid::from_u128(9), ..sealed.clone() };
            prop_assert!(key(1).open(PLACE, &others).is_err());
            let elsewhere = Place { record: Uuid::from_u128(3), ..PLACE };
            prop_assert!(key(1).open(elsewhere, &sealed).is_err());
            let elsewhere = Place { field: "payments.remittanc", ..PLACE };
            prop_assert!(key(1).open(elsewhere, &sealed).is_err());
        }

        #[test]
        fn a_changed_bit_is_found(original in texts(), place in any::<prop::sample::Index>(), bit in 0..8u8) {
            let sealed = key(1).seal(SUBJECT, PLACE, &text(&original)).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(&sealed.ciphertext).unwrap();
            let at = place.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let changed = Sealed { ciphertext: URL_SAFE_NO_PAD.encode(bytes), ..sealed };
            prop_assert!(changed.is_well_formed());
            prop_assert!(key(1).open(PLACE, &changed).is_err());
        }

        #[test]
        fn other_texts_for_one_place_have_other_tags(one in texts(), other in texts()) {
            let seal = |of: &str| key(1).seal(SUBJECT, PLACE, &text(of)).unwrap();
            prop_assert_eq!(seal(&one).tag() == seal(&other).tag(), one == other);
        }
    }

    #[test]
    fn the_length_of_a_text_shows_only_in_blocks() {
        let length = |of: usize| {
            let sealed = key(1).seal(SUBJECT, PLACE, &text(&"x".repeat(of)));
            sealed.unwrap().ciphertext.len()
        };
        let lengths: HashSet<usize> = (0..BLOCK_BYTES).map(length).collect();
        assert_eq!(lengths, HashSet::from([123]));
        assert_eq!(length(BLOCK_BYTES), 208);
    }

    #[test]
    fn the_longest_remittance_information_fits_and_what_is_longer_is_refused() {
        let seal = |of: String| key(1).seal(SUBJECT, PLACE, &text(&of));
        assert!(seal("\u{1f3e6}".repeat(140)).is_ok());
        assert_eq!(seal("x".repeat(1_000)).unwrap_err(), SealError::TooLong);
    }

    #[test]
    fn the_same_text_in_two_places_looks_different() {
        let elsewhere = Place {
            record: Uuid::from_u128(3),
            ..PLACE
        };
        let seal = |place| key(1).seal(SUBJECT, place, &text("rent")).unwrap().ciphertext;
        let (one, other) = (seal(PLACE), seal(elsewhere));
        assert_ne!(one[..16], other[..16], "the nonce");
        assert_ne!(one[16..], other[16..]);
    }

    #[test]
    fn the_format_does_not_change_by_accident() {
        let sealed = key(1).seal(SUBJECT, PLACE, &text("rent for May")).unwrap();
        assert_eq!(sealed.to_string(), FORMAT);
        let opened = key(1).open(PLACE, &FORMAT.parse().unwrap()).unwrap();
        assert_eq!(opened.expose(), "rent for May");
    }

    /// What this version writes: logs hold it for ever. Computed by another implementation, that of OpenSSL by way of Python's
    /// `cryptography`.
    const FORMAT: &str = "a256gcmsiv.v1.00000000-0000-0000-0000-000000000001.SQGcgpzsU7Ot-kP3UmHAbLYKnOXb0a7mCyCxSZm6AOIUnCGglAuIKrGoIe54jTwSbaYXjBtV6SWzWCiyDic4cc3UFJKuTO07cOo6BL7CVLYi4KzurELDyBmsnqE";

    #[test]
    fn a_key_is_never_the_same_and_never_printed() {
        let (one, other) = (DataKey::generate().unwrap(), DataKey::generate().unwrap());
        assert_ne!(one.bytes(), other.bytes());
        assert_eq!(format!("{one:?}"), "DataKey(..)");
    }
}
