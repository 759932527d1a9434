//! Commands that a test runs to their end.

use std::{
    fs::File,
    io::{Read, Seek},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How often it is looked whether the command has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What the command said, and how it ended.
///
/// # Panics
/// When it can't be run, or has not ended within that time: then it is killed, and the panic tells what it had said.
pub fn output_within(command: &mut Command, within: Duration) -> Output {
    // Files rather than pipes: what the command leaves running can't hold up whoever reads them.
    let mut said = [tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap()];
    let [stdout, stderr] = said.each_ref().map(|file| file.try_clone().unwrap());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .unwrap();
    let since = now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if since.elapsed() > within {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        thread::sleep(LOOK_EVERY);
    };
    let [stdout, stderr] = said.each_mut().map(read);
    match status {
        Some(status) => Output {
            status,
            stdout,
            stderr,
        },
        None => panic!(
            "{command:?} has not ended within {within:?}; it said: {}{}",
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr)
        ),
    }
}

fn read(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test that waits says when it gives up"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_says_and_how_it_ends_is_told() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        let output = output_within(&mut command, Duration::from_secs(60));
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(
            (output.stdout.as_slice(), output.stderr.as_slice()),
            (&b"out\n"[..], &b"err\n"[..])
        );
    }

    #[test]
    #[should_panic(expected = "has not ended within 1s; it said: begun")]
    fn a_command_that_hangs_is_killed_and_named() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo begun; exec sleep 600"]);
        output_within(&mut command, Duration::from_secs(1));
    }
}
