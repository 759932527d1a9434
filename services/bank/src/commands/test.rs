//! `bank test`: every test of the workspace, against a real stack that lives as long as the run.

mod failures;
mod hang;
mod tally;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::BufReader;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Deserialize;
use tributary_local_stack::{Options, Progress, Stack};

use self::hang::SignsOfLife;
use self::tally::Tally;
use crate::interrupt::Interrupt;

/// Test targets whose names begin so take long, and so do tests in modules of such names; `--quick` leaves them out.
const SLOW: &str = "slow_";

/// What tests of random input go by, where `--quick` tries less of it and the environment doesn't say how much.
const FEWER: [(&str, &str); 2] = [("PROPTEST_CASES", "64"), ("TRIBUTARY_SEEDS", "0..20")];

/// Runs the tests against a Kafka and a PostgreSQL of their own.
///
/// Where KAFKA_BROKERS or DATABASE_URL is set, that server is used and none is started in its place.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Leave out the test targets and modules whose names begin with slow_, and try less random input (64 cases, 20 seeds)
    #[arg(long)]
    quick: bool,
    /// End a run whose tests have said nothing for so long, and tell what they were doing
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    hung_after: u64,
    /// Arguments for cargo test, such as a package or a filter
    #[arg(allow_hyphen_values = true, value_name = "CARGO TEST ARGUMENT")]
    cargo: Vec<String>,
    /// Arguments for the tests themselves
    #[arg(last = true, value_name = "TEST ARGUMENT")]
    tests: Vec<String>,
}

impl Test {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let interrupt = Interrupt::listen()?;
        let mut options = Options::temporary();
        options.progress = Progress::on_stderr();
        let stack = Stack::start(&options)?;
        let outcome = self.run_tests(&stack, &interrupt);
        stack.stop()?;
        outcome
    }

    fn run_tests(&self, stack: &Stack, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
        let mut cargo = Command::new(cargo_program());
        cargo
            .arg("test")
            .args(self.arguments()?)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        cargo
            .env("KAFKA_BROKERS", stack.brokers())
            .env("DATABASE_URL", stack.database_url());
        if self.quick {
            let unset = |name: &str| std::env::var_os(name).is_none();
            cargo.envs(FEWER.into_iter().filter(|(name, _)| unset(name)));
        }
        // A group of its own, so that an interrupt ends cargo and the tests it runs, not cargo alone.
        let mut child = cargo.process_group(0).spawn().context("can't run cargo")?;
        let output = child.stdout.take().context("cargo's output is not captured")?;
        let signs = Arc::new(SignsOfLife::default());
        let reader = std::thread::spawn({
            let signs = Arc::clone(&signs);
            move || Tally::of(BufReader::new(output), std::io::stdout(), &signs)
        });
        let silence_max = Duration::from_secs(60 * self.hung_after);
        let (status, hung) = wait(&mut child, interrupt, || signs.silent_for() > silence_max)?;
        let mut tally = reader.join().unwrap_or_default();
        if hung {
            let unended = signs.unended();
            println!(
                "error: the tests said nothing for {} minutes. Never ended:",
                self.hung_after
            );
            for test in &unended {
                println!("  {test}");
            }
            tally.add_hung(unended.len().max(1));
        }
        // Last, for those who read only the end.
        println!("\n{tally}");
        Ok(exit_code(status))
    }

    /// What `cargo test` is told: which targets, what the caller said, and to show what tests print, since seeds,
    /// measured times and reasons for skipping are printed by tests that pass.
    fn arguments(&self) -> anyhow::Result<Vec<String>> {
        // Two dashes end up among cargo's arguments, unless nothing stands before them.
        let mut halves = self.cargo.splitn(2, |word| word == "--");
        let for_cargo = halves.next().unwrap_or_default();
        let for_tests = halves.next().unwrap_or_default();
        let chosen = for_cargo
            .iter()
            .any(|word| word == "-p" || word.starts_with("--package"));
        let mut words = Vec::new();
        if !chosen {
            words.push("--workspace".to_owned());
        }
        if self.quick {
            ensure!(
                !chosen,
                "--quick is a choice among all tests: leave it out when you name a package"
            );
            words.extend(["--lib", "--bins"].map(str::to_owned));
            for target in quick_targets()? {
                words.extend(["--test".to_owned(), target]);
            }
        }
        words.extend_from_slice(for_cargo);
        // All that fails is said, not only what fails first.
        words.push("--no-fail-fast".to_owned());
        words.extend(["--", "--show-output"].map(str::to_owned));
        if self.quick {
            words.extend(["--skip", SLOW].map(str::to_owned));
        }
        words.extend_from_slice(for_tests);
        words.extend_from_slice(&self.tests);
        Ok(words)
    }
}

/// The cargo that runs this command, else the one on the path.
fn cargo_program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// The workspace's integration tests without the slow ones.
fn quick_targets() -> anyhow::Result<BTreeSet<String>> {
    let mut cargo = Command::new(cargo_program());
    cargo
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit());
    let answer = cargo.output().context("can't run cargo metadata")?;
    ensure!(answer.status.success(), "cargo metadata failed");
    let metadata: Metadata = serde_json::from_slice(&answer.stdout).context("can't read cargo metadata")?;
    let targets = metadata.packages.into_iter().flat_map(|package| package.targets);
    let tests = targets.filter(|target| target.kind.iter().any(|kind| kind == "test"));
    Ok(tests
        .map(|target| target.name)
        .filter(|name| !name.starts_with(SLOW))
        .collect())
}

/// The part of `cargo metadata` that names the targets.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Waits for the tests, and says whether they hung: then what they do is told, and they are ended. An interrupt is passed
/// on to them, and then they are waited for as well.
fn wait(
    child: &mut Child,
    interrupt: &Interrupt,
    hang: impl Fn() -> bool,
) -> anyhow::Result<(ExitStatus, bool)> {
    let (mut ended, mut hung) = (false, false);
    interrupt.wait_unless(|| {
        // An error is met again below, where it can be told.
        ended = child.try_wait().is_ok_and(|status| status.is_some());
        hung = !ended && hang();
        ended || hung
    });
    if hung {
        println!("{}", hang::describe(child.id()));
    }
    if !ended {
        let group = i32::try_from(child.id()).context("a process id that is no process id")?;
        // A hung process may not listen any more. The group may have ended at this moment.
        let signal = if hung { Signal::SIGKILL } else { Signal::SIGTERM };
        let _maybe_gone = killpg(Pid::from_raw(group), signal);
    }
    Ok((child.wait().context("can't wait for cargo")?, hung))
}

/// The exit status as a shell would give it: the command's own, or 128 and the signal that ended it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    /// What cargo is told when a person types these words after `bank test`.
    fn arguments(words: &[&str]) -> Vec<String> {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            test: Test,
        }
        let words = ["test"].iter().chain(words);
        Line::parse_from(words).test.arguments().unwrap()
    }

    #[test]
    fn the_whole_workspace_is_tested_unless_a_package_is_named() {
        assert_eq!(
            arguments(&[]),
            ["--workspace", "--no-fail-fast", "--", "--show-output"]
        );
        assert_eq!(
            arguments(&["-p", "bank"]),
            ["-p", "bank", "--no-fail-fast", "--", "--show-output"]
        );
        assert_eq!(
            arguments(&["--package=bank"]),
            ["--package=bank", "--no-fail-fast", "--", "--show-output"]
        );
    }

    #[test]
    fn what_follows_two_dashes_is_for_the_tests() {
        let given = ["a_name", "--", "--test-threads", "1"];
        let told = [
            "--workspace",
            "a_name",
            "--no-fail-fast",
            "--",
            "--show-output",
            "--test-threads",
            "1",
        ];
        assert_eq!(arguments(&given), told);
        assert_eq!(
            arguments(&["--", "a"]),
            ["--workspace", "--no-fail-fast", "--", "--show-output", "a"]
        );
    }

    #[test]
    fn quick_leaves_out_what_takes_long_and_nothing_else() {
        let targets = quick_targets().unwrap();
        assert!(targets.contains("stack"), "{targets:?}");
        let told = arguments(&["--quick"]);
        assert!(told.ends_with(&["--skip", SLOW].map(str::to_owned)), "{told:?}");
        assert!(!targets.iter().any(|name| name.starts_with(SLOW)), "{targets:?}");
    }

    #[test]
    fn the_exit_status_is_passed_on() {
        let status = Command::new("sh").args(["-c", "exit 101"]).status().unwrap();
        assert_eq!(exit_code(status), ExitCode::from(101));
        let status = Command::new("sh").args(["-c", "kill -TERM $$"]).status().unwrap();
        assert_eq!(exit_code(status), ExitCode::from(143));
    }
}
