//! `plan`: the bottleneck before it happens.

mod compare;
mod file;
mod init;
mod verify;

use super::failure::{Ended, Failure};
use super::output::{self, Rendered};
use crate::plan_report;
use clap::{Args, Subcommand, ValueEnum};
use millstream_plan::diff::diff;
use millstream_plan::review::{Period, Review};
use millstream_plan::{PlanReport, Study};
use std::path::{Path, PathBuf};

/// Plans capacity: what breaks first, for whom, what the delay costs, which remedy is worth its money.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Plan {
    #[command(subcommand)]
    action: Option<Action>,
    /// The plan (TOML). Further files are laid over it: TOML, .csv inventories and forecasts, .json forecasts.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// An overlay: the plan is studied with it, and what moves is shown. May be repeated.
    #[arg(long, value_name = "FILE")]
    what_if: Vec<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Rendered::Table)]
    format: Rendered,
    /// The same as `--format json`.
    #[arg(long)]
    json: bool,
    /// Also writes the page to this file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Prints a review instead, its figures filled in.
    #[arg(long, value_enum, value_name = "PERIOD")]
    review: Option<ReviewPeriod>,
    /// Seed of what is simulated. The same seed gives the same bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leaves out what takes longest: options, sensitivity, simulation.
    #[arg(long)]
    quick: bool,
}

#[derive(Subcommand, Clone, Debug)]
enum Action {
    Init(init::Init),
    Diff(compare::Diff),
    Verify(verify::Verify),
    /// Prints the JSON Schema of plan files.
    Schema,
}

/// How often a review is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReviewPeriod {
    /// Utilisation, queues, shared paths against the peaks.
    Week,
    /// Peaks, failover, savings.
    Month,
    /// The whole bottleneck review.
    Quarter,
}

impl Plan {
    /// Does what was asked.
    pub fn run(&self) -> Result<Ended, Failure> {
        match &self.action {
            Some(Action::Init(init)) => init.run(),
            Some(Action::Diff(diff)) => diff.run(),
            Some(Action::Verify(verify)) => verify.run(),
            Some(Action::Schema) => {
                output::print_json(&millstream_plan::schema::schema())?;
                Ok(Ended::Done)
            }
            None => self.study(),
        }
    }

    fn study(&self) -> Result<Ended, Failure> {
        let study = Study {
            options: !self.quick,
            sensitivity: !self.quick,
            retries: true,
            seed: (!self.quick).then_some(self.seed),
        };
        let base = file::plan(self.files.iter().map(PathBuf::as_path))?;
        if self.what_if.is_empty() {
            return self.show(&base, &base.study(&study));
        }
        let overlays = self.files.iter().chain(&self.what_if).map(PathBuf::as_path);
        let plan = file::plan(overlays)?;
        let report = plan.study(&study);
        if self.shown() == Rendered::Table && self.review.is_none() {
            let plain = Study::QUICK;
            let moved = diff(&base.study(&plain), &report);
            output::print(&plan_report::difference(&moved, output::terminal_width()))?;
            output::print("\n")?;
        }
        self.show(&plan, &report)
    }

    fn shown(&self) -> Rendered {
        if self.json { Rendered::Json } else { self.format }
    }

    fn show(&self, plan: &millstream_plan::Plan, report: &PlanReport) -> Result<Ended, Failure> {
        let reviews = || {
            Period::ALL.iter().map(|period| Review::of(*period, plan, report)).collect::<Vec<_>>()
        };
        if let Some(target) = &self.html {
            write(target, &plan_report::html(report, &reviews()))?;
        }
        if let Some(period) = self.review {
            return self.show_review(&Review::of(period.of(), plan, report));
        }
        match self.shown() {
            Rendered::Table => {
                output::print(&plan_report::table(report, output::terminal_width()))?
            }
            Rendered::Json => output::print_json(report)?,
            Rendered::Html => output::print(&plan_report::html(report, &reviews()))?,
        }
        Ok(Ended::Done)
    }

    fn show_review(&self, review: &Review) -> Result<Ended, Failure> {
        match self.shown() {
            Rendered::Table => {
                output::print(&plan_report::review_table(review, output::terminal_width()))?
            }
            Rendered::Json => output::print_json(review)?,
            Rendered::Html => output::print(&plan_report::review_html(review))?,
        }
        Ok(Ended::Done)
    }
}

impl ReviewPeriod {
    fn of(self) -> Period {
        match self {
            Self::Week => Period::Week,
            Self::Month => Period::Month,
            Self::Quarter => Period::Quarter,
        }
    }
}

fn write(target: &Path, page: &str) -> Result<(), Failure> {
    std::fs::write(target, page).map_err(|error| {
        let fix = "name a file in a folder that exists and can be written";
        Failure::known(format!("cannot write {}", target.display()), error.to_string(), fix)
    })
}
