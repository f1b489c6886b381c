//! `score`: the build-or-buy scorecard.

use super::failure::{Ended, Failure};
use super::output::{self, Rendered};
use crate::score_report;
use clap::{Args, Subcommand};
use millstream_plan::PlanError;
use millstream_plan::score::{EXAMPLE, Scorecard, assess, read};
use std::path::{Path, PathBuf};

/// Scores ways of getting a system against weighted criteria, with evidence and full cost.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Score {
    #[command(subcommand)]
    action: Option<Action>,
    /// The sheet: criteria, weights, options, scores, evidence, costs. `score init` writes one.
    #[arg(required = true)]
    file: Option<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Rendered::Table)]
    format: Rendered,
    /// Also writes the page to this file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Subcommand, Clone, Debug)]
enum Action {
    /// Writes the ready example, which compares build, buy and hybrid; to standard output without FILE.
    Init {
        /// Where; an existing file stays as it is.
        file: Option<PathBuf>,
    },
}

impl Score {
    /// Prints it.
    pub fn run(&self) -> Result<Ended, Failure> {
        if let Some(Action::Init { file }) = &self.action {
            return match file {
                Some(file) => init(file),
                None => output::print(EXAMPLE).map(|()| Ended::Done),
            };
        }
        let Some(file) = &self.file else {
            return Err(Failure::usage("there is no sheet", "FILE was not given", "name a file"));
        };
        let card = card(file)?;
        if let Some(target) = &self.html {
            write(target, &score_report::html(&card))?;
        }
        match self.format {
            Rendered::Table => {
                output::print(&score_report::table(&card, output::terminal_width()))?;
            }
            Rendered::Json => output::print_json(&card)?,
            Rendered::Html => output::print(&score_report::html(&card))?,
        }
        Ok(Ended::Done)
    }
}

fn card(file: &Path) -> Result<Scorecard, Failure> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| {
        let fix = "name a readable text file; `millstream score init FILE` writes one";
        Failure::known(format!("cannot read {name}"), error.to_string(), fix)
    })?;
    read(&name.to_string(), &text).map(|sheet| assess(&sheet)).map_err(|error| refused(&error))
}

/// The first thing that is wrong, and how many more there are.
fn refused(error: &PlanError) -> Failure {
    let PlanError::Invalid { problems, more } = error else {
        return Failure::new("the sheet cannot be used", error);
    };
    let Some(first) = problems.first() else {
        return Failure::new("the sheet cannot be used", error);
    };
    let more = match problems.len() - 1 + more {
        0 => String::new(),
        1 => " (and one more)".to_owned(),
        count => format!(" (and {count} more)"),
    };
    let what = format!("{}:{}:{}: {}{more}", first.source, first.line, first.column, first.what);
    Failure::known(what, first.why.clone(), first.fix.clone())
}

fn init(file: &Path) -> Result<Ended, Failure> {
    let written = std::fs::File::create_new(file)
        .and_then(|mut created| std::io::Write::write_all(&mut created, EXAMPLE.as_bytes()));
    written.map_err(|error| {
        let fix = "choose another name, or move the file that is there";
        Failure::known(format!("cannot write {}", file.display()), error.to_string(), fix)
    })?;
    output::print(&format!(
        "{0} compares build, buy and hybrid. Put in your figures, then: millstream score {0}\n",
        file.display()
    ))?;
    Ok(Ended::Done)
}

fn write(target: &Path, page: &str) -> Result<(), Failure> {
    std::fs::write(target, page).map_err(|error| {
        let fix = "name a file in a folder that exists and can be written";
        Failure::known(format!("cannot write {}", target.display()), error.to_string(), fix)
    })
}
