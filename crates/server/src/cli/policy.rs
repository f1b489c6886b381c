//! `policy`: what another policy would have earned, from logged decisions in a file.

use super::failure::{Ended, Failure};
use super::output::{self, Shown};
use crate::import::{Bounded, Input, ROW_BYTES_MAX};
use clap::Args;
use millstream_decide::experiment::off_policy::{EFFECTIVE_MIN, Estimate, Logged, estimate};
use serde_json::{Value, json};
use std::cell::Cell;
use std::fmt::Write;
use std::path::PathBuf;

/// Most decisions of one file.
const DECISIONS_MAX: usize = 5_000_000;
/// Columns that must be there, and those that a model adds.
const COLUMNS: [&str; 5] = ["reward", "propensity", "other", "modelled", "modelled_other"];
const NEEDED: usize = 3;

/// Estimates what another policy would have earned from decisions logged with their chances: by
/// inverse propensity (IPS), the same with weights that sum to one (SNIPS), and doubly robust (DR).
///
/// The first line names the columns: `reward`, `propensity` (the chance that the choice had),
/// `other` (the chance that the other policy gives the same choice), and, where a model estimates
/// rewards, `modelled` (of the choice) and `modelled_other` (of the other policy).
#[derive(Args, Clone, Debug)]
pub struct Policy {
    /// The file, gzip or not; - is standard input.
    file: PathBuf,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Shown::Table)]
    format: Shown,
}

impl Policy {
    /// Estimates and prints.
    pub fn run(&self) -> Result<Ended, Failure> {
        let mut input = Input::path(&self.file);
        let name = input.name().to_owned();
        let failed = |why: &dyn std::fmt::Display| {
            Failure::new(format!("cannot read {name} as logged decisions"), why)
        };
        let log = read(&mut input).map_err(|why| failed(&why))?;
        let found = estimate(&log).ok_or_else(|| {
            failed(&"it has no decision of a positive propensity; log the chance of each choice")
        })?;
        match self.format {
            Shown::Table => output::print(&told(&found))?,
            Shown::Json => output::print_json(&machine(&found))?,
        }
        Ok(Ended::Done)
    }
}

fn machine(found: &Estimate) -> Value {
    json!({
        "decisions": found.decisions,
        "effective": found.effective,
        "holds": found.holds(),
        "ips": found.ips,
        "snips": found.snips,
        "doubly_robust": found.doubly_robust,
        "standard_error": found.error,
    })
}

fn told(found: &Estimate) -> String {
    let mut text = format!(
        "{} decisions, worth {:.0} of the other policy's own\n",
        found.decisions, found.effective
    );
    if !found.holds() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "no verdict: too few decisions carry the estimate (at least {EFFECTIVE_MIN} and 1 % of them should); explore more, or ask of a policy that is closer to the logged one"
        );
        return text;
    }
    let reach = 1.96 * found.error;
    for (name, value) in [("IPS", found.ips), ("SNIPS", found.snips)] {
        let _ = writeln!(text, "  {name:<14} {value:.6}");
    }
    let robust = found.doubly_robust;
    let _ = writeln!(
        text,
        "  {:<14} {robust:.6}   (95 %: {:.6} to {:.6})",
        "doubly robust",
        robust - reach,
        robust + reach
    );
    text
}

/// Reads the columns by name, in any order.
fn read(input: &mut Input<'_>) -> Result<Vec<Logged>, String> {
    let stream = input.open(&|_| ()).map_err(|error| error.to_string())?;
    let allowed = Cell::new(ROW_BYTES_MAX);
    let bounded = Bounded { stream, taken: 0, allowed: &allowed };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bounded);
    let heads = reader.headers().map_err(|error| error.to_string())?.clone();
    let places = COLUMNS.map(|name| heads.iter().position(|head| head == name));
    if let Some(missing) = (0..NEEDED).find(|place| places[*place].is_none()) {
        let name = COLUMNS[missing];
        return Err(format!("there is no column `{name}`; name it in the first line"));
    }
    let mut log = Vec::new();
    for (number, row) in reader.records().enumerate() {
        let line = number + 2;
        let row = row.map_err(|error| format!("line {line}: {error}"))?;
        let place = row.position().map_or(0, csv::Position::byte);
        allowed.set(place + 2 * ROW_BYTES_MAX);
        let value = |place: usize| match places[place].and_then(|at| row.get(at)) {
            None => Ok(0.0),
            Some(text) => {
                text.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(|| {
                    format!(
                        "line {line}: `{}` is no number; write one with a point",
                        COLUMNS[place]
                    )
                })
            }
        };
        let [reward, chance, other, modelled, modelled_other] =
            [value(0)?, value(1)?, value(2)?, value(3)?, value(4)?];
        if !(0.0..=1.0).contains(&chance) || !(0.0..=1.0).contains(&other) {
            return Err(format!("line {line}: a chance is not from 0 to 1; log probabilities"));
        }
        if log.len() == DECISIONS_MAX {
            return Err(format!("it has over {DECISIONS_MAX} decisions; send a sample of them"));
        }
        log.push(Logged { reward, chance, other, modelled, modelled_other });
    }
    Ok(log)
}
