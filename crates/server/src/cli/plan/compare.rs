//! `plan diff`: two plans side by side.

use super::file;
use crate::cli::failure::{Ended, Failure};
use crate::cli::output;
use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};
use millstream_plan::Study;
use millstream_plan::diff::{PlanDiff, diff};
use std::path::PathBuf;

/// Rows of a table.
const ROWS_MAX: usize = 40;

/// How the difference is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shown {
    /// Tables for a terminal.
    Table,
    /// JSON.
    Json,
}

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
        let after = file::plan([self.after.as_path()].into_iter())?;
        let study = Study { options: false, sensitivity: false, seed: None };
        let found = diff(&before.study(&study), &after.study(&study));
        match self.format {
            Shown::Json => output::print_json(&found)?,
            Shown::Table => output::print(&tables(&found))?,
        }
        Ok(Ended::Done)
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Loads, hops and flows that changed.
pub fn tables(found: &PlanDiff) -> String {
    let share = |value: Option<f64>| {
        value.map_or("-".to_owned(), |value| format!("{:.1} %", value * 100.0))
    };
    let milliseconds =
        |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{:.3} ms", value * 1e3));
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0}"));
    let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let mut loads = table(&["load", "bottleneck", "then", "cost of delay", "then"]);
    for one in &found.scenarios {
        loads.add_row([
            one.scenario.clone(),
            word(&one.bottleneck_before),
            word(&one.bottleneck_after),
            number(one.cost_before),
            number(one.cost_after),
        ]);
    }
    let mut hops = table(&["load", "hop", "used", "then"]);
    for one in found.hops.iter().take(ROWS_MAX) {
        let row = [
            one.scenario.clone(),
            one.hop.clone(),
            share(one.utilisation_before),
            share(one.utilisation_after),
        ];
        hops.add_row(row);
    }
    let mut flows = table(&["load", "flow", "p99", "then", "arrive/s", "then"]);
    for one in found.flows.iter().take(ROWS_MAX) {
        flows.add_row([
            one.scenario.clone(),
            one.flow.clone(),
            milliseconds(one.p99_before_s),
            milliseconds(one.p99_after_s),
            number(one.goodput_before),
            number(one.goodput_after),
        ]);
    }
    let mut text = format!("{loads}\n");
    for (table, rows) in [(hops, found.hops.len()), (flows, found.flows.len())] {
        if rows > 0 {
            text.push_str(&format!("\n{table}\n"));
        }
        if rows > ROWS_MAX {
            text.push_str(&format!("and {} more; --format json has them all\n", rows - ROWS_MAX));
        }
    }
    for (sign, warnings) in [("+", &found.new_warnings), ("-", &found.gone_warnings)] {
        warnings.iter().for_each(|warning| text.push_str(&format!("{sign} {warning}\n")));
    }
    text
}
