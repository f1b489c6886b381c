//! Experiments: who met which arm, what came of it, and what that says.

use super::error::ReportError;
use super::number;
use super::page::{Grid, NOT_KNOWN, plain};
use super::query::DateRange;
use super::state::StateFigures;
use crate::decide::Plan;
use millstream_decide::experiment::tally::{ArmFound, Found};
use millstream_decide::experiment::{Arm, ConfidenceSequence, Interval, Tally, Unit};
use millstream_event::Currency;
use millstream_pipeline::decided::{self, DecisionSums};
use millstream_pipeline::exposures::{Aftermath, aftermath, exposed};
use serde::Serialize;

/// What came of one experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentFigures {
    /// What was planned.
    pub plan: Plan,
    /// Sums by arm.
    pub tally: Tally,
    /// People whose devices met several arms: they count in none.
    pub mixed: u64,
    /// The one currency of all goals; none where there are several.
    pub currency: Option<Currency>,
    /// Decisions by arm.
    pub decided: Vec<DecisionSums>,
}

/// Amounts that are summed while they are all in one currency.
#[derive(Default)]
struct OneCurrency {
    currency: Option<Currency>,
    several: bool,
}

impl OneCurrency {
    fn minor(&mut self, after: &Aftermath) -> i64 {
        let mut sum = 0_i64;
        for value in &after.values {
            let own = *self.currency.get_or_insert(value.currency);
            self.several |= own != value.currency;
            sum = sum.saturating_add(value.minor);
        }
        sum
    }

    fn known(self) -> Option<Currency> {
        self.currency.filter(|_| !self.several)
    }
}

/// Reads what came of every experiment. Costs a look at each person who met it.
///
/// # Errors
/// When the state cannot be read.
pub(super) fn read(
    figures: &StateFigures<'_>,
    range: &DateRange,
) -> Result<Vec<ExperimentFigures>, ReportError> {
    figures.plans.iter().map(|plan| of_plan(figures, plan, range)).collect()
}

fn of_plan(
    figures: &StateFigures<'_>,
    plan: &Plan,
    range: &DateRange,
) -> Result<ExperimentFigures, ReportError> {
    let StateFigures { state, generation, .. } = *figures;
    let wanted = |day| range.contains(day);
    let mut tally = Tally::of(plan.arms.len());
    let (mut mixed, mut currency) = (0, OneCurrency::default());
    for (person, met) in exposed(state, generation, &plan.experiment, &wanted)? {
        let Some(arm) = &met.arm else {
            mixed += 1;
            continue;
        };
        let Some(arm) = plan.arms.iter().position(|known| known.name == *arm) else { continue };
        let after = aftermath(state, generation, (person, &met), &plan.goal)?;
        tally.add(&Unit {
            arm,
            segment: met.segment,
            reached: after.goals > 0,
            value_minor: currency.minor(&after),
            before: after.before,
            personalized: met.personalized,
        });
    }
    let decided = plan
        .arms
        .iter()
        .map(|arm| decided::of_arm(state, generation, (&plan.experiment, &arm.name), &wanted));
    Ok(ExperimentFigures {
        plan: plan.clone(),
        tally,
        mixed,
        currency: currency.known(),
        decided: decided.collect::<Result<_, _>>()?,
    })
}

/// A difference with its interval, as machines read it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Lift {
    difference: f64,
    low: f64,
    high: f64,
    p: f64,
}

impl From<Interval> for Lift {
    fn from(it: Interval) -> Self {
        Self { difference: it.difference, low: it.low, high: it.high, p: it.p }
    }
}

/// One arm, as machines read it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArmResult {
    arm: Box<str>,
    weight: u32,
    visitors: u64,
    reached: u64,
    rate: f64,
    /// By assignment; always valid.
    lift: Option<Lift>,
    /// The same with what was known before taken out.
    adjusted_lift: Option<Lift>,
    /// Of those whose answers were personal.
    personalized_lift: Option<f64>,
    decisions: i64,
    fallback_rate: Option<f64>,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
}

/// The lift of one arm in one segment, as machines read it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentResult {
    segment: Box<str>,
    arm: Box<str>,
    #[serde(flatten)]
    lift: Lift,
    discovery: bool,
}

/// One experiment, as machines read it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExperimentResult {
    experiment: Box<str>,
    use_case: Box<str>,
    goal: Box<str>,
    mixed: u64,
    sample_ratio_p: f64,
    /// False where the arms are not as large as their weights say: no lift counts then.
    holds: bool,
    /// What the lifts by assignment say, in a sentence.
    says: String,
    arms: Vec<ArmResult>,
    segments: Vec<SegmentResult>,
}

pub(super) fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The share of decisions from a rung below the visitor's own profile.
pub(super) fn fallback(sums: &DecisionSums) -> Option<f64> {
    share(sums.decisions - sums.rung("personalized"), sums.decisions)
}

impl ExperimentFigures {
    /// What the arms differ in.
    pub fn result(&self) -> ExperimentResult {
        let plan = &self.plan;
        let weights: Vec<u32> = plan.arms.iter().map(|arm| arm.weight).collect();
        let found = self.tally.judge(&weights);
        let segments = found.segments.iter().map(|it| SegmentResult {
            segment: it.segment.clone(),
            arm: plan.arms[it.arm].name.clone(),
            lift: it.lift.into(),
            discovery: it.discovery,
        });
        ExperimentResult {
            experiment: plan.experiment.clone(),
            use_case: plan.use_case.clone(),
            goal: plan.goal.clone(),
            mixed: self.mixed,
            sample_ratio_p: found.sample_ratio_p,
            holds: !found.is_broken(),
            says: says(plan, &found),
            arms: self.arms(&found),
            segments: segments.collect(),
        }
    }

    fn arms(&self, found: &Found) -> Vec<ArmResult> {
        let arm = |(place, said): (usize, &ArmFound)| {
            let (planned, sums) = (&self.plan.arms[place], &self.decided[place]);
            let reached = &self.tally.arms[place].reached;
            ArmResult {
                arm: planned.name.clone(),
                weight: planned.weight,
                visitors: reached.units as u64,
                reached: reached.sum as u64,
                rate: reached.mean(),
                lift: said.lift.map(Lift::from),
                adjusted_lift: said.adjusted.map(Lift::from),
                personalized_lift: said.of_personalized,
                decisions: sums.decisions,
                fallback_rate: fallback(sums),
                p50_ms: sums.took_ms(500),
                p95_ms: sums.took_ms(950),
            }
        };
        found.arms.iter().enumerate().map(arm).collect()
    }
}

impl ExperimentResult {
    /// Its name, and what it says.
    pub(super) fn sentence(&self) -> String {
        format!("{}: {}.", plain(&self.experiment), self.says)
    }
}

/// What the lifts by assignment say, by the intervals that stand beside them.
fn says(plan: &Plan, found: &Found) -> String {
    if found.is_broken() {
        return "no lift counts, for the arms are not as large as their weights say; find what loses visitors first".to_owned();
    }
    let Some(control) = plan.arms.first() else { return "it has no arms".to_owned() };
    let others = plan.arms.iter().zip(&found.arms).skip(1);
    let lifts: Vec<(&Arm, Interval)> =
        others.filter_map(|(arm, found)| Some((arm, found.lift?))).collect();
    if lifts.is_empty() {
        return format!(
            "not decided yet: `{}` and an arm beside it need {} visitors each",
            plain(&control.name),
            ConfidenceSequence::UNITS_MIN
        );
    }
    let told = lifts.iter().filter(|(_, lift)| lift.low > 0.0 || lift.high < 0.0);
    let told: Vec<String> = told
        .map(|(arm, lift)| {
            let Interval { difference, low, high, .. } = *lift;
            let [difference, low, high] = [difference, low, high].map(|x| 100.0 * x.abs());
            format!(
                "of 100 visitors `{}` brings {difference:.2} {} to `{}` than `{}` ({:.2} to {:.2})",
                plain(&arm.name),
                if lift.low > 0.0 { "more" } else { "fewer" },
                plain(&plan.goal),
                plain(&control.name),
                low.min(high),
                low.max(high),
            )
        })
        .collect();
    match told.is_empty() {
        true => {
            "no difference is known yet, for every interval holds zero; let it run on".to_owned()
        }
        false => told.join("; "),
    }
}

pub(super) fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| NOT_KNOWN.to_owned(), |value| format!("{:.2} %", 100.0 * value))
}

pub(super) fn millis(value: Option<f64>) -> String {
    value.map_or_else(|| NOT_KNOWN.to_owned(), |value| format!("{value:.2} ms"))
}

/// A difference of rates in points of a hundred, with its interval.
fn points(lift: Option<Lift>) -> String {
    lift.map_or_else(
        || NOT_KNOWN.to_owned(),
        |it| {
            let [difference, low, high] = [it.difference, it.low, it.high].map(|x| 100.0 * x);
            // Tenths are enough of a wide interval, and a table has no more room.
            let digits = if low.abs().max(high.abs()) < 9.995 { 2 } else { 1 };
            format!("{difference:+.digits$} ({low:+.digits$} to {high:+.digits$})")
        },
    )
}

/// The tables of experiments; none without any.
pub(super) fn grids(results: &[ExperimentResult]) -> Vec<Grid> {
    if results.is_empty() {
        return Vec::new();
    }
    let mut arms = Grid::new(
        "Experiments",
        &["Experiment", "Arm", "Visitors", "Reached", "Rate", "Fallback", "p95"],
        "Nobody has met an experiment yet.",
    );
    let mut lifts = Grid::new(
        "Lift by assignment, in points of 100 visitors, valid whenever it is read",
        &["Experiment", "Arm", "Lift", "Less noise", "If personal"],
        "No arm has visitors to be compared yet.",
    );
    let mut segments = Grid::new(
        "Lift by segment, in points of 100 visitors; to be read once, at the end",
        &["Experiment", "Segment", "Arm", "Lift", "Believed"],
        "",
    );
    for result in results {
        let told = |lift: Option<Lift>| match result.holds {
            true => points(lift),
            false => "uneven arms".to_owned(),
        };
        for arm in &result.arms {
            arms.rows.push(vec![
                plain(&result.experiment),
                plain(&arm.arm),
                number::grouped(arm.visitors),
                number::grouped(arm.reached),
                percent(Some(arm.rate).filter(|_| arm.visitors > 0)),
                percent(arm.fallback_rate),
                millis(arm.p95_ms),
            ]);
            if arm.lift.is_none() {
                continue;
            }
            let personal = arm.personalized_lift.filter(|_| result.holds);
            lifts.rows.push(vec![
                plain(&result.experiment),
                plain(&arm.arm),
                told(arm.lift),
                told(arm.adjusted_lift),
                personal.map_or_else(|| NOT_KNOWN.to_owned(), |it| format!("{:+.2}", 100.0 * it)),
            ]);
        }
        for it in result.segments.iter().filter(|_| result.holds) {
            segments.rows.push(vec![
                plain(&result.experiment),
                plain(&it.segment),
                plain(&it.arm),
                points(Some(it.lift)),
                if it.discovery { "yes" } else { "no" }.to_owned(),
            ]);
        }
    }
    let mut grids = vec![arms, lifts];
    if !segments.rows.is_empty() {
        grids.push(segments);
    }
    grids
}
