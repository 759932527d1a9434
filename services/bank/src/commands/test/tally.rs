//! What a run of `cargo test` said: counts over all its programs, and what could not be tested.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{BufRead, Write};

use super::failures::Failures;
use super::hang::SignsOfLife;

/// What a test prints that could not do its work here.
const SKIPPED: &str = "SKIPPED";

/// The sum of a run. Shown, it ends with one line of counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    passed: u64,
    failed: u64,
    /// Not run at all.
    ignored: u64,
    /// The reasons that tests gave, each once.
    skipped: BTreeSet<String>,
    failures: Failures,
}

impl Tally {
    /// Passes the tests' output on, line by line, and adds it up.
    pub(super) fn of(output: impl BufRead, mut shown: impl Write, signs: &SignsOfLife) -> Self {
        let mut tally = Self::default();
        // By bytes: a line that is no text must not end the reading, after which the tests could not write any more.
        for line in output.split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            // Who closes the output early has seen enough; the tests go on.
            let _closed = writeln!(shown, "{line}");
            signs.heard(&line);
            tally.failures.heard(line.trim_end());
            tally.add(line.trim());
        }
        tally
    }

    /// Counts tests that never came to a result.
    pub(super) fn add_hung(&mut self, tests: usize) {
        self.failed += tests as u64;
    }

    fn add(&mut self, line: &str) {
        if line.starts_with(SKIPPED) {
            self.skipped.insert(line.to_owned());
        } else if let Some(counts) = line.strip_prefix("test result: ") {
            // Such as `ok. 4 passed; 0 failed; 0 ignored; ...`.
            for part in counts.split(['.', ';']) {
                match part.trim().split_once(' ') {
                    Some((count, "passed")) => self.passed += count.parse().unwrap_or(0),
                    Some((count, "failed")) => self.failed += count.parse().unwrap_or(0),
                    Some((count, "ignored")) => self.ignored += count.parse().unwrap_or(0),
                    _ => {}
                }
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.skipped.is_empty() {
            writeln!(f, "Not tested here:")?;
            for line in &self.skipped {
                writeln!(f, "  {line}")?;
            }
        }
        let Self {
            passed,
            failed,
            ignored,
            skipped,
            failures,
        } = self;
        let skipped = ignored + skipped.len() as u64;
        write!(f, "{failures}")?;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    // What the tests below pass on must not be counted by the run that they are part of.
    use std::io::sink;

    use super::*;

    #[test]
    fn the_counts_of_all_programs_are_added_up() {
        let output = "test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                      test result: FAILED. 2 passed; 1 failed; 3 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(
            Tally::of(output.as_bytes(), sink(), &SignsOfLife::default()).to_string(),
            "6 passed, 1 failed, 3 skipped"
        );
    }

    #[test]
    fn what_was_skipped_is_said_again_each_once() {
        let output = "test a ... ok\nSKIPPED: no data\n  SKIPPED: no disk\nSKIPPED: no data\n";
        let said = Tally::of(output.as_bytes(), sink(), &SignsOfLife::default()).to_string();
        let expected =
            "Not tested here:\n  SKIPPED: no data\n  SKIPPED: no disk\n0 passed, 0 failed, 2 skipped";
        assert_eq!(said, expected);
    }

    #[test]
    fn a_line_that_is_no_text_does_not_end_the_reading() {
        let output = b"\xff\xfe\nSKIPPED: after it\n";
        assert!(
            Tally::of(&output[..], sink(), &SignsOfLife::default())
                .to_string()
                .contains("SKIPPED: after it")
        );
    }
}
