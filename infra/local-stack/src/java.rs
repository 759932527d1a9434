//! The Java that runs Kafka.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::error::{Result, StackError};

/// Kafka 4's brokers are compiled for Java 17.
const OLDEST: u32 = 17;

/// A Java that is new enough.
#[derive(Clone, Debug)]
pub(crate) struct Java {
    pub(crate) program: OsString,
    /// What it says of its version, in full.
    pub(crate) words: String,
}

/// The `java` to run: `$JAVA_HOME`'s, else the one on the path; checked to be new enough.
pub(crate) fn find() -> Result<Java> {
    // Asking costs the start of a Java, so a process does it once.
    static FOUND: OnceLock<Java> = OnceLock::new();
    match FOUND.get() {
        Some(java) => Ok(java.clone()),
        None => {
            let java = look()?;
            Ok(FOUND.get_or_init(|| java).clone())
        }
    }
}

fn look() -> Result<Java> {
    let java = match std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty()) {
        Some(home) => PathBuf::from(home).join("bin/java").into_os_string(),
        None => OsString::from("java"),
    };
    // Standard error, as Java has printed it there ever since.
    let answer = Command::new(&java)
        .arg("-version")
        .output()
        .map_err(|_| StackError::JavaMissing)?;
    let words = String::from_utf8_lossy(&answer.stderr).into_owned();
    // macOS has a `java` that only tells where to get one.
    let found = version_in(&words).ok_or(StackError::JavaMissing)?;
    if major_of(found).is_some_and(|major| major >= OLDEST) {
        return Ok(Java { program: java, words });
    }
    Err(StackError::JavaTooOld {
        java: java.to_string_lossy().into_owned(),
        found: found.to_owned(),
    })
}

/// The quoted version in what `java -version` prints.
fn version_in(words: &str) -> Option<&str> {
    let line = words.lines().find(|line| line.contains(" version \""))?;
    line.split('"').nth(1)
}

/// The feature release: 17 of `17.0.15`, 8 of `1.8.0_392`, 26 of `26-ea`.
fn major_of(version: &str) -> Option<u32> {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    match numbers.next()?.parse().ok()? {
        1 => numbers.next()?.parse().ok(),
        major => Some(major),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feature_release_is_read_from_old_and_new_version_strings() {
        let given = [
            ("openjdk version \"17.0.15\" 2025-04-15\nmore", 17),
            ("java version \"1.8.0_392\"", 8),
            (
                "Picked up JAVA_TOOL_OPTIONS: -Xint\nopenjdk version \"26-ea\" 2026-03-17",
                26,
            ),
        ];
        for (words, major) in given {
            assert_eq!(version_in(words).and_then(major_of), Some(major), "{words}");
        }
    }

    #[test]
    fn words_that_are_no_version_are_no_java() {
        assert_eq!(version_in("No Java runtime present, requesting install."), None);
    }
}
