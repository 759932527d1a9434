//! Master keys: what wraps the subjects' keys, and is in no database.

use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::{BoxFuture, FutureExt};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::DataKey;
use crate::key::KEY_BYTES;

const NONCE_BYTES: usize = 12;

/// Bytes of a key's name, which is a digest of it.
const ID_BYTES: usize = 8;

/// A subject's key, as the key store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// Names the master key.
    pub master: String,
    pub bytes: Vec<u8>,
}

/// Wraps and unwraps the keys of data subjects. A key management service (KMS) of a cloud or a hardware module does it behind
/// its own interface, so that this process never has the master key: its `wrap` and `unwrap` are the service's encrypt and
/// decrypt, the subject goes along as the encryption context, and `current` is the key's name and version there.
pub trait MasterKeys: fmt::Debug + Send + Sync {
    /// Name of the master key that wraps from now on.
    fn current(&self) -> &str;

    /// Wraps the subject's key with the current master key.
    fn wrap<'k>(&'k self, subject: Uuid, key: &'k DataKey) -> BoxFuture<'k, Result<Wrapped, MasterKeyError>>;

    /// Unwraps the subject's key with the master key that it names.
    fn unwrap<'k>(
        &'k self,
        subject: Uuid,
        wrapped: &'k Wrapped,
    ) -> BoxFuture<'k, Result<DataKey, MasterKeyError>>;
}

/// What is wrong with master keys.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: std::io::Error },
    #[error("{} can be read by others: allow it to its owner alone (chmod 600)", path.display())]
    Exposed { path: PathBuf },
    #[error("no master key: give one a line, each of 32 bytes in base64 (URL alphabet, no padding)")]
    Malformed,
    #[error("the key store holds keys that were wrapped by master key {0}, which is not here")]
    Unknown(String),
    #[error("a wrapped key was changed, or belongs to another subject")]
    Forged,
    /// The key management service does not answer.
    #[error("the master key can't be used now: {0}")]
    Unavailable(String),
    #[error("the system has no randomness")]
    Randomness,
}

impl MasterKeyError {
    /// Stable code, listed in `docs/personal-data.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "PII_MASTER_KEY_FILE",
            Self::Exposed { .. } => "PII_MASTER_KEY_EXPOSED",
            Self::Malformed => "PII_MASTER_KEY_MALFORMED",
            Self::Unknown(_) => "PII_MASTER_KEY_UNKNOWN",
            Self::Forged => "PII_WRAPPED_KEY_FORGED",
            Self::Unavailable(_) => "PII_MASTER_KEY_UNAVAILABLE",
            Self::Randomness => "PII_NO_RANDOMNESS",
        }
    }
}

struct MasterKey {
    id: String,
    key: Zeroizing<[u8; KEY_BYTES]>,
}

impl MasterKey {
    fn generate() -> Result<Self, MasterKeyError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(key.as_mut_slice()).map_err(|_| MasterKeyError::Randomness)?;
        Ok(Self::of(key))
    }

    fn of(key: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let digest = Sha256::new_with_prefix(b"tributary pii master key")
            .chain_update(key.as_slice())
            .finalize();
        let id = digest.iter().take(ID_BYTES).map(|byte| format!("{byte:02x}"));
        Self {
            id: id.collect(),
            key,
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(line).ok()?);
        Some(Self::of(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    fn written(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.key.as_slice()))
    }

    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new((&*self.key).into())
    }

    fn bound_to(&self, subject: Uuid) -> Vec<u8> {
        let parts: [&[u8]; 3] = [b"tributary pii wrap v1 ", self.id.as_bytes(), subject.as_bytes()];
        parts.concat()
    }

    fn wrap(&self, subject: Uuid, key: &DataKey) -> Result<Wrapped, MasterKeyError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| MasterKeyError::Randomness)?;
        let payload = Payload {
            msg: key.bytes(),
            aad: &self.bound_to(subject),
        };
        let wrapped = self.cipher().encrypt(&Nonce::from(nonce), payload);
        let mut bytes = nonce.to_vec();
        bytes.append(&mut wrapped.map_err(|_| MasterKeyError::Forged)?);
        Ok(Wrapped {
            master: self.id.clone(),
            bytes,
        })
    }

    fn unwrap(&self, subject: Uuid, wrapped: &[u8]) -> Option<DataKey> {
        let (nonce, wrapped) = wrapped.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: wrapped,
            aad: &self.bound_to(subject),
        };
        let key = self.cipher().decrypt(&Nonce::from(*nonce), payload).ok()?;
        DataKey::from_bytes(&Zeroizing::new(key))
    }
}

/// Master keys in this process' memory, from a file or an environment variable: one a line, the first wraps, all unwrap.
/// For a bank on one machine; `docs/personal-data.md` says what production takes instead.
pub struct LocalMasterKeys {
    current: MasterKey,
    former: Vec<MasterKey>,
}

impl LocalMasterKeys {
    /// Reads keys: one a line or between commas; empty lines and those that begin with `#` don't count.
    ///
    /// # Errors
    /// When there is none, or one that is none. It is not repeated.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let keys = lines.flat_map(|line| line.split(',')).map(str::trim);
        let mut keys = keys
            .filter(|key| !key.is_empty())
            .map(|key| MasterKey::parse(key).ok_or(MasterKeyError::Malformed));
        Ok(Self {
            current: keys.next().ok_or(MasterKeyError::Malformed)??,
            former: keys.collect::<Result<_, _>>()?,
        })
    }

    /// Reads a file that only its owner may read.
    ///
    /// # Errors
    /// When it can't be read, others may read it, or it holds no keys.
    pub fn read(path: &Path) -> Result<Self, MasterKeyError> {
        Self::parse(&text_of(path)?)
    }

    /// Reads a file; where there is none, makes a key and writes it there, for its owner alone.
    ///
    /// # Errors
    /// As [`LocalMasterKeys::read`], or when it can't be written.
    pub fn read_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        if !path.exists() {
            let key = MasterKey::generate()?;
            let text = Zeroizing::new(format!("{}\n", &*key.written()));
            // Linked rather than renamed: of two that make one at once, one wins, and both read that.
            write_private(path, &text, |new| match fs::hard_link(new, path) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
                linked => linked,
            })?;
        }
        Self::read(path)
    }

    /// Makes a new key and puts it in front of those of a file: whoever reads the file from now on wraps with it. The others
    /// stay, until every subject's key is wrapped anew ([`Vault::rewrap`](crate::Vault::rewrap)). Returns its name.
    ///
    /// # Errors
    /// As [`LocalMasterKeys::read`], or when it can't be written.
    pub fn rotate(path: &Path) -> Result<String, MasterKeyError> {
        let former = text_of(path)?;
        Self::parse(&former)?;
        let key = MasterKey::generate()?;
        let text = Zeroizing::new(format!("{}\n{}", &*key.written(), &*former));
        write_private(path, &text, |new| fs::rename(new, path))?;
        Ok(key.id)
    }

    /// Names of the keys, the one that wraps first.
    pub fn ids(&self) -> Vec<&str> {
        self.all().map(|key| key.id.as_str()).collect()
    }

    fn all(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.current).chain(&self.former)
    }
}

impl fmt::Debug for LocalMasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalMasterKeys").field(&self.ids()).finish()
    }
}

impl MasterKeys for LocalMasterKeys {
    fn current(&self) -> &str {
        &self.current.id
    }

    fn wrap<'k>(&'k self, subject: Uuid, key: &'k DataKey) -> BoxFuture<'k, Result<Wrapped, MasterKeyError>> {
        async move { self.current.wrap(subject, key) }.boxed()
    }

    fn unwrap<'k>(
        &'k self,
        subject: Uuid,
        wrapped: &'k Wrapped,
    ) -> BoxFuture<'k, Result<DataKey, MasterKeyError>> {
        async move {
            let named = self.all().find(|key| key.id == wrapped.master);
            let master = named.ok_or_else(|| MasterKeyError::Unknown(wrapped.master.clone()))?;
            let key = master.unwrap(subject, &wrapped.bytes);
            key.ok_or(MasterKeyError::Forged)
        }
        .boxed()
    }
}

fn text_of(path: &Path) -> Result<Zeroizing<String>, MasterKeyError> {
    let at = |error| MasterKeyError::File {
        path: path.to_owned(),
        error,
    };
    if fs::metadata(path).map_err(at)?.mode() & 0o077 != 0 {
        return Err(MasterKeyError::Exposed {
            path: path.to_owned(),
        });
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(at)
}

/// Writes a file beside the one that is meant, whole and on the disk, before it takes its place: a key that is lost half-way
/// would take with it all that it wrapped.
fn write_private(
    path: &Path,
    text: &str,
    place: impl FnOnce(&Path) -> std::io::Result<()>,
) -> Result<(), MasterKeyError> {
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let write = || {
        let mut file = fs::File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        place(&new)?;
        // The name is on the disk when its directory is.
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    };
    let written = write();
    // Gone already where it was renamed.
    drop(fs::remove_file(&new));
    written.map_err(|error| MasterKeyError::File {
        path: path.to_owned(),
        error,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const SUBJECT: Uuid = Uuid::from_u128(1);

    async fn wrapped(keys: &LocalMasterKeys) -> (DataKey, Wrapped) {
        let key = DataKey::generate().unwrap();
        let wrapped = keys.wrap(SUBJECT, &key).await.unwrap();
        (key, wrapped)
    }

    #[tokio::test]
    async fn a_key_is_unwrapped_for_its_subject_alone() {
        let home = tempfile::tempdir().unwrap();
        let keys = LocalMasterKeys::read_or_create(&home.path().join("master.key")).unwrap();
        let (key, good) = wrapped(&keys).await;
        assert_eq!(keys.unwrap(SUBJECT, &good).await.unwrap().bytes(), key.bytes());
        assert!(!good.bytes.windows(KEY_BYTES).any(|bytes| bytes == key.bytes()));
        let code = async |subject, wrapped: &Wrapped| keys.unwrap(subject, wrapped).await.unwrap_err().code();
        assert_eq!(code(Uuid::from_u128(2), &good).await, "PII_WRAPPED_KEY_FORGED");
        for at in 0..good.bytes.len() {
            let mut changed = good.clone();
            changed.bytes[at] ^= 1;
            assert_eq!(code(SUBJECT, &changed).await, "PII_WRAPPED_KEY_FORGED");
        }
        let cut = Wrapped {
            bytes: good.bytes[..5].to_vec(),
            ..good.clone()
        };
        assert_eq!(code(SUBJECT, &cut).await, "PII_WRAPPED_KEY_FORGED");
        let other = Wrapped {
            master: "0011223344556677".to_owned(),
            ..good
        };
        assert_eq!(code(SUBJECT, &other).await, "PII_MASTER_KEY_UNKNOWN");
    }

    #[tokio::test]
    async fn a_new_master_key_wraps_and_the_former_still_unwraps() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("master.key");
        let before = LocalMasterKeys::read_or_create(&path).unwrap();
        let (key, by_former) = wrapped(&before).await;
        let id = LocalMasterKeys::rotate(&path).unwrap();
        let after = LocalMasterKeys::read(&path).unwrap();
        assert_eq!(after.ids(), [id.as_str(), before.current()]);
        assert_eq!(
            after.unwrap(SUBJECT, &by_former).await.unwrap().bytes(),
            key.bytes()
        );
        let (_, by_new) = wrapped(&after).await;
        assert_eq!(by_new.master, id);
        let error = before.unwrap(SUBJECT, &by_new).await.unwrap_err();
        assert_eq!(error.code(), "PII_MASTER_KEY_UNKNOWN");
    }

    #[test]
    fn a_file_is_made_once_for_its_owner_and_refused_where_others_may_read_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("master.key");
        let missing = LocalMasterKeys::read(&path).unwrap_err();
        assert_eq!(missing.code(), "PII_MASTER_KEY_FILE");
        let made = LocalMasterKeys::read_or_create(&path).unwrap();
        let again = LocalMasterKeys::read_or_create(&path).unwrap();
        assert_eq!(made.ids(), again.ids());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!format!("{made:?}").contains(text.trim()));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        for exposed in [
            LocalMasterKeys::read(&path),
            LocalMasterKeys::read_or_create(&path),
        ] {
            assert_eq!(exposed.unwrap_err().code(), "PII_MASTER_KEY_EXPOSED");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let good = "A".repeat(43);
        let two = LocalMasterKeys::parse(&format!("# a comment\n\n{good},{}\n", "B".repeat(42) + "A"));
        assert_eq!(two.unwrap().ids().len(), 2);
        for text in [
            "",
            "# nothing",
            "secret",
            &"A".repeat(42),
            &format!("{good}\nsecret"),
        ] {
            let error = LocalMasterKeys::parse(text).unwrap_err();
            assert_eq!(error.code(), "PII_MASTER_KEY_MALFORMED", "{text}");
            assert!(!error.to_string().contains("secret"));
        }
    }
}
