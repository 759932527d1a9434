//! Ctrl-C and SIGTERM, as something to wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// How often what waits looks up: a person doesn't notice it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Whether somebody asked the command to end. A second request ends it at once; servers it started die with it.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system refuses the signal handlers.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // In this order: the first request sets the flag, the second finds it set.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked))
                .and_then(|_| flag::register(signal, Arc::clone(&asked)))
                .context("can't listen to Ctrl-C")?;
        }
        Ok(Self(asked))
    }

    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Waits until it is asked, or until `over` says that there is nothing left to wait for.
    pub(crate) fn wait_unless(&self, mut over: impl FnMut() -> bool) {
        while !self.asked() && !over() {
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
