//! `plan diff`: two plans side by side.

use super::file;
use crate::cli::failure::{Ended, Failure};
use crate::cli::output::{self, Shown};
use crate::plan_report;
use clap::Args;
use millstream_plan::Study;
use millstream_plan::diff::diff;
use std::path::PathBuf;

/// Shows what moves from one plan to another.
#[derive(Args, Clone, Debug)]
pub struct Diff {
    /// The plan before.
    before: PathBuf,
    /// The plan after.
    after: PathBuf,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Shown::Table)]
    format: Shown,
}

impl Diff {
    /// Prints it.
    pub fn run(&self) -> Result<Ended, Failure> {
        let before = file::plan([self.before.as_path()].into_iter())?;
        if file::is_overlay(&before, &self.after)? {
            let (plan, overlay) = (self.before.display(), self.after.display());
            return Err(Failure::known(
                format!("{overlay} is an overlay, not a plan of its own"),
                format!("it changes what {plan} describes and leaves the rest out"),
                format!("to see what it moves: millstream plan {plan} --what-if {overlay}"),
            ));
        }
        let after = file::plan([self.after.as_path()].into_iter())?;
        let study = Study::QUICK;
        let found = diff(&before.study(&study), &after.study(&study));
        match self.format {
            Shown::Json => output::print_json(&found)?,
            Shown::Table => {
                output::print(&plan_report::difference(&found, output::terminal_width()))?;
            }
        }
        Ok(Ended::Done)
    }
}
