//! Recovery times and stalls, as a table of what was killed.

use std::{collections::BTreeMap, fmt, time::Duration};

/// How one round went.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    /// Until payments that began afterwards had completed in every partition.
    pub(crate) complete: Duration,
    /// Until the rows of every read model had moved in every partition.
    pub(crate) rows: Duration,
    /// Until a client that waits for no end was told that its payment is in the log, retries included: the longest.
    pub(crate) acknowledged: Duration,
    /// Of each other service that writes events: the longest time for which a partition showed none.
    pub(crate) stalls: BTreeMap<&'static str, Duration>,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [complete, rows, acknowledged] =
            [self.complete, self.rows, self.acknowledged].map(|duration| duration.as_secs_f64());
        write!(
            f,
            "payments complete after {complete:.2} s, rows move after {rows:.2} s, payments acknowledged within {acknowledged:.2} s"
        )?;
        for (service, stall) in &self.stalls {
            write!(f, ", {service} stood still for {:.2} s", stall.as_secs_f64())?;
        }
        Ok(())
    }
}

#[derive(Default)]
pub(crate) struct Figures(BTreeMap<String, Vec<Round>>);

impl Figures {
    pub(crate) fn note(&mut self, what: &str, round: Round) {
        self.0.entry(what.to_owned()).or_default().push(round);
    }
}

/// Least, median and most, in seconds.
fn spread(durations: impl Iterator<Item = Duration>) -> String {
    let mut seconds: Vec<f64> = durations.map(|duration| duration.as_secs_f64()).collect();
    seconds.sort_unstable_by(f64::total_cmp);
    match (seconds.first(), seconds.get(seconds.len() / 2), seconds.last()) {
        (Some(least), Some(median), Some(most)) => format!("{least:.2}, {median:.2}, {most:.2}"),
        _ => String::new(),
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Seconds: least, median, most\n\
             | what | rounds | payments complete | rows move | payments acknowledged | longest stall of another service |\n\
             |---|---|---|---|---|---|"
        )?;
        for (what, rounds) in &self.0 {
            writeln!(
                f,
                "| {what} | {} | {} | {} | {} | {} |",
                rounds.len(),
                spread(rounds.iter().map(|round| round.complete)),
                spread(rounds.iter().map(|round| round.rows)),
                spread(rounds.iter().map(|round| round.acknowledged)),
                spread(
                    rounds
                        .iter()
                        .filter_map(|round| round.stalls.values().max().copied())
                ),
            )?;
        }
        Ok(())
    }
}
