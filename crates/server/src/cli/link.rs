//! `link`: which devices look like one person's, with a probability.

use super::engine::Engine;
use super::failure::{Ended, Failure};
use super::output;
use super::place::{Place, Target};
use crate::admin::parts::{Linking, TransferError};
use crate::linking::{Artefact, GatherParts, LinkingError, SHOWN_DEFAULT, SHOWN_MAX, Told, gather};
use clap::Args;
use http::Method;
use std::sync::Arc;

mod evaluation;
mod table;

/// Fits probable identity links to the data as it is now, and keeps them, versioned, beside the certain
/// ones. They are used only where a report asks (`--links probable`).
#[derive(Args, Clone, Debug)]
pub struct Link {
    /// Fit and show, keep nothing.
    #[arg(long, conflicts_with_all = ["show", "restore"])]
    pub dry_run: bool,
    /// Show what is in force, and which versions are kept.
    #[arg(long, conflicts_with = "restore")]
    pub show: bool,
    /// Put an earlier version in force; 0 for none.
    #[arg(long, value_name = "VERSION")]
    pub restore: Option<u32>,
    /// Measure precision and recall on made-up people of whom the truth is known. Needs no data.
    #[arg(long, conflicts_with_all = ["dry_run", "show", "restore", "data_dir", "url"])]
    pub evaluate: bool,
    /// Made-up people of an evaluation, 100 to 20000.
    #[arg(long, default_value_t = 3_000, requires = "evaluate", value_parser = clap::value_parser!(u32).range(100..=20_000))]
    pub people: u32,
    /// Seed of an evaluation: the same seed, the same people.
    #[arg(long, default_value_t = 1, requires = "evaluate")]
    pub seed: u64,
    /// Most links shown, 0 to 1000.
    #[arg(long, default_value_t = SHOWN_DEFAULT as u64, value_parser = clap::value_parser!(u64).range(0..=SHOWN_MAX as u64))]
    pub limit: u64,
    /// table or json.
    #[arg(long, default_value = "table", value_parser = ["table", "json"])]
    pub format: String,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

impl Link {
    /// Does it, and tells what came of it.
    pub fn run(&self) -> Result<Ended, Failure> {
        if self.evaluate {
            let measured = evaluation::Evaluation::of(self.seed, self.people);
            match self.format.as_str() {
                "json" => output::print_json(&measured)?,
                _ => output::print(&table::evaluation(&measured))?,
            }
            return Ok(Ended::Done);
        }
        let told = self.told()?;
        match self.format.as_str() {
            "json" => output::print_json(&told)?,
            _ => output::print(&table::links(&told))?,
        }
        Ok(Ended::Done)
    }

    fn told(&self) -> Result<Told, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::new("devices could not be linked", error);
        let shown = usize::try_from(self.limit).unwrap_or(SHOWN_MAX);
        match self.place.open(false)? {
            Target::Local(engine) => {
                engine.drain().map_err(|error| failed(&error))?;
                let told = match self.restore {
                    _ if self.show => engine.probable.standing(shown),
                    Some(version) => engine.probable.restore(version, shown),
                    None => engine.link(self.dry_run, shown),
                };
                engine.close();
                told.map_err(|error| failed(&error))
            }
            Target::Remote(mut remote) => {
                let empty = serde_json::json!({});
                let answer = match self.restore {
                    _ if self.show => remote.get(&format!("/api/probable-links?limit={shown}"))?,
                    Some(version) => {
                        let path = format!("/api/probable-links/{version}/restore");
                        remote.send_json(Method::PUT, &path, &empty)?
                    }
                    None => {
                        let dry_run = self.dry_run;
                        let path = format!("/api/probable-links?dry_run={dry_run}&limit={shown}");
                        remote.send_json(Method::POST, &path, &empty)?
                    }
                };
                serde_json::from_slice(&answer).map_err(|error| failed(&error))
            }
        }
    }
}

impl Engine {
    /// Fits probable links to everything folded so far.
    ///
    /// # Errors
    /// See [`LinkingError`].
    pub fn link(&self, dry_run: bool, shown: usize) -> Result<Told, LinkingError> {
        let view = self.view()?;
        let log = &*self.instance.log;
        let parts = GatherParts { state: &*view.state, generation: view.generation(), log };
        let gathered = gather(&parts)?;
        drop(view);
        let artefact = Artefact::of(gathered);
        match dry_run {
            true => self.probable.tried(artefact, shown),
            false => self.probable.keep(artefact, shown),
        }
    }
}

/// The admin plane's way to them.
pub struct Guessing(pub Arc<Engine>);

impl Linking for Guessing {
    fn standing(&self, shown: usize) -> Result<Told, TransferError> {
        self.0.probable.standing(shown).map_err(told_of)
    }

    fn fit(&self, dry_run: bool, shown: usize) -> Result<Told, TransferError> {
        self.0.link(dry_run, shown).map_err(told_of)
    }

    fn restore(&self, version: u32, shown: usize) -> Result<Told, TransferError> {
        self.0.probable.restore(version, shown).map_err(told_of)
    }
}

fn told_of(error: LinkingError) -> TransferError {
    match error {
        LinkingError::NoVersion { .. } => TransferError::Request(error.to_string()),
        other => TransferError::Failed(other.to_string()),
    }
}
