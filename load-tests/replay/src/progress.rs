//! What a person sees while a history is replayed: bars on a terminal, plain lines elsewhere.

use std::{fmt::Write, io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::clock::Moment;

/// How often plain lines are written.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Where progress goes.
#[derive(Debug)]
pub struct Progress {
    sink: Sink,
    total: u64,
    started: Moment,
    last_line: Moment,
}

#[derive(Debug)]
enum Sink {
    Quiet,
    Lines,
    Bar(ProgressBar),
}

impl Progress {
    /// Shows nothing.
    pub fn quiet() -> Self {
        Self::to(Sink::Quiet)
    }

    /// Shows progress on standard error, in the way that suits it.
    pub fn on_stderr() -> Self {
        Self::to(if std::io::stderr().is_terminal() {
            Sink::Bar(ProgressBar::hidden())
        } else {
            Sink::Lines
        })
    }

    fn to(sink: Sink) -> Self {
        Self {
            sink,
            total: 0,
            started: Moment::now(),
            last_line: Moment::now(),
        }
    }

    /// Says something that stays.
    pub fn say(&self, text: &str) {
        match &self.sink {
            Sink::Quiet => {}
            Sink::Lines => eprintln!("{text}"),
            Sink::Bar(bar) if bar.is_hidden() => eprintln!("{text}"),
            Sink::Bar(bar) => bar.println(text),
        }
    }

    pub(crate) fn begin(&mut self, what: &str, total: u64) {
        self.total = total;
        self.started = Moment::now();
        self.last_line = Moment::now();
        match &mut self.sink {
            Sink::Quiet => {}
            Sink::Lines => eprintln!("{what}: {} rows", grouped(total)),
            Sink::Bar(bar) => {
                *bar = ProgressBar::new(total);
                let template = "{prefix} [{bar:24}] {human_pos}/{human_len} {rate}/s {msg}";
                // A template that does not parse would be a slip in the line above; the default still shows the bar.
                let style =
                    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
                let rate = |state: &ProgressState, out: &mut dyn Write| {
                    // What can't be drawn is not drawn.
                    let _cut = write!(out, "{:.0}", state.per_sec());
                };
                bar.set_style(style.with_key("rate", rate).progress_chars("█▉▊▋▌▍▎▏ "));
                bar.set_prefix(what.to_owned());
                bar.enable_steady_tick(Duration::from_millis(100));
            }
        }
    }

    /// `done` rows are answered; the last one sent is of `day`.
    pub(crate) fn at(&mut self, done: u64, day: Option<chrono::NaiveDate>) {
        let day = day.map(|day| day.to_string()).unwrap_or_default();
        match &self.sink {
            Sink::Quiet => {}
            Sink::Bar(bar) => {
                bar.set_position(done.min(self.total));
                bar.set_message(day);
            }
            Sink::Lines if self.last_line.elapsed() >= LINE_EVERY => {
                self.last_line = Moment::now();
                let (done, total) = (grouped(done), grouped(self.total));
                eprintln!("  {done} of {total} rows answered, at {day}");
            }
            Sink::Lines => {}
        }
    }

    pub(crate) fn end(&mut self, text: &str) {
        if let Sink::Bar(bar) = &self.sink {
            bar.finish_and_clear();
        }
        if !matches!(self.sink, Sink::Quiet) {
            eprintln!("{text} ({:.1} s)", self.started.elapsed().as_secs_f64());
        }
    }
}

/// `12,345`
pub fn grouped(number: impl Into<i128>) -> String {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 {
        text.insert(0, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (-28_205, "-28,205"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
