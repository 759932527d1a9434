//! Services of a bank as processes of their own, so that each one's processor time and memory can be told apart.

use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use anyhow::{Context, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A running `bank service`. Dropped, it is killed; nothing that was acknowledged is lost.
pub(super) struct ServiceProcess {
    pub(super) name: &'static str,
    child: Child,
}

impl ServiceProcess {
    /// Starts this program as a service. `environment`: names and values of variables that it gets besides.
    pub(super) fn start(
        name: &'static str,
        arguments: &[&str],
        environment: &[(&str, &str)],
        stdout: Stdio,
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("where is this program?")?;
        let child = Command::new(program)
            .args(["service", name])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(stdout)
            .spawn()
            .with_context(|| format!("can't start the service {name}"))?;
        Ok(Self { name, child })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it writes, where that was asked for.
    pub(super) fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// How it ended by itself, if it did.
    pub(super) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Lets its transaction under way end, and waits until it is gone.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        let id = i32::try_from(self.id()).context("a process id that is no process id")?;
        kill(Pid::from_raw(id), Signal::SIGTERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the service {} ended with {status}", self.name);
        Ok(())
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        // It may have ended by itself; nothing that was acknowledged is lost either way.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
