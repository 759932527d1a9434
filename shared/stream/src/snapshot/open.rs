//! Where snapshots are kept, as it is written on a command line: a directory, or a bucket's URL.

#[cfg(feature = "cloud")]
use std::ffi::OsString;

use url::Url;

use super::ObjectSnapshots;

/// Why a place for snapshots can't be used. The texts leave out what in a URL may be secret: user, password and query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("{}: the URL of the place for snapshots can't be read: {why}", self.code())]
    Malformed { why: String },
    #[error(
        "{}: {place} is no place for snapshots: a directory is, or a URL that begins with file, s3, gs, az, abfs or abfss",
        self.code()
    )]
    UnknownScheme { place: String },
    #[error(
        "{}: this build keeps snapshots in local directories only; for {place} build it with `--features cloud`",
        self.code()
    )]
    CloudNotBuilt { place: String },
    #[error("{}: {place} can't be used for snapshots: {why}", self.code())]
    Unusable { place: String, why: String },
}

impl OpenError {
    /// Stable, listed in `docs/snapshots.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "SNAPSHOTS_URL_MALFORMED",
            Self::UnknownScheme { .. } => "SNAPSHOTS_SCHEME_UNKNOWN",
            Self::CloudNotBuilt { .. } => "SNAPSHOTS_CLOUD_NOT_BUILT",
            Self::Unusable { .. } => "SNAPSHOTS_UNUSABLE",
        }
    }
}

/// Schemes of the buckets that the `cloud` feature knows.
const CLOUD: [&str; 7] = ["s3", "s3a", "gs", "az", "azure", "abfs", "abfss"];

impl ObjectSnapshots {
    /// A directory's path, or a URL. Buckets take their credentials from the environment, by the names that the vendors'
    /// own tools use (`AWS_ACCESS_KEY_ID`, `GOOGLE_SERVICE_ACCOUNT`, `AZURE_STORAGE_ACCOUNT_NAME`, ...).
    ///
    /// # Errors
    /// When it is no such place, or can't be used. A bucket is first asked when a snapshot is read or written.
    pub fn open(place: &str) -> Result<Self, OpenError> {
        if !place.contains("://") {
            return Self::in_directory(place);
        }
        let url = Url::parse(place).map_err(|error| OpenError::Malformed {
            why: error.to_string(),
        })?;
        let place = shown(&url);
        match url.scheme() {
            "file" => match url.to_file_path() {
                Ok(directory) => Self::in_directory(directory),
                Err(()) => Err(OpenError::Malformed {
                    why: format!("{place} names no local directory"),
                }),
            },
            scheme if CLOUD.contains(&scheme) => Self::in_bucket(&url, place),
            _ => Err(OpenError::UnknownScheme { place }),
        }
    }

    #[cfg(not(feature = "cloud"))]
    fn in_bucket(_: &Url, place: String) -> Result<Self, OpenError> {
        Err(OpenError::CloudNotBuilt { place })
    }

    #[cfg(feature = "cloud")]
    fn in_bucket(url: &Url, place: String) -> Result<Self, OpenError> {
        // A snapshot may be large; the limit of one request is for all of its bytes.
        let limits = [("timeout".to_owned(), "5m".to_owned())];
        // What isn't text can't be meant for the store.
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let environment = std::env::vars_os().filter_map(text);
        let opened = object_store::parse_url_opts(url, environment.chain(limits));
        let unusable = |error: &dyn std::fmt::Display| OpenError::Unusable {
            place: place.clone(),
            why: error.to_string(),
        };
        let (store, root) = opened.map_err(|error| unusable(&error))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("snapshots-http")
            .enable_all()
            .build()
            .map_err(|error| unusable(&error))?;
        let waiting = super::objects::Waiting::Runtime(runtime);
        Ok(Self::new(store.into(), root, waiting))
    }
}

/// Scheme, host and path of a URL.
fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    format!("{}://{host}{}", url.scheme(), url.path())
}
