//! `backup` and `restore`: a consistent copy of a data directory, and back.

use super::engine::Engine;
use super::erase::again;
use super::failure::{Ended, Failure};
use super::output;
use super::place::{Place, Target};
use crate::erasure::Register;
use crate::instance::{self, BackupReport, InstanceOptions};
use clap::Args;
use http::Method;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Copies a data directory: log, keys, and a checkpoint of the state.
#[derive(Args, Clone, Debug)]
pub struct Backup {
    /// Folder to write to, on the machine where the data is; it must not exist or be empty.
    pub to: PathBuf,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// Makes a data directory of a backup.
#[derive(Args, Clone, Debug)]
pub struct Restore {
    /// The backup.
    pub from: PathBuf,
    /// The data directory to make; it must not exist or be empty.
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// The register of a data directory (`erasures.jsonl`): who stands in it is erased from what was
    /// restored.
    #[arg(long, value_name = "FILE")]
    pub erasures: Option<PathBuf>,
}

impl Backup {
    /// Makes the copy.
    pub fn run(&self) -> Result<Ended, Failure> {
        let not_made =
            |error: &dyn std::fmt::Display| Failure::new("the backup was not made", error);
        let report = match self.place.open(false)? {
            Target::Local(engine) => {
                instance::backup(&engine.instance, &self.to).map_err(|error| not_made(&error))?
            }
            Target::Remote(mut remote) => {
                let whole = std::path::absolute(&self.to).map_err(|error| not_made(&error))?;
                let wanted = serde_json::json!({ "directory": whole });
                let answer = remote.send_json(Method::POST, "/api/backup", &wanted)?;
                serde_json::from_slice(&answer).map_err(|error| not_made(&error))?
            }
        };
        output::print(&told("copied", &report))?;
        Ok(Ended::Done)
    }
}

impl Restore {
    /// Makes the directory.
    pub fn run(&self) -> Result<Ended, Failure> {
        let report = instance::restore(&self.from, &self.data_dir, &InstanceOptions::default())
            .map_err(|error| Failure::new("nothing was restored", error))?;
        output::print(&told("restored", &report))?;
        self.erase_again()?;
        Ok(Ended::Done)
    }
}

impl Restore {
    /// Erases those who were erased before the backup was made or since.
    fn erase_again(&self) -> Result<(), Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new("who was erased since the backup is not known", error)
        };
        let mut erasures = Register::of(&self.from).read().map_err(|error| failed(&error))?;
        if let Some(path) = &self.erasures {
            erasures.extend(Register::at(path).read().map_err(|error| failed(&error))?);
        }
        if erasures.is_empty() {
            return Ok(());
        }
        let place = Place { data_dir: Some(self.data_dir.clone()), ..Place::default() };
        let engine = Engine::open(place.config()?).map_err(|error| failed(&error))?;
        let records = again(&engine, &erasures)?;
        engine.close();
        let receipts: BTreeSet<&str> = erasures.iter().map(|one| &*one.receipt).collect();
        output::print(&format!("erased again: {} people, {records} records\n", receipts.len()))
    }
}

fn told(what: &str, report: &BackupReport) -> String {
    format!(
        "{what} {} segments ({} bytes) of the log and {} keys ({} bytes) of state\n",
        report.segments, report.log_bytes, report.entries, report.state_bytes
    )
}
