use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Result, anyhow};
use clap::Args;
use tributary_fraud_laundering::Rules;
use tributary_fraud_training::{amlsim::Sample, laundering::measure};

use super::{report_bad, write};

/// Runs the money-laundering rules over samples of AMLSim and says what they find of the labelled accounts
#[derive(Args, Debug)]
pub(super) struct LaunderArguments {
    /// Folders with nodes.csv and transactions.csv (or .csv.zst)
    #[arg(value_name = "FOLDER", required = true)]
    folders: Vec<PathBuf>,
    /// Write the figures as JSON too: to FILE, or in place of the tables when no FILE is named
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    json: Option<PathBuf>,
}

impl LaunderArguments {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut all = Vec::new();
        for folder in &self.folders {
            let sample = Sample::load(folder).map_err(|error| anyhow!("{}: {error}", error.code()))?;
            report_bad(&sample.bad);
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
