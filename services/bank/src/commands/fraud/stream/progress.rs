//! What a person sees while transactions stream: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tributary_fraud_stream::Now;
use tributary_replay::grouped;

/// How often plain lines are written.
const LINE_EVERY: Duration = Duration::from_secs(5);

pub(super) struct Progress {
    total: usize,
    bar: Option<ProgressBar>,
    /// When the last line was written, and how many had ended then.
    before: (Duration, usize),
}

impl Progress {
    pub(super) fn begin(total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total as u64);
            let template = "{msg} [{bar:24}] {human_pos}/{human_len} {eta}";
            // A template that does not parse would be a slip in the line above; the default still shows the bar.
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        });
        Self {
            total,
            bar,
            before: (Duration::ZERO, 0),
        }
    }

    pub(super) fn show(&mut self, now: &Now) {
        let every = match self.bar {
            Some(_) => Duration::ZERO,
            None => LINE_EVERY,
        };
        let passed = now.elapsed.saturating_sub(self.before.0);
        if passed.is_zero() || passed < every {
            return;
        }
        let rate = now.ended.saturating_sub(self.before.1) as f64 / passed.as_secs_f64();
        let day = now
            .watermark_s
            .and_then(|at_s| chrono::DateTime::from_timestamp(at_s, 0))
            .map(|time| time.format("%Y-%m-%d %H:%M").to_string())
            .unwrap_or_else(|| "nothing yet".to_owned());
        let told = format!("{day}, {rate:.0}/s, {} under way", grouped(now.under_way as u64));
        match &self.bar {
            Some(bar) => {
                bar.set_position(now.ended as u64);
                bar.set_message(told);
            }
            None => {
                let (ended, total) = (grouped(now.ended as u64), grouped(self.total as u64));
                eprintln!("  {ended} of {total} transactions, at {told}");
            }
        }
        self.before = (now.elapsed, now.ended);
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
