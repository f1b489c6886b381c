//! Sensitivity: what delay and stale profiles cost, by the arms of experiments that vary them, and
//! whether edge is needed at all.

use super::envelope::{Field, Row};
use super::error::ReportError;
use super::experiments::{ExperimentFigures, millis, percent};
use super::figures::Figures;
use super::number;
use super::page::{Grid, NOT_KNOWN, plain};
use super::query::ReportQuery;
use millstream_decide::Treatment;
use millstream_decide::experiment::sensitivity::{Delayed, Loss, Sensitivity, Verdict, judge};
use serde::Serialize;

/// Shared among the arms of one experiment.
const CONFIDENCE: f64 = 0.95;

/// The report.
#[derive(Clone, Debug, PartialEq)]
pub struct SensitivityReport {
    rows: Vec<Judged>,
}

/// One experiment with what it says; nothing while an arm has fewer than two visitors.
#[derive(Clone, Debug, PartialEq)]
struct Judged {
    figures: ExperimentFigures,
    said: Option<Sensitivity>,
}

/// One arm of it.
struct JudgedArm<'a> {
    name: &'a str,
    treatment: &'a Treatment,
    visitors: u64,
    /// The share that reached the goal.
    rate: Option<f64>,
    /// What it loses against the first arm; none for that one.
    loss: Option<&'a Loss>,
    p95_ms: Option<f64>,
}

/// The verdict of one experiment, as machines read it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    experiment: Box<str>,
    use_case: Box<str>,
    goal: Box<str>,
    currency: Option<String>,
    negligible: f64,
    verdict: Option<Verdict>,
    sample_ratio_p: Option<f64>,
    advice: String,
}

/// Verdicts by experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SensitivityTotals {
    experiments: Vec<Told>,
}

/// Builds the report.
///
/// # Errors
/// When the figures cannot be read.
pub fn build(figures: &dyn Figures, query: &ReportQuery) -> Result<SensitivityReport, ReportError> {
    let all = figures.experiments(&query.range)?;
    let rows = all.into_iter().filter(|it| it.plan.is_of_timing()).map(|figures| {
        let said = judge(&delayed(&figures), figures.plan.negligible, CONFIDENCE);
        Judged { figures, said }
    });
    Ok(SensitivityReport { rows: rows.collect() })
}

fn delayed(figures: &ExperimentFigures) -> Vec<Delayed> {
    let plan = &figures.plan;
    let arms = plan.arms.iter().zip(&plan.treatments).zip(&figures.tally.arms);
    arms.map(|((arm, treatment), tally)| Delayed {
        name: arm.name.clone(),
        treatment: treatment.clone(),
        weight: arm.weight,
        outcome: tally.reached,
        value: tally.value,
    })
    .collect()
}

impl Judged {
    fn advice(&self) -> String {
        self.said.as_ref().map_or_else(
            || "not decided yet: there are too few visitors; let it run on".to_owned(),
            |said| said.advice.clone(),
        )
    }

    fn loss(&self, arm: &str) -> Option<&Loss> {
        self.said.as_ref()?.losses.iter().find(|loss| *loss.arm == *arm)
    }

    /// What a millisecond of 1,000 visitors is worth, where goals are in one currency.
    fn price(&self, loss: &Loss) -> Option<String> {
        let (minor, currency) = (loss.minor_per_ms?, self.figures.currency?);
        let money = millstream_event::Money { minor: minor.round() as i64, currency };
        Some(number::money(money))
    }

    fn arms(&self) -> impl Iterator<Item = JudgedArm<'_>> {
        let plan = &self.figures.plan;
        let arms = plan.arms.iter().zip(&plan.treatments).enumerate();
        arms.map(move |(place, (arm, treatment))| {
            let outcome = &self.figures.tally.arms[place].reached;
            JudgedArm {
                name: &arm.name,
                treatment,
                visitors: outcome.units as u64,
                rate: Some(outcome.mean()).filter(|_| outcome.units > 0.0),
                loss: self.loss(&arm.name),
                p95_ms: self.figures.decided[place].took_ms(950),
            }
        })
    }

    fn machine_rows(&self) -> impl Iterator<Item = Row> {
        self.arms().map(move |arm| {
            let architecture = arm.treatment.architecture.map(|it| it.as_str());
            let real = |value: Option<f64>| value.map_or(Field::Unknown, Field::Real);
            let of = |read: fn(&Loss) -> f64| real(arm.loss.map(read));
            let fields = [
                Field::Text(self.figures.plan.experiment.to_string()),
                Field::Text(arm.name.to_owned()),
                Field::Real(arm.treatment.delay.as_millis()),
                Field::Count(arm.treatment.stale_by as u64),
                architecture.map_or(Field::Unknown, |it| Field::Text(it.to_owned())),
                Field::Count(arm.visitors),
                real(arm.rate),
                of(|it| it.loss),
                of(|it| it.low),
                of(|it| it.high),
                of(|it| it.p),
                real(arm.loss.and_then(|it| it.per_ms)),
                real(arm.loss.and_then(|it| it.minor_per_ms)),
                of(|it| it.visible),
                real(arm.p95_ms),
            ];
            Row(SensitivityReport::COLUMNS.into_iter().zip(fields).collect())
        })
    }

    /// The lines of both tables: what each arm loses, and what its milliseconds cost.
    fn table_rows(&self) -> impl Iterator<Item = [Vec<String>; 2]> {
        self.arms().map(move |arm| {
            let experiment = plain(&self.figures.plan.experiment);
            let points = |value: f64| format!("{:.2}", 100.0 * value);
            let known = |text: Option<String>| text.unwrap_or_else(|| NOT_KNOWN.to_owned());
            let loss = arm.loss.map(|it| {
                format!("{} ({} to {})", points(it.loss), points(it.low), points(it.high))
            });
            let per_ms = arm.loss.and_then(|it| it.per_ms).map(|it| format!("{:.4}", 100.0 * it));
            let lost = vec![
                experiment.clone(),
                plain(arm.name),
                changes(arm.treatment),
                number::grouped(arm.visitors),
                percent(arm.rate),
                known(loss),
            ];
            let cost = vec![
                experiment,
                plain(arm.name),
                millis(arm.p95_ms),
                known(per_ms),
                known(arm.loss.and_then(|it| self.price(it))),
            ];
            [lost, cost]
        })
    }
}

/// What an arm changes, in a few words.
fn changes(treatment: &Treatment) -> String {
    let mut words = Vec::new();
    if treatment.delay.0 > 0 {
        words.push(format!("{} ms later", treatment.delay.as_millis()));
    }
    if treatment.stale_by > 0 {
        words.push(format!("{} events behind", treatment.stale_by));
    }
    if let Some(architecture) = treatment.architecture {
        words.push(architecture.as_str().to_owned());
    }
    if treatment.stages.is_some() {
        words.push("other stages".to_owned());
    }
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

impl SensitivityReport {
    /// Names of the columns.
    pub const COLUMNS: [&'static str; 15] = [
        "experiment",
        "arm",
        "delay_ms",
        "stale_by",
        "architecture",
        "visitors",
        "rate",
        "loss",
        "low",
        "high",
        "p",
        "loss_per_ms",
        "minor_per_ms_per_1000",
        "visible_loss",
        "p95_ms",
    ];

    /// Rows as machines read them.
    pub fn machine_rows(&self) -> Vec<Row> {
        self.rows.iter().flat_map(Judged::machine_rows).collect()
    }

    /// Verdicts by experiment.
    pub fn totals(&self) -> SensitivityTotals {
        let told = |judged: &Judged| {
            let plan = &judged.figures.plan;
            Told {
                experiment: plan.experiment.clone(),
                use_case: plan.use_case.clone(),
                goal: plan.goal.clone(),
                currency: judged.figures.currency.map(|it| it.as_str().to_owned()),
                negligible: plan.negligible,
                verdict: judged.said.as_ref().map(|said| said.verdict),
                sample_ratio_p: judged.said.as_ref().map(|said| said.sample_ratio_p),
                advice: judged.advice(),
            }
        };
        SensitivityTotals { experiments: self.rows.iter().map(told).collect() }
    }

    /// What the figures mean, in a sentence.
    pub fn meaning(&self) -> String {
        if self.rows.is_empty() {
            return "No experiment varies delay, staleness or architecture: configure one of [[decide.experiments]] with such arms.".to_owned();
        }
        let told = |judged: &Judged| {
            format!("{}: {}.", plain(&judged.figures.plan.experiment), judged.advice())
        };
        self.rows.iter().map(told).collect::<Vec<_>>().join("\n")
    }

    /// The tables for people.
    pub fn grids(&self) -> Vec<Grid> {
        let none = "Nobody has met such an experiment yet.";
        let mut losses = Grid::new(
            "What arms lose against the first one, in points of 100 visitors",
            &["Experiment", "Arm", "Changes", "Visitors", "Rate", "Loss"],
            none,
        );
        let mut costs = Grid::new(
            "What a millisecond costs (p95 without the added delay)",
            &["Experiment", "Arm", "p95", "Points of 100, per ms", "Money of 1,000, per ms"],
            none,
        );
        for [loss, cost] in self.rows.iter().flat_map(Judged::table_rows) {
            losses.rows.push(loss);
            costs.rows.push(cost);
        }
        if costs.rows.is_empty() { vec![losses] } else { vec![losses, costs] }
    }
}
