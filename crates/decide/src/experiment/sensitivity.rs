//! "Do we need edge?": outcomes of arms whose answers were delayed, or their profiles made stale.

use super::distribution::normal_quantile;
use super::lift::{Interval, Moments, lift};
use super::sample_ratio::{MISMATCH_BELOW, sample_ratio};
use crate::treatment::Treatment;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// One arm of a sensitivity experiment. The first is the edge: no delay, nothing stale.
#[derive(Clone, Debug, PartialEq)]
pub struct Delayed {
    /// Its name.
    pub name: Box<str>,
    /// What it changes.
    pub treatment: Treatment,
    /// Its weight.
    pub weight: u32,
    /// How often the goal was reached.
    pub outcome: Moments,
    /// What that was worth a visitor, in minor units.
    pub value: Moments,
}

/// What an arm loses against the edge.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Loss {
    /// The arm.
    pub arm: Box<str>,
    /// Its units.
    pub units: u64,
    /// Its mean outcome.
    pub mean: f64,
    /// The edge's mean less the arm's: what the arm loses.
    pub loss: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Chance of a difference as large, were there none.
    pub p: f64,
    /// Loss for each millisecond of delay, where it only delays.
    pub per_ms: Option<f64>,
    /// Minor units that 1,000 visitors are worth less for each millisecond of delay.
    pub minor_per_ms: Option<f64>,
    /// The least loss that these units would have shown four times in five.
    pub visible: f64,
    /// True when it loses, and more than what does not matter.
    pub loses: bool,
    /// True when it loses no more than what does not matter.
    pub harmless: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// An arm loses, and by more than what does not matter; none is known to be as good.
    Edge,
    /// Some arms lose, others do not: one of these is enough.
    Enough,
    /// No arm loses more than what does not matter.
    NoEdge,
    /// The units do not tell yet.
    Undecided,
    /// The arms are not as large as their weights say: nothing can be concluded.
    BrokenRatio,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sensitivity {
    /// Units of the edge.
    pub units: u64,
    /// The edge's mean outcome.
    pub mean: f64,
    /// What each arm loses.
    pub losses: Vec<Loss>,
    /// Chance of arms as uneven as these.
    pub sample_ratio_p: f64,
    /// What to do.
    pub verdict: Verdict,
    /// The same in words.
    pub advice: String,
}

/// The share of tests that find what is there.
const POWER: f64 = 0.8;

/// Judges the arms; a loss below `negligible` (a share of the edge's mean) does not matter.
/// `confidence` is shared among the arms (Bonferroni). None where an arm has fewer than two units.
pub fn judge(arms: &[Delayed], negligible: f64, confidence: f64) -> Option<Sensitivity> {
    let (edge, others) = arms.split_first()?;
    let share = 1.0 - (1.0 - confidence) / others.len().max(1) as f64;
    let matters = negligible * edge.outcome.mean().abs();
    let losses: Option<Vec<Loss>> = others
        .iter()
        .map(|arm| {
            Some(loss((edge, arm), &lift(&arm.outcome, &edge.outcome, share)?, (share, matters)))
        })
        .collect();
    let losses = losses.filter(|losses| !losses.is_empty())?;
    let counts: Vec<u64> = arms.iter().map(|arm| arm.outcome.units as u64).collect();
    let weights: Vec<u32> = arms.iter().map(|arm| arm.weight).collect();
    let p = sample_ratio(&counts, &weights);
    let (lose, harmless) =
        (losses.iter().any(|it| it.loses), losses.iter().filter(|it| it.harmless).count());
    let verdict = match (lose, harmless) {
        _ if p < MISMATCH_BELOW => Verdict::BrokenRatio,
        (true, 0) => Verdict::Edge,
        (true, _) => Verdict::Enough,
        (false, count) if count == losses.len() => Verdict::NoEdge,
        (false, _) => Verdict::Undecided,
    };
    let advice = advice(verdict, &losses);
    let units = edge.outcome.units as u64;
    let mean = edge.outcome.mean();
    Some(Sensitivity { units, mean, losses, sample_ratio_p: p, verdict, advice })
}

fn loss(
    (edge, arm): (&Delayed, &Delayed),
    interval: &Interval,
    (confidence, matters): (f64, f64),
) -> Loss {
    let delay_ms = Some(arm.treatment.delay.as_millis()).filter(|_| arm.treatment.only_delays());
    let reach = normal_quantile(0.5 + confidence / 2.0) + normal_quantile(POWER);
    let worth = edge.value.mean() - arm.value.mean();
    Loss {
        arm: arm.name.clone(),
        units: arm.outcome.units as u64,
        mean: arm.outcome.mean(),
        loss: interval.difference,
        low: interval.low,
        high: interval.high,
        p: interval.p,
        per_ms: delay_ms.map(|delay_ms| interval.difference / delay_ms),
        minor_per_ms: delay_ms.map(|delay_ms| 1_000.0 * worth / delay_ms),
        visible: reach * interval.error,
        loses: interval.low > 0.0 && interval.difference > matters,
        harmless: interval.high <= matters,
    }
}

fn named<'a>(losses: impl Iterator<Item = &'a Loss>) -> String {
    let names: Vec<String> = losses.map(|it| alloc::format!("`{}`", it.arm)).collect();
    names.join(", ")
}

fn advice(verdict: Verdict, losses: &[Loss]) -> String {
    let worst = losses.iter().max_by(|a, b| a.loss.total_cmp(&b.loss));
    let percent = |value: f64| alloc::format!("{:.2}", 100.0 * value);
    let told = |worst: &Loss| {
        alloc::format!(
            "of 100 visitors `{}` loses {} who would have reached the goal (from {} to {})",
            worst.arm,
            percent(worst.loss),
            percent(worst.low),
            percent(worst.high)
        )
    };
    match (verdict, worst) {
        (Verdict::Edge, Some(worst)) => alloc::format!("you need edge: {}", told(worst)),
        (Verdict::Enough, Some(worst)) => alloc::format!(
            "you do not need edge everywhere: {} loses no more than what does not matter, but {}",
            named(losses.iter().filter(|it| it.harmless)),
            told(worst)
        ),
        (Verdict::NoEdge, _) => String::from(
            "you do not need edge: no slower or staler arm loses more than what does not matter",
        ),
        (Verdict::BrokenRatio, _) => String::from(
            "no conclusion: the arms are not as large as their weights say; find what loses visitors before looking at outcomes",
        ),
        (_, Some(worst)) => alloc::format!(
            "not decided yet: with these visitors a loss of {} in 100 would be seen four times in five; let it run on",
            percent(worst.visible)
        ),
        (_, None) => String::from("not decided yet: there are too few visitors; let it run on"),
    }
}
