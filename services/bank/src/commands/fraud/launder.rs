use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Result, anyhow};
use clap::Args;
use tributary_fraud_laundering::Rules;
use tributary_fraud_training::{
    amlsim::Sample,
    laundering::{measure, unlabelled},
};

use super::{report_bad, write};
use crate::commands::reconcile;

/// Runs the money-laundering rules over labelled samples of AMLSim, or over histories, whose customers don't launder, and says what
/// they find
#[derive(Args, Debug)]
pub(super) struct LaunderArguments {
    /// Folders with nodes.csv and transactions.csv (or .csv.zst), and files of histories (.jsonl, .jsonl.zst)
    #[arg(value_name = "FOLDER", required = true)]
    paths: Vec<PathBuf>,
    /// Write the figures as JSON too: to FILE, or in place of the tables when no FILE is named
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    json: Option<PathBuf>,
}

impl LaunderArguments {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut all = Vec::new();
        for path in &self.paths {
            let sample = load(path)?;
            let measured =
                measure(&sample, Rules::default()).map_err(|error| anyhow!("{}: {error}", error.code()))?;
            all.push(measured);
        }
        let in_place = self.json.as_deref() == Some(Path::new("-"));
        if in_place {
            println!("{}", serde_json::to_string_pretty(&all)?);
            return Ok(ExitCode::SUCCESS);
        }
        for measured in &all {
            println!("{measured}");
        }
        if let Some(path) = &self.json {
            write(path, &serde_json::to_vec_pretty(&all)?)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn load(path: &Path) -> Result<Sample> {
    if path.is_file() {
        let history = reconcile::open(path)?;
        report_bad(&history.bad);
        return unlabelled(&history).map_err(|error| anyhow!("{}: {error}", error.code()));
    }
    let sample = Sample::load(path).map_err(|error| anyhow!("{}: {error}", error.code()))?;
    report_bad(&sample.bad);
    Ok(sample)
}
