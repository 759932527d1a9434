//! Child processes that don't outlive this one.
//!
//! On Linux the kernel sends a child the signal it asked for when its parent dies, however the parent dies. Two traps:
//! the parent is the *thread* that spawned the child, so one thread that never ends spawns them all; and a change of
//! user clears the request, so it is made after `setuid`, as the last thing before `exec`.
//! Other systems have no such request: there the next start in the same data directory ends what was left behind.

use std::io;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender};

use nix::sys::signal::Signal;

struct Request {
    command: Command,
    on_parent_death: Signal,
    answer: Sender<io::Result<Child>>,
}

/// Starts the command, which gets `on_parent_death` when this process ends.
pub(crate) fn spawn(command: Command, on_parent_death: Signal) -> io::Result<Child> {
    static SPAWNER: OnceLock<Sender<Request>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (requests, incoming) = mpsc::channel::<Request>();
        // Ends with the process: its sender is a static.
        std::thread::spawn(move || {
            for mut request in incoming {
                die_with_parent(&mut request.command, request.on_parent_death);
                let child = request.command.spawn();
                // The command may hold the write end of a pipe that is being read to its end.
                drop(request.command);
                // Nobody waits any more only if the asking thread is gone; the child then ends with the process.
                drop(request.answer.send(child));
            }
        });
        requests
    });
    let (answer, answered) = mpsc::channel();
    let gone = |_| io::Error::other("the thread that starts child processes ended");
    spawner
        .send(Request {
            command,
            on_parent_death,
            answer,
        })
        .map_err(|_| io::Error::other("the thread that starts child processes ended"))?;
    answered.recv().map_err(gone)?
}

#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "asking the kernel for a signal at the parent's death is possible only between fork and exec"
)]
fn die_with_parent(command: &mut Command, signal: Signal) {
    use std::os::unix::process::CommandExt;

    let parent = nix::unistd::getpid();
    // SAFETY: the closure runs in the forked child, where only async-signal-safe calls are allowed: prctl and getppid
    // are, and nothing here allocates, locks or panics. Both values are moved in as plain integers.
    unsafe {
        command.pre_exec(move || {
            nix::sys::prctl::set_pdeathsig(signal)?;
            // The parent may have died before the request was made; then the signal never comes.
            if nix::unistd::getppid() != parent {
                return Err(io::Error::from(nix::errno::Errno::ESRCH));
            }
            Ok(())
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command, _signal: Signal) {}
