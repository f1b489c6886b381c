//! `plan verify`: the planner held against known answers.

use super::file;
use crate::cli::failure::{Ended, Failure};
use crate::cli::output::{self, Shown};
use clap::Args;
use comfy_table::{CellAlignment, Table, presets::UTF8_HORIZONTAL_ONLY};
use millstream_plan::verify::{CASES_BYTES_MAX, Computed, Verdict, verify};
use std::path::PathBuf;

/// Computes every value of a file of known queueing answers and judges it.
#[derive(Args, Clone, Debug)]
pub struct Verify {
    /// Cases as JSON: `{"cases": [{"id", "inputs", "expected"}]}`, or - for standard input.
    file: PathBuf,
    /// How to print the verdicts.
    #[arg(long, value_enum, default_value_t = Shown::Table)]
    format: Shown,
    /// The same as `--format json`.
    #[arg(long)]
    json: bool,
}

impl Verify {
    /// Prints a verdict a value; fails when one of them does not hold.
    pub fn run(&self) -> Result<Ended, Failure> {
        let name = file::name(&self.file);
        let text = file::text(&self.file, CASES_BYTES_MAX)?;
        let verdicts = verify(&name, &text)
            .map_err(|error| Failure::new(format!("cannot verify {name}"), error))?;
        let wrong = verdicts.iter().filter(|verdict| !verdict.ok).count();
        if self.json || self.format == Shown::Json {
            output::print_json(&verdicts)?;
        } else {
            output::print(&table(&verdicts, wrong))?;
        }
        if wrong == 0 {
            return Ok(Ended::Done);
        }
        let what = format!("{wrong} of {} values do not hold", verdicts.len());
        let why = "the planner computes something else, or does not know the model or the key";
        Err(Failure::known(
            what,
            why,
            "look at the lines marked NO; check the inputs' names and units",
        ))
    }
}

fn table(verdicts: &[Verdict], wrong: usize) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    table.set_header(["case", "value", "expected", "computed", "error", "kind", "holds"]);
    for verdict in verdicts {
        let computed = match verdict.computed {
            Some(Computed::Number(number)) => short(number),
            Some(Computed::Unbounded) => "inf".to_owned(),
            None => "not known".to_owned(),
        };
        let expected =
            verdict.expected.as_f64().map_or_else(|| verdict.expected.to_string(), short);
        let error = verdict.error.map_or_else(String::new, |error| format!("{error:+.1e}"));
        let holds = if verdict.ok { "yes" } else { "NO" };
        table.add_row([
            &verdict.id,
            &verdict.key,
            &expected,
            &computed,
            &error,
            &verdict.kind,
            holds,
        ]);
    }
    for column in [2, 3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{table}\n{} of {} values hold\n", verdicts.len() - wrong, verdicts.len())
}

fn short(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e7).contains(&size) {
        format!("{number:.6e}")
    } else {
        format!("{number:.6}")
    }
}
