//! Processes that can be killed and paused: this test binary once more, in another role.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child as Process, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::{Service, brokers};

/// What a child says begins with this, amid what the test harness prints.
const SAYS: &str = "child says ";

/// Above what a child's longest call to the broker takes, several times over.
const SAYS_WITHIN: Duration = Duration::from_secs(90);

pub(crate) struct Child {
    process: Process,
    input: ChildStdin,
    said: Receiver<String>,
}

impl Child {
    /// Runs the ignored test of this name in a process of its own, on a service.
    pub(crate) fn start(role: &str, service: &Service, instance: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--exact", role, "--ignored", "--nocapture", "--test-threads=1"])
            .env("KAFKA_BROKERS", &service.brokers)
            .env("CHILD_SERVICE", &service.name)
            .env("CHILD_INSTANCE", instance)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let input = process.stdin.take().expect("piped");
        let output = BufReader::new(process.stdout.take().expect("piped"));
        let (say, said) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some((_, said)) = line.split_once(SAYS)
                    && say.send(said.to_owned()).is_err()
                {
                    return;
                }
            }
        });
        Self { process, input, said }
    }

    /// The next thing that the child says.
    pub(crate) fn hear(&mut self) -> String {
        self.said
            .recv_timeout(SAYS_WITHIN)
            .unwrap_or_else(|error| match error {
                RecvTimeoutError::Timeout => panic!("the child said nothing for {} s", SAYS_WITHIN.as_secs()),
                RecvTimeoutError::Disconnected => panic!("the child ended"),
            })
    }

    pub(crate) fn tell(&mut self) {
        self.input.write_all(b"go on\n").expect("writes");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("signals");
    }

    /// Returns once it stands still: the signal reaches one thread first, and on a busy machine another goes on for
    /// long enough to commit something.
    pub(crate) fn pause(&self) {
        self.signal(Signal::SIGSTOP);
        let stopped = waitpid(self.pid(), Some(WaitPidFlag::WUNTRACED)).expect("waits");
        assert!(matches!(stopped, WaitStatus::Stopped(..)), "{stopped:?}");
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id().cast_signed())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// In the child: the service and the instance it was started for. None when the role was run by hand.
pub(crate) fn told() -> Option<(Service, String)> {
    let name = std::env::var("CHILD_SERVICE").ok()?;
    let instance = std::env::var("CHILD_INSTANCE").ok()?;
    Some((Service::named(brokers(), name), instance))
}

pub(crate) fn say(what: &str) {
    println!("{SAYS}{what}");
}

/// In the child: waits until it is told to go on.
pub(crate) fn wait() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("reads");
}
