use std::fmt::Write;

use crate::{Saga, Silence, Step, When};

impl Saga {
    /// The saga as a flowchart in Mermaid's language: who is asked for what, in which order, and what undoes what.
    pub fn diagram(&self) -> String {
        let mut text = String::from(
            "flowchart LR\n    begin((begin))\n    completed((completed))\n    rejected((rejected))\n",
        );
        // Writing to a String can't fail.
        for step in self.steps {
            let _infallible = writeln!(text, "    {}", node(step));
        }
        for step in self.steps {
            let _infallible = text.write_str(&self.edges(step));
        }
        text
    }

    fn edges(&self, step: &Step) -> String {
        let id = id(step.name);
        let mut lines = match step.when {
            When::AtOnce => format!("    begin --> {id}\n"),
            When::After(names) => names
                .iter()
                .map(|name| format!("    {} --> {id}\n", self::id(name)))
                .collect(),
            When::CalledBy(caller) => format!("    {} -- calls for --> {id}\n", self::id(caller)),
            When::Undoing(name) => {
                format!(
                    "    {} -. turned back .-> {id}\n    {id} --> rejected\n",
                    self::id(name)
                )
            }
        };
        let is_awaited = self.steps.iter().any(|other| match other.when {
            When::After(names) => names.contains(&step.name),
            When::Undoing(_) | When::AtOnce | When::CalledBy(_) => false,
        });
        if !is_awaited && !matches!(step.when, When::Undoing(_)) {
            lines.push_str(&format!("    {id} --> completed\n"));
        }
        lines
    }
}

fn node(step: &Step) -> String {
    let Step { name, by, asks, .. } = step;
    let within = duration(step.within_ms);
    let silence = match step.silence {
        Silence::TurnBack(_) => format!("silent for {within}: turn back"),
        Silence::FallBack => format!("silent for {within}: the fallback decides"),
        Silence::AskAgain(times) => format!("silent for {within}: ask again, {times} times in all"),
    };
    let text = format!("\"<b>{name}</b>, {by}<br/>{asks}<br/><i>{silence}</i>\"");
    match step.pivot {
        true => format!("{}{{{{{text}}}}}", id(name)),
        false => format!("{}[{text}]", id(name)),
    }
}

/// Mermaid takes some words, such as `end`, for its own.
fn id(name: &str) -> String {
    format!("step_{}", name.replace('-', "_"))
}

fn duration(ms: i64) -> String {
    match ms {
        ms if ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
        ms if ms % 60_000 == 0 => format!("{} min", ms / 60_000),
        ms => format!("{} s", ms / 1_000),
    }
}
