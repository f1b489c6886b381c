//! Personalization: how answers came about, by use case, and whether they kept their budgets.

use super::envelope::{Field, Row};
use super::error::ReportError;
use super::experiments::{
    self, ExperimentFigures, ExperimentResult, fallback, millis, percent, share,
};
use super::figures::Figures;
use super::measured::{self, HintResult, ShadowResult};
use super::number;
use super::page::{Grid, plain};
use super::query::ReportQuery;
use millstream_pipeline::decided::DecisionSums;
use serde::Serialize;

/// Rungs in the order of the ladder.
const RUNGS: [&str; 5] = ["personalized", "cached", "segment", "contextual", "default"];

/// The report.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonalizationReport {
    /// One for each use case, by name.
    pub rows: Vec<DecisionSums>,
    /// What came of experiments, in order of use cases.
    pub experiments: Vec<ExperimentResult>,
    /// Whether prefetch hints come true.
    pub hints: Vec<HintResult>,
    /// How shadow policies compare.
    pub shadows: Vec<ShadowResult>,
}

/// Sums over all use cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PersonalizationTotals {
    decisions: u64,
    within_budget: Option<f64>,
    fallback_rate: Option<f64>,
    timeout_rate: Option<f64>,
    experiments: Vec<ExperimentResult>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<HintResult>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shadows: Vec<ShadowResult>,
}

/// Builds the report.
///
/// # Errors
/// When the figures cannot be read.
pub fn build(
    figures: &dyn Figures,
    query: &ReportQuery,
) -> Result<PersonalizationReport, ReportError> {
    let experiments = figures.experiments(&query.range)?;
    let measured = figures.measured(&query.range)?;
    Ok(PersonalizationReport {
        rows: figures.decisions(&query.range)?,
        experiments: experiments.iter().map(ExperimentFigures::result).collect(),
        hints: measured.iter().flat_map(HintResult::of).collect(),
        shadows: measured.iter().filter_map(ShadowResult::of).collect(),
    })
}

fn real(value: Option<f64>) -> Field {
    value.map_or(Field::Unknown, Field::Real)
}

fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

impl PersonalizationReport {
    /// Names of the columns.
    pub const COLUMNS: [&'static str; 14] = [
        "use_case",
        "decisions",
        "personalized",
        "cached",
        "segment",
        "contextual",
        "default",
        "fallback_rate",
        "timeout_rate",
        "within_budget",
        "p50_ms",
        "p95_ms",
        "p99_ms",
        "main_reason",
    ];

    /// Rows as machines read them.
    pub fn machine_rows(&self) -> Vec<Row> {
        let row = |sums: &DecisionSums| {
            let mut fields =
                vec![Field::Text(sums.use_case.to_string()), Field::Count(count(sums.decisions))];
            fields.extend(RUNGS.map(|rung| Field::Count(count(sums.rung(rung)))));
            fields.extend([
                real(fallback(sums)),
                real(share(sums.timed_out, sums.decisions)),
                real(share(sums.within_budget, sums.decisions)),
                real(sums.took_ms(500)),
                real(sums.took_ms(950)),
                real(sums.took_ms(990)),
                Field::Text(main_reason(sums).to_owned()),
            ]);
            Row(Self::COLUMNS.into_iter().zip(fields).collect())
        };
        self.rows.iter().map(row).collect()
    }

    fn sum(&self) -> DecisionSums {
        self.rows.iter().fold(DecisionSums::default(), |mut sum, row| {
            sum.add(row);
            sum
        })
    }

    /// Sums over all use cases.
    pub fn totals(&self) -> PersonalizationTotals {
        let sum = self.sum();
        PersonalizationTotals {
            decisions: count(sum.decisions),
            within_budget: share(sum.within_budget, sum.decisions),
            fallback_rate: fallback(&sum),
            timeout_rate: share(sum.timed_out, sum.decisions),
            experiments: self.experiments.clone(),
            hints: self.hints.clone(),
            shadows: self.shadows.clone(),
        }
    }

    /// What the figures mean, in a sentence, and what each experiment says, in a line of its own.
    pub fn meaning(&self) -> String {
        let sum = self.sum();
        if sum.decisions == 0 {
            return "No decision was asked for in this range.".to_owned();
        }
        let all = format!(
            "{} decisions, {} of them within their budget; {} were answered from a rung below the visitor's own profile.",
            number::grouped(count(sum.decisions)),
            percent(share(sum.within_budget, sum.decisions)),
            percent(fallback(&sum)),
        );
        let experiments = self.experiments.iter().map(ExperimentResult::sentence);
        std::iter::once(all).chain(experiments).collect::<Vec<_>>().join("\n")
    }

    /// The tables for people.
    pub fn grids(&self) -> Vec<Grid> {
        let none = "No decisions yet: ask POST /v1/decide.";
        let mut rungs = Grid::new(
            "Where answers came from",
            &["Use case", "Decisions", "Personal", "Cached", "Segment", "Contextual", "Default"],
            none,
        );
        let mut times = Grid::new(
            "Whether they kept their budget, and mostly why they were not personal",
            &["Use case", "In budget", "Timed out", "p50", "p95", "p99", "Not personal"],
            none,
        );
        for sums in &self.rows {
            let mut cells = vec![plain(&sums.use_case), number::grouped(count(sums.decisions))];
            cells.extend(RUNGS.map(|rung| number::grouped(count(sums.rung(rung)))));
            rungs.rows.push(cells);
            times.rows.push(vec![
                plain(&sums.use_case),
                percent(share(sums.within_budget, sums.decisions)),
                percent(share(sums.timed_out, sums.decisions)),
                millis(sums.took_ms(500)),
                millis(sums.took_ms(950)),
                millis(sums.took_ms(990)),
                plain(main_reason(sums)),
            ]);
        }
        let mut grids = vec![rungs, times];
        grids.extend(measured::hints(&self.hints));
        grids.extend(measured::shadows(&self.shadows));
        grids.extend(experiments::grids(&self.experiments));
        grids
    }
}

/// The commonest cause that is not the healthy one.
fn main_reason(sums: &DecisionSums) -> &str {
    let healthy = ["profile", "session_profile", "stored"];
    let others = sums.reasons.iter().filter(|(name, _)| !healthy.contains(&&***name));
    others.max_by_key(|(_, count)| **count).map_or("", |(name, _)| name)
}
