//! What the tests that failed have said, to be said again at the end, where whoever reads a long run looks first.

use std::fmt;

/// Of each failed test at most so many lines from the beginning of what it said, and so many from its end.
const FIRST_MAX: usize = 20;
const LAST_MAX: usize = 40;

/// How the test harness names the test whose output follows.
const NAMED: (&str, &str) = ("---- ", " stdout ----");

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Failures {
    tests: Vec<Failed>,
    reading: Reading,
}

#[derive(Debug, PartialEq, Eq)]
struct Failed {
    test: String,
    said: Vec<String>,
}

/// Where in the output of a test program the reader is.
#[derive(Debug, Default, PartialEq, Eq)]
enum Reading {
    #[default]
    Elsewhere,
    /// Among what the failed tests of a program said.
    Failures,
    /// Within what a failed test said: a backtrace, which would hide the rest.
    Backtrace,
}

impl Failures {
    /// A line of the tests' output.
    pub(super) fn heard(&mut self, line: &str) {
        self.reading = match (&self.reading, line) {
            (Reading::Elsewhere, "failures:") => Reading::Failures,
            (Reading::Elsewhere, _) => return,
            // The same heading once more: a list of names.
            (_, "failures:") => Reading::Elsewhere,
            (Reading::Failures, "stack backtrace:") => Reading::Backtrace,
            (Reading::Backtrace, line) if !line.starts_with("note: ") && named(line).is_none() => return,
            (_, line) => {
                if let Some(test) = named(line) {
                    let (test, said) = (test.to_owned(), Vec::new());
                    self.tests.push(Failed { test, said });
                } else if let Some(failed) = self.tests.last_mut()
                    && !line.starts_with("note: ")
                {
                    failed.said.push(line.to_owned());
                }
                Reading::Failures
            }
        };
    }
}

fn named(line: &str) -> Option<&str> {
    line.strip_prefix(NAMED.0)?.strip_suffix(NAMED.1)
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tests.is_empty() {
            return Ok(());
        }
        writeln!(f, "Failed:")?;
        for Failed { test, said } in &self.tests {
            writeln!(f, "  {test}")?;
            let left_out = FIRST_MAX..said.len().saturating_sub(LAST_MAX);
            for (number, line) in said.iter().enumerate() {
                if number == left_out.start && !left_out.is_empty() {
                    writeln!(f, "    ({} lines are left out here)", left_out.len())?;
                }
                if !left_out.contains(&number) && !line.is_empty() {
                    writeln!(f, "    {line}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(output: &str) -> String {
        let mut failures = Failures::default();
        for line in output.lines() {
            failures.heard(line);
        }
        failures.to_string()
    }

    #[test]
    fn what_failed_is_said_again_without_its_backtrace() {
        let output = "running 3 tests\ntest a ... ok\ntest b ... FAILED\ntest c ... FAILED\n\nsuccesses:\n\n\
            ---- a stdout ----\nseed 7\n\nsuccesses:\n    a\n\nfailures:\n\n---- b stdout ----\nseed 8\n\n\
            thread 'b' (12) panicked at tests/b.rs:9:5:\nleft\nstack backtrace:\n   0: rust_begin_unwind\n             \
            at panicking.rs:689:5\nnote: Some details are omitted\n\n---- c stdout ----\nError: \"no\"\n\nfailures:\n    \
            b\n    c\n\ntest result: FAILED. 1 passed; 2 failed; 0 ignored\n\nfurther\n";
        let expected = "Failed:\n  b\n    seed 8\n    thread 'b' (12) panicked at tests/b.rs:9:5:\n    left\n  c\n    \
            Error: \"no\"\n";
        assert_eq!(said(output), expected);
        assert_eq!(
            said("test result: ok. 1 passed; 0 failed\n---- a stdout ----\n"),
            ""
        );
    }

    #[test]
    fn of_a_test_that_said_much_its_beginning_and_its_end_are_said_again() {
        let lines: String = (0..100).map(|line| format!("line {line}\n")).collect();
        let said = said(&format!(
            "failures:\n---- b stdout ----\n{lines}\nfailures:\n    b\n"
        ));
        for line in [
            "line 19\n    (41 lines are left out here)\n    line 61\n",
            "line 99\n",
        ] {
            assert!(said.contains(line), "{said}");
        }
    }
}
