//! What is fetched: pinned poms and checksums, compiled in so that a copied binary can fetch as well.

use crate::error::Result;
use crate::platform;

/// The version of Apache Kafka that the stack runs.
pub const KAFKA_VERSION: &str = "4.4.0";
/// The version of PostgreSQL that the stack runs, as its Maven artifact numbers it.
pub const POSTGRES_VERSION: &str = "18.6.0";

/// One file that a fetch must yield.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) file: String,
    /// Lower-case hexadecimal SHA-256 of the whole file.
    pub(crate) sha256: String,
}

/// How the fetched files are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// As they came.
    AsIs,
    /// The one file is an xz-packed tar, of which the contents are kept.
    Unpacked,
}

/// Files that are fetched, checked and kept together.
#[derive(Clone, Debug)]
pub(crate) struct Bundle {
    /// For people: `Apache Kafka`.
    pub(crate) title: &'static str,
    /// For file names: `kafka`.
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) pom: &'static str,
    /// Properties of the pom.
    pub(crate) properties: Vec<(&'static str, String)>,
    pub(crate) pins: Vec<Pin>,
    pub(crate) kept: Kept,
}

/// Kafka's jars, the same on every platform.
pub(crate) fn kafka() -> Bundle {
    Bundle {
        title: "Apache Kafka",
        name: "kafka",
        version: KAFKA_VERSION,
        pom: include_str!("../../kafka/pom.xml"),
        properties: Vec::new(),
        pins: pins_of(include_str!("../../kafka/checksums.sha256")),
        kept: Kept::AsIs,
    }
}

/// PostgreSQL's binaries for this platform.
pub(crate) fn postgres() -> Result<Bundle> {
    let platform = platform::postgres_platform()?;
    let archive = platform::postgres_archive(platform);
    let mut pins = pins_of(include_str!("../../postgres/checksums.sha256"));
    pins.retain(|pin| pin.file == archive);
    Ok(Bundle {
        title: "PostgreSQL",
        name: "postgres",
        version: POSTGRES_VERSION,
        pom: include_str!("../../postgres/pom.xml"),
        properties: vec![("platform", platform.to_owned())],
        pins,
        kept: Kept::Unpacked,
    })
}

/// The lines of a file as `sha256sum` writes it.
fn pins_of(list: &str) -> Vec<Pin> {
    list.lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(sha256, file)| Pin {
            file: file.to_owned(),
            sha256: sha256.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_lists_pin_the_versions_that_the_poms_ask_for() {
        let kafka = kafka();
        assert!(kafka.pom.contains(&format!("<version>{KAFKA_VERSION}</version>")));
        assert!(
            kafka
                .pins
                .iter()
                .any(|pin| pin.file == format!("kafka_2.13-{KAFKA_VERSION}.jar"))
        );
        let postgres = postgres().unwrap();
        assert!(
            postgres
                .pom
                .contains(&format!("<version>{POSTGRES_VERSION}</version>"))
        );
        assert_eq!(postgres.pins.len(), 1, "one archive for this platform");
        for pin in kafka.pins.iter().chain(&postgres.pins) {
            assert_eq!(pin.sha256.len(), 64, "{pin:?}");
        }
    }

    #[test]
    fn every_supported_platform_has_its_archive_pinned() {
        let pins = pins_of(include_str!("../../postgres/checksums.sha256"));
        for platform in ["linux-amd64", "linux-arm64v8", "darwin-amd64", "darwin-arm64v8"] {
            let archive = platform::postgres_archive(platform);
            assert!(pins.iter().any(|pin| pin.file == archive), "{platform}");
        }
    }
}
