//! What a start shows to the person who waits for it.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::stopwatch::Stopwatch;

/// Where progress goes: spinners on a terminal, plain lines where standard error is something else, or nowhere.
#[derive(Clone, Debug)]
pub struct Progress(Sink);

#[derive(Clone, Debug)]
enum Sink {
    Quiet,
    Lines,
    Terminal(MultiProgress),
}

impl Progress {
    /// Shows nothing.
    pub fn quiet() -> Self {
        Self(Sink::Quiet)
    }

    /// Shows each step on standard error, in the way that suits it.
    pub fn on_stderr() -> Self {
        if std::io::stderr().is_terminal() {
            Self(Sink::Terminal(MultiProgress::new()))
        } else {
            Self(Sink::Lines)
        }
    }

    /// Begins a step, such as `Starting Kafka 4.4.0`. With `parts`, a bar counts them.
    pub(crate) fn step(&self, name: impl Into<String>, parts: Option<u64>) -> Step {
        let name = name.into();
        let bar = match &self.0 {
            Sink::Quiet => None,
            Sink::Lines => {
                eprintln!("{name} ...");
                None
            }
            Sink::Terminal(bars) => {
                // Added before it is drawn: drawn before, it would leave its line behind.
                let bar = bars.add(ProgressBar::hidden());
                dress(&bar, &name, parts);
                Some(bar)
            }
        };
        Step {
            name,
            lines: matches!(self.0, Sink::Lines),
            bar,
            watch: Stopwatch::start(),
        }
    }
}

fn dress(bar: &ProgressBar, name: &str, parts: Option<u64>) {
    let template = match parts {
        Some(parts) => {
            bar.set_length(parts);
            "{spinner} {prefix} [{bar:24}] {pos}/{len} {wide_msg}"
        }
        None => "{spinner} {prefix} {elapsed} {wide_msg}",
    };
    // A template that does not parse would be a slip in the two lines above; the default style still shows the step.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    bar.set_style(style);
    bar.set_prefix(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
}

/// A step under way. Dropped without [`Step::done`], it failed and leaves its line as it stands.
pub(crate) struct Step {
    name: String,
    lines: bool,
    bar: Option<ProgressBar>,
    watch: Stopwatch,
}

impl Step {
    /// Says what is going on inside the step; only a terminal shows it.
    pub(crate) fn note(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }

    /// Counts one of the step's parts.
    pub(crate) fn advance(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Ends the step and returns how long it took.
    pub(crate) fn done(self, outcome: &str) -> Duration {
        let took = self.watch.elapsed();
        let line = format!("{}: {outcome} ({:.1} s)", self.name, took.as_secs_f64());
        if let Some(bar) = &self.bar {
            // Printed above the remaining bars, as a plain line that stays.
            bar.println(&line);
            bar.finish_and_clear();
        } else if self.lines {
            eprintln!("{line}");
        }
        took
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar
            && !bar.is_finished()
        {
            bar.abandon();
        }
    }
}
