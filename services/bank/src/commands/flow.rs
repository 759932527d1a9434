//! Payments that flow while the demo is up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use tributary_load::{Load, Population, Spread, Target, open_accounts, run};

/// Accounts that pay each other. They are not of the history, whose balances stay as they are recorded.
const ACCOUNTS: u32 = 20;

/// Payments a second: enough to see, too few to warm the machine.
const RATE: f64 = 4.0;

/// How long one turn of the flow is, after which what completed is counted.
const TURN: Duration = Duration::from_secs(5);

/// How long the last payments of a turn may take.
const GRACE: Duration = Duration::from_secs(30);

/// A thread that pays until it is told to stop.
pub(super) struct Flow {
    stop: Arc<AtomicBool>,
    completed: Arc<AtomicU64>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Flow {
    /// Starts to pay.
    pub(super) fn start(brokers: String, database_url: String) -> anyhow::Result<Self> {
        let (stop, completed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let target = Target {
            brokers,
            database_url,
            gateway: None,
            log_dir: None,
            processes: Vec::new(),
        };
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&completed));
        let thread = std::thread::Builder::new()
            .name("payments-flow".to_owned())
            .spawn(move || flow(&target, &stopped, &count))
            .context("can't start a thread")?;
        Ok(Self {
            stop,
            completed,
            thread,
        })
    }

    /// Payments that were seen to complete.
    pub(super) fn completed(&self) -> u64 {
        self.completed.load(Ordering::Relaxed)
    }

    /// Whether it ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Lets the payments under way end.
    ///
    /// # Errors
    /// What made it end before.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(flowed) => flowed.context("payments flow no more"),
            Err(_) => Err(anyhow::anyhow!("payments flow no more: a panic")),
        }
    }
}

fn flow(target: &Target, stop: &AtomicBool, completed: &AtomicU64) -> anyhow::Result<()> {
    let mut load = Load {
        population: Population::new("demo", ACCOUNTS, Spread::Zipf(0.8))?,
        currency: "CZK".parse()?,
        booking_date: super::today(),
        rate: RATE,
        warm_up: Duration::ZERO,
        // The first turn is short, so that somebody who waits soon sees a payment.
        measured: Duration::from_secs(1),
        grace: GRACE,
        in_detail: false,
        seed: 1,
    };
    open_accounts(&load, target)?;
    while !stop.load(Ordering::Relaxed) {
        load.booking_date = super::today();
        load.seed += 1;
        let report = run(&load, target, &|| stop.load(Ordering::Relaxed))?;
        load.measured = TURN;
        completed.fetch_add(
            report.outcomes.get("completed").copied().unwrap_or(0),
            Ordering::Relaxed,
        );
    }
    Ok(())
}
