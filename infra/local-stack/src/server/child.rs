//! A server's process: watched until it serves, asked to end, killed.

use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Layout;
use crate::error::{At, Result, StackError, tail_of};
use crate::leftovers;
use crate::spawn;
use crate::stopwatch::Stopwatch;

/// A start fails when for so long nothing is logged: a machine may be slow, but not silent.
const STALLED: Duration = Duration::from_secs(60);
/// A start fails after so long in any case: a server that logs the same complaint for ever is no progress.
const HOPELESS: Duration = Duration::from_secs(600);
/// A stop that takes longer is ended by a kill, after which the next start recovers.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// How often a child is looked at while it starts or stops.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Lines of the log in an error message.
const TAIL_LINES: usize = 15;

/// A process that was started. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Running {
    layout: Layout,
    child: Child,
    ended: Option<ExitStatus>,
}

impl Running {
    /// Starts the process; it need not serve yet.
    ///
    /// # Errors
    /// `STACK_IO`.
    pub(super) fn launch(layout: &Layout) -> Result<Self> {
        let printed = File::create(&layout.printed).at("can't create", &layout.printed)?;
        let copy = printed.try_clone().at("can't open twice", &layout.printed)?;
        let mut command = layout.program.command();
        command
            .stdin(Stdio::null())
            .stdout(printed)
            .stderr(copy)
            .current_dir(&layout.home);
        // A group of its own: Ctrl-C in the terminal reaches this process alone, which then stops things in order.
        command.process_group(0);
        let child =
            spawn::spawn(command, layout.on_parent_death).at("can't start a server in", &layout.home)?;
        Ok(Self {
            layout: layout.clone(),
            child,
            ended: None,
        })
    }

    /// Waits until it serves.
    ///
    /// # Errors
    /// `PORT_TAKEN`, `SERVER_EXITED`, `SERVER_STALLED`, `STACK_IO`.
    pub(super) fn await_ready(&mut self) -> Result<()> {
        let started = Stopwatch::start();
        let mut last_move = started;
        let mut size = 0;
        loop {
            if let Some(status) = self.try_wait()? {
                return Err(self.ended_early(status));
            }
            if (self.layout.serves)(&self.layout, self.pid()) {
                return Ok(());
            }
            let size_now = self.logged();
            if size_now != size {
                (size, last_move) = (size_now, Stopwatch::start());
            }
            if last_move.elapsed() > STALLED || started.elapsed() > HOPELESS {
                return Err(StackError::Stalled {
                    what: self.layout.what,
                    stalled: last_move.elapsed(),
                    log: self.layout.printed.clone(),
                    tail: tail_of(&self.layout.printed, TAIL_LINES),
                });
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Bytes in all files that show progress.
    fn logged(&self) -> u64 {
        [&self.layout.printed, &self.layout.log]
            .into_iter()
            .filter_map(|file| std::fs::metadata(file).ok())
            .map(|data| data.len())
            .sum()
    }

    fn ended_early(&self, status: ExitStatus) -> StackError {
        let tail = tail_of(&self.layout.printed, TAIL_LINES);
        if tail_of(&self.layout.printed, usize::MAX).contains(self.layout.port_taken) {
            return StackError::PortTaken {
                what: self.layout.what,
                port: self.layout.port,
            };
        }
        StackError::Exited {
            what: self.layout.what,
            status: status.to_string(),
            log: self.layout.printed.clone(),
            tail,
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(super) fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self
                .child
                .try_wait()
                .at("can't wait for the server in", &self.layout.home)?;
        }
        Ok(self.ended)
    }

    /// Kills it and every process of its own without warning, as a crash would, and returns when they are gone.
    pub(super) fn kill9(&mut self) -> Result<()> {
        if self.ended.is_none() {
            self.child
                .kill()
                .at("can't kill the server in", &self.layout.home)?;
            let status = self
                .child
                .wait()
                .at("can't wait for the server in", &self.layout.home)?;
            self.ended = Some(status);
        }
        leftovers::end(&self.layout.home)
    }

    /// Asks it to end and waits; one that doesn't end is killed. Returns whether it ended by itself.
    pub(super) fn stop(&mut self) -> Result<bool> {
        let watch = Stopwatch::start();
        if self.try_wait()?.is_none() {
            signal(self.pid(), self.layout.ask_to_stop);
        }
        while self.try_wait()?.is_none() {
            if watch.elapsed() > STOP_PATIENCE {
                self.kill9()?;
                return Ok(false);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(self.ended.is_some_and(|status| status.signal().is_none()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nobody is left to tell; what is left over is ended by the next start in the same directory.
        drop(self.kill9());
    }
}

/// Sends a signal to a child of ours that was not yet waited for, so that its pid can't be another's.
fn signal(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        // It may have ended just now, which the wait that follows sees.
        let _maybe_gone = kill(Pid::from_raw(pid), signal);
    }
}

/// Runs a command that prepares a server's files, to its end.
///
/// # Errors
/// `SERVER_EXITED` with what it printed, `STACK_IO`.
pub(crate) fn prepare(what: &'static str, mut command: Command, home: &Path, printed: &Path) -> Result<()> {
    let file = File::create(printed).at("can't create", printed)?;
    let copy = file.try_clone().at("can't open twice", printed)?;
    command
        .stdout(file)
        .stderr(copy)
        .current_dir(home)
        .process_group(0);
    let mut child = spawn::spawn(command, Signal::SIGKILL).at("can't prepare a server in", home)?;
    let status = child.wait().at("can't wait for the preparation of", home)?;
    if status.success() {
        return Ok(());
    }
    Err(StackError::Exited {
        what,
        status: status.to_string(),
        log: printed.to_owned(),
        tail: tail_of(printed, TAIL_LINES),
    })
}
