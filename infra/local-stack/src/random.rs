//! Randomness for names and secrets of the local servers, straight from the operating system.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{At, Result};

/// Random bytes.
///
/// # Errors
/// `STACK_IO`.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; N];
    let mut file = File::open(source).at("can't open", source)?;
    file.read_exact(&mut bytes).at("can't read", source)?;
    Ok(bytes)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A Kafka cluster id as Kafka's own tool makes it: 16 random bytes in URL-safe base 64 without padding. One in 64 begins
/// with a dash, which Kafka's tools take for an option; like Kafka, we draw another then.
///
/// # Errors
/// `STACK_IO`.
pub(crate) fn cluster_id() -> Result<String> {
    loop {
        let id = base64(u128::from_be_bytes(bytes()?));
        if !id.starts_with('-') {
            return Ok(id);
        }
    }
}

fn base64(number: u128) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // 128 bits fill 21 digits and two bits of the last, which is padded with zeros.
    let digit = |place: u32| {
        let bits = if place < 21 {
            number >> (122 - 6 * place)
        } else {
            number << 4
        };
        char::from(DIGITS[(bits & 63) as usize])
    };
    (0..22).map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_id_has_22_url_safe_digits_and_is_never_the_same() {
        let (one, other) = (cluster_id().unwrap(), cluster_id().unwrap());
        assert_eq!(one.len(), 22);
        assert!(
            one.chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'),
            "{one}"
        );
        assert_ne!(one, other);
    }

    #[test]
    fn no_cluster_id_looks_like_an_option() {
        assert!(base64(62 << 122).starts_with('-'), "one in 64 would");
        for _ in 0..2_000 {
            let id = cluster_id().unwrap();
            assert!(!id.starts_with('-'), "{id}");
        }
    }
}
