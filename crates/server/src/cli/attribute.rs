//! `attribute`: credit over path data in a file, without a store.

use super::failure::{Ended, Failure};
use super::output;
use crate::import::Input;
use crate::path_data::{FILE_BYTES_MAX, Names, PathFile, PathFileError, read};
use crate::path_report::{self, Asked, Question, answer};
use clap::{Args, ValueEnum};
use millstream_attribute::bootstrap::{REPLICATES_MAX, REPLICATES_MIN};
use millstream_attribute::{Model, Order, PositionShares, ReportModel, Settings, Shape, Worth};
use millstream_event::Span;
use std::path::PathBuf;

/// Credits channels from path data: one row for each path, with how often it converted.
///
/// The first line names the columns, which are divided by comma, semicolon or tab: `path` (channels
/// joined by `>`), `conversions`, and, where known, `value` and `nulls` (journeys along the path that
/// did not convert).
#[derive(Args, Clone, Debug)]
pub struct Attribute {
    /// The file, gzip or not; - is standard input.
    file: PathBuf,
    /// first, last, last_non_direct, linear, position, time_decay, markov, shapley, or all of them
    /// side by side.
    #[arg(long, default_value = "all")]
    model: String,
    /// Touches that a state of the Markov chain remembers, 1 to 3.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
    order: u8,
    /// What a set of channels is worth to Shapley values: conversions, or rate.
    #[arg(long, default_value = "conversions")]
    worth: String,
    /// Shares of the first touch, those between, and the last under position.
    #[arg(long, default_value = "40/20/40", value_name = "FIRST/MIDDLE/LAST")]
    position: PositionShares,
    /// After this time a touch weighs half as much under time_decay, such as 7d or 36h.
    #[arg(long, default_value = "7d", value_parser = span)]
    half_life: Span,
    /// Time between two touches under time_decay: path data has no times.
    #[arg(long, default_value = "1d", value_parser = span)]
    touch_gap: Span,
    /// A channel that counts as direct, beside `direct` and `(direct)`; may be repeated.
    #[arg(long, value_name = "CHANNEL")]
    direct: Vec<String>,
    /// Name of the column with the paths.
    #[arg(long, value_name = "COLUMN")]
    path: Option<String>,
    /// Name of the column with the converting journeys.
    #[arg(long, value_name = "COLUMN")]
    conversions: Option<String>,
    /// Name of the column with the value of those.
    #[arg(long, value_name = "COLUMN")]
    value: Option<String>,
    /// Name of the column with the journeys that did not convert.
    #[arg(long, value_name = "COLUMN")]
    nulls: Option<String>,
    /// Resamples behind the intervals, 100 to 10000; 0 for no intervals. By default as many as take
    /// a few seconds, at most 500.
    #[arg(long, value_name = "NUMBER")]
    replicates: Option<usize>,
    /// Seed of what is drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Shown::Table)]
    format: Shown,
}

/// How an attribution is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shown {
    /// Sentences and a table for a terminal.
    Table,
    /// One JSON object.
    Json,
    /// Comma-separated values.
    Csv,
}

/// Longest time that can be written.
const DAYS_MAX: u32 = 36_500;

/// `7d`, `36h`, `90m`.
fn span(text: &str) -> Result<Span, String> {
    let wanted = || {
        format!(
            "write a whole number of days, hours or minutes above 0, such as 7d, 36h or 90m, up to {DAYS_MAX}d"
        )
    };
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, 'd')) => (&text[..at], Span::days(1)),
        Some((at, 'h')) => (&text[..at], Span::hours(1)),
        Some((at, 'm')) => (&text[..at], Span::minutes(1)),
        _ => return Err(wanted()),
    };
    let count: u32 = digits.parse().map_err(|_| wanted())?;
    let span = Span(unit.0.saturating_mul(i64::from(count)));
    let fits = count > 0 && span <= Span::days(i64::from(DAYS_MAX));
    fits.then_some(span).ok_or_else(wanted)
}

impl Attribute {
    /// Analyses the file and prints the answer.
    pub fn run(&self) -> Result<Ended, Failure> {
        let question = self.question()?;
        let mut input = Input::path(&self.file);
        let name = input.name().to_owned();
        let names =
            Names([&self.path, &self.conversions, &self.value, &self.nulls].map(Clone::clone));
        let file = read(&mut input, &names, FILE_BYTES_MAX)
            .map_err(|error| self.unreadable(&name, &names, &error))?;
        let found = answer(&file, &question)
            .map_err(|error| Failure::new(format!("cannot analyse {name}"), error))?;
        let unwritten =
            |error: &dyn std::fmt::Display| Failure::new("cannot write the answer", error);
        match self.format {
            Shown::Table => output::print(&path_report::table(&found, output::terminal_width()))?,
            Shown::Json => {
                output::print(&path_report::json(&found).map_err(|error| unwritten(&error))?)?;
            }
            Shown::Csv => {
                output::print_bytes(&path_report::csv(&found).map_err(|error| unwritten(&error))?)?;
            }
        }
        Ok(tell(&name, &file))
    }

    fn unreadable(&self, name: &str, names: &Names, error: &PathFileError) -> Failure {
        let what = format!("cannot read {name} as path data");
        match error {
            PathFileError::Column { .. } if names.0.iter().any(Option::is_some) => {
                let text = error.to_string();
                let (why, fix) = text.split_once("; ").unwrap_or((&text, ""));
                Failure::usage(what, why, fix)
            }
            _ => Failure::new(what, error),
        }
    }

    fn question(&self) -> Result<Question, Failure> {
        let order = Order::new(self.order).unwrap_or_default();
        let worth = Worth::parse(&self.worth).ok_or_else(|| {
            let known = Worth::ALL.map(Worth::as_str).join(", ");
            unknown("worth", &self.worth, &known)
        })?;
        let asked = match self.model.as_str() {
            "all" => Asked::All,
            "markov" => Asked::One(ReportModel::Markov(order)),
            "shapley" => Asked::One(ReportModel::Shapley(worth)),
            name => Asked::One(ReportModel::Rule(Model::parse(name).ok_or_else(|| {
                let known = ReportModel::all(order, worth).into_iter().map(ReportModel::as_str);
                unknown("model", name, &known.chain(["all"]).collect::<Vec<_>>().join(", "))
            })?)),
        };
        let sensible =
            |count: usize| count == 0 || (REPLICATES_MIN..=REPLICATES_MAX).contains(&count);
        if let Some(count) = self.replicates.filter(|count| !sensible(*count)) {
            return Err(Failure::usage(
                format!("cannot make intervals of {count} resamples"),
                format!(
                    "fewer than {REPLICATES_MIN} say nothing about the ends of a range, more than {REPLICATES_MAX} take too long"
                ),
                format!("write 0, or {REPLICATES_MIN} to {REPLICATES_MAX}"),
            ));
        }
        let settings = Settings {
            shape: Shape { position: self.position, half_life: self.half_life },
            gap: self.touch_gap,
            direct: self.direct.iter().map(|name| name.as_str().into()).collect(),
            seed: self.seed,
        };
        Ok(Question { asked, order, worth, replicates: self.replicates, settings })
    }
}

fn unknown(what: &str, given: &str, known: &str) -> Failure {
    let given: String = given.chars().take(64).collect();
    Failure::usage(
        format!("the {what} `{given}` does not exist"),
        format!("known are {known}"),
        format!("give one of them to --{what}"),
    )
}

/// Tells of refused rows, each in a line of its own.
fn tell(name: &str, file: &PathFile) -> Ended {
    let refused = &file.refused;
    if refused.count == 0 {
        return Ended::Done;
    }
    for one in &refused.first {
        eprintln!("{name}:{}: refused: {}; {}", one.line, one.why, one.fix);
    }
    let more = refused.count - refused.first.len() as u64;
    if more > 0 {
        eprintln!("{name}: {more} more rows were refused");
    }
    Ended::DoneWithRefusals
}

#[cfg(test)]
mod tests {
    use super::span;
    use millstream_event::Span;

    #[test]
    fn times_are_read_up_to_their_bound() {
        assert_eq!(span("7d"), Ok(Span::days(7)));
        assert_eq!(span("36h"), Ok(Span::hours(36)));
        assert_eq!(span("90m"), Ok(Span::minutes(90)));
        assert_eq!(span("36500d"), Ok(Span::days(36_500)));
        for wrong in ["36501d", "0d", "7", "d", "-1d", "1.5d", "", "7 d", "７d"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
