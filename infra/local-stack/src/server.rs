//! One server through its life: started, killed or stopped, and started again on the same data and port.

mod child;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use self::child::Running;
use crate::error::Result;
use crate::stopwatch::Stopwatch;
use crate::{data_dir, leftovers};

pub(crate) use self::child::prepare;

/// What is run, by whom, in which environment.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: OsString,
    pub(crate) arguments: Vec<OsString>,
    /// All that it finds in its environment; none: what this process has.
    pub(crate) environment: Option<Vec<(&'static str, &'static str)>>,
    /// User and group to run as; none: this process's.
    pub(crate) user: Option<(u32, u32)>,
}

impl Program {
    pub(crate) fn arg(&mut self, argument: impl Into<OsString>) -> &mut Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) fn args<T: Into<OsString>>(&mut self, arguments: impl IntoIterator<Item = T>) -> &mut Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments);
        if let Some(environment) = &self.environment {
            command.env_clear().envs(environment.iter().copied());
        }
        if let Some((user, group)) = self.user {
            // Sets the groups as well: being root it drops all that root is in.
            command.uid(user).gid(group);
        }
        command
    }
}

/// What is done before a start on former data, when no process of the server is left: another server is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Farewell {
    /// The port of who is told.
    pub(crate) port: u16,
    pub(crate) tell: fn(u16) -> Result<()>,
}

/// What is the same for every start of one server.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// For people: `Kafka`.
    pub(crate) what: &'static str,
    pub(crate) program: Program,
    /// Its working directory, of which no other process makes use.
    pub(crate) home: PathBuf,
    /// What it prints; emptied at every start.
    pub(crate) printed: PathBuf,
    /// Where it logs; the same file for one that logs to where it prints.
    pub(crate) log: PathBuf,
    /// Files of a former process that would mislead the next one.
    pub(crate) stale: Vec<PathBuf>,
    pub(crate) farewell: Option<Farewell>,
    /// Whether the process with this id serves.
    pub(crate) serves: fn(&Layout, u32) -> bool,
    /// Sent to it when this process dies.
    pub(crate) on_parent_death: Signal,
    /// Asks it to end, whether or not clients are connected.
    pub(crate) ask_to_stop: Signal,
    /// What it prints when it can't have its port.
    pub(crate) port_taken: &'static str,
    /// The port that clients connect to.
    pub(crate) port: u16,
}

/// One of the stack's servers. Dropped, it is killed.
#[derive(Debug)]
pub struct Server {
    layout: Layout,
    running: Option<Running>,
    launched: Stopwatch,
    started_in: Duration,
}

impl Server {
    /// Starts the process without waiting until it serves; what a former run left there is ended first.
    pub(crate) fn launch(layout: Layout) -> Result<Self> {
        let mut server = Self {
            layout,
            running: None,
            launched: Stopwatch::start(),
            started_in: Duration::ZERO,
        };
        server.launch_again()?;
        Ok(server)
    }

    fn launch_again(&mut self) -> Result<()> {
        self.launched = Stopwatch::start();
        leftovers::end(&self.layout.home)?;
        for file in &self.layout.stale {
            data_dir::remove(file)?;
        }
        self.running = Some(Running::launch(&self.layout)?);
        Ok(())
    }

    /// Waits until it serves. One that fails to is gone then.
    pub(crate) fn await_ready(&mut self) -> Result<()> {
        if let Some(running) = &mut self.running
            && let Err(error) = running.await_ready()
        {
            self.running = None;
            return Err(error);
        }
        self.started_in = self.launched.elapsed();
        Ok(())
    }

    /// Tells whoever must know that the former process is gone.
    pub(crate) fn say_farewell(layout: &Layout) -> Result<()> {
        leftovers::end(&layout.home)?;
        layout
            .farewell
            .map_or(Ok(()), |farewell| (farewell.tell)(farewell.port))
    }

    /// Starts it again on the same data and port after [`Server::kill9`] or [`Server::stop`]; one that was not ended
    /// is left alone. Returns how long it took, recovery included.
    ///
    /// # Errors
    /// `PORT_TAKEN`, `SERVER_EXITED`, `SERVER_STALLED`, `STACK_IO`.
    pub fn start_again(&mut self) -> Result<Duration> {
        if self.running.is_some() {
            return Ok(Duration::ZERO);
        }
        let watch = Stopwatch::start();
        Self::say_farewell(&self.layout)?;
        self.launch_again()?;
        self.await_ready()?;
        self.started_in = watch.elapsed();
        Ok(self.started_in)
    }

    /// Stops it in order and starts it again. Returns how long the start took.
    ///
    /// # Errors
    /// As for [`Server::start_again`].
    pub fn restart(&mut self) -> Result<Duration> {
        self.stop()?;
        self.start_again()
    }

    /// Kills it and all its processes without warning, as a crash would.
    ///
    /// # Errors
    /// `STACK_IO`.
    pub fn kill9(&mut self) -> Result<()> {
        self.running.take().map_or(Ok(()), |mut running| running.kill9())
    }

    /// Stops it in order, whoever is connected. Returns whether it ended by itself rather than by a kill after 30 s.
    ///
    /// # Errors
    /// `STACK_IO`.
    pub fn stop(&mut self) -> Result<bool> {
        self.running.take().map_or(Ok(true), |mut running| running.stop())
    }

    /// The process, while there is one.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(Running::pid)
    }

    /// Whether its process runs, which a crash would have ended.
    pub fn is_running(&mut self) -> bool {
        self.running
            .as_mut()
            .is_some_and(|running| matches!(running.try_wait(), Ok(None)))
    }

    /// What it is called, for people.
    pub fn name(&self) -> &'static str {
        self.layout.what
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.layout.port
    }

    /// Where it logs.
    pub fn log_file(&self) -> PathBuf {
        self.layout.log.clone()
    }

    /// How long the last start took, until it served.
    pub fn started_in(&self) -> Duration {
        self.started_in
    }
}
