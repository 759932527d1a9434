//! Where a bank that a command starts keeps its data.

use std::path::PathBuf;

use clap::Args;
use tributary_local_stack::{Options, Place, Progress};

/// Options of commands that start a bank.
#[derive(Args, Debug)]
pub(crate) struct PlaceArguments {
    /// Name of the bank's stack: its data is kept in .tributary/<NAME> of this checkout
    #[arg(long, default_value = "demo", conflicts_with = "data_dir")]
    name: String,
    /// Keep the data in this directory instead
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Delete the data of former runs first
    #[arg(long)]
    fresh: bool,
}

impl PlaceArguments {
    pub(crate) fn place(&self) -> Place {
        match &self.data_dir {
            Some(directory) => Place::Directory(directory.clone()),
            None => Place::Checkout(self.name.clone()),
        }
    }

    pub(crate) fn fresh(&self) -> bool {
        self.fresh
    }

    /// With progress on standard error.
    pub(crate) fn options(&self) -> Options {
        Options {
            fresh: self.fresh,
            progress: Progress::on_stderr(),
            ..Options::at(self.place())
        }
    }
}
