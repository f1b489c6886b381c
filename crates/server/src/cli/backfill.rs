//! `backfill`: the log folded anew, behind everything else, until the figures are exactly what a
//! fresh fold gives.

use super::engine::Engine;
use super::failure::{Ended, Failure};
use super::output;
use super::place::{Place, Target};
use super::progress::{Bar, refolding};
use super::remote::Remote;
use super::succession::{Refold, Refolded, SuccessionError};
use crate::admin::parts::{Refolding, TransferError};
use crate::report::page::Grid;
use crate::report::{number, terminal};
use clap::Args;
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Between two questions how far a running instance is.
const ASK_EVERY: Duration = Duration::from_millis(300);

/// Folds the whole log anew beside the state in force and puts the result in its place. Reports go
/// on meanwhile; broken off, it goes on where it was.
#[derive(Args, Clone, Debug)]
pub struct Backfill {
    /// Only tell which figures it would change.
    #[arg(long)]
    pub dry_run: bool,
    /// table or json.
    #[arg(long, default_value = "table", value_parser = ["table", "json"])]
    pub format: String,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

impl Backfill {
    /// Does it, and tells what changed.
    pub fn run(&self) -> Result<Ended, Failure> {
        let last = match self.place.open(false)? {
            Target::Local(engine) => self.local(&engine)?,
            Target::Remote(mut remote) => self.remote(&mut remote)?,
        };
        if let Some(failed) = last["failed"].as_str() {
            return Err(Failure::known(
                "the log could not be folded anew",
                failed.to_owned(),
                "the earlier figures stay in force; see the messages of the instance",
            ));
        }
        match self.format.as_str() {
            "json" => output::print_json(&last)?,
            _ => output::print(&self.table(&last))?,
        }
        Ok(Ended::Done)
    }

    fn local(&self, engine: &Engine) -> Result<Value, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::new("the log could not be folded anew", error);
        engine.drain().map_err(|error| failed(&error))?;
        engine.backfill(self.dry_run).map_err(|error| failed(&error))?;
        refolding(engine.succession()).map_err(|error| failed(&error))?;
        let last = standing(engine)["last"].take();
        engine.close();
        Ok(last)
    }

    fn remote(&self, remote: &mut Remote) -> Result<Value, Failure> {
        let path = format!("/api/backfill?dry_run={}", self.dry_run);
        remote.send_json(Method::POST, &path, &json!({}))?;
        let bar = Bar::records("folding the log anew");
        loop {
            let answer = remote.get("/api/backfill")?;
            let mut standing: Value = serde_json::from_slice(&answer)
                .map_err(|error| Failure::new("the instance's answer cannot be read", error))?;
            match serde_json::from_value::<Refold>(standing["folding"].clone()) {
                Ok(refold) => bar.at(refold.folded, refold.logged),
                Err(_) => return Ok(standing["last"].take()),
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    fn table(&self, last: &Value) -> String {
        let differences = last["differences"].as_array().cloned().unwrap_or_default();
        let tells = match (self.dry_run, differences.len()) {
            (_, 0) => "Nothing differs: the figures are exactly what the log gives.".to_owned(),
            (true, count) => format!("{count} figures would change."),
            (false, count) => format!("{count} figures changed."),
        };
        if differences.is_empty() {
            return format!("{tells}\n");
        }
        terminal::compose(
            &[&tells],
            &[differing(&differences)],
            output::terminal_width().unwrap_or(100),
        )
    }
}

/// Figures before and after.
pub(super) fn differing(differences: &[Value]) -> Grid {
    let shown = |value: &Value| value.as_f64().map_or_else(|| "–".to_owned(), figure);
    let mut grid = Grid::new("", &["Figure", "Before", "After"], "");
    let rows = differences.iter().map(|one| {
        let name = one["figure"].as_str().unwrap_or_default();
        vec![crate::report::page::plain(name), shown(&one["before"]), shown(&one["after"])]
    });
    grid.rows = rows.collect();
    grid
}

/// Whole where it is whole, else with three digits.
fn figure(value: f64) -> String {
    match value.fract() == 0.0 {
        true => number::amount(value),
        false => format!("{value:.3}"),
    }
}

/// What is under way and what became of the last one.
fn standing(engine: &Engine) -> Value {
    let succession = engine.succession();
    let folding: Option<Refold> = succession.progress();
    let last: Option<Refolded> = succession.last();
    json!({ "folding": folding, "last": last })
}

/// The same through the admin plane.
pub struct Anew(pub Arc<Engine>);

impl Refolding for Anew {
    fn backfill(&self, dry_run: bool) -> Result<(), TransferError> {
        self.0.backfill(dry_run).map_err(|error| match error {
            SuccessionError::Busy => TransferError::Request(error.to_string()),
            other => TransferError::Failed(other.to_string()),
        })
    }

    fn standing(&self) -> Value {
        standing(&self.0)
    }
}
