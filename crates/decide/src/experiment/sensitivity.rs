//! "Do we need edge?": outcomes of arms whose answers were delayed, or their profiles made stale.

use super::distribution::normal_quantile;
use super::lift::{Interval, Moments, lift};
use super::sample_ratio::{MISMATCH_BELOW, sample_ratio};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// One arm of a sensitivity experiment. The first is the edge: no delay, nothing stale.
#[derive(Clone, Debug, PartialEq)]
pub struct Delayed {
    /// Its name.
    pub name: Box<str>,
    /// Delay added to each answer, in milliseconds.
    pub delay_ms: u64,
    /// Events that the profile lags behind.
    pub stale_by: usize,
    /// Its weight.
    pub weight: u32,
    /// What came of it.
    pub outcome: Moments,
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
    /// The least loss that these units would have shown four times in five.
    pub visible: f64,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// An arm loses, and by more than what does not matter.
    Edge,
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
/// `confidence` is shared among the arms (Bonferroni).
pub fn judge(arms: &[Delayed], negligible: f64, confidence: f64) -> Option<Sensitivity> {
    let (edge, others) = arms.split_first()?;
    let share = 1.0 - (1.0 - confidence) / others.len().max(1) as f64;
    let mut losses = Vec::new();
    let mut intervals: Vec<Interval> = Vec::new();
    for arm in others {
        let Some(interval) = lift(&arm.outcome, &edge.outcome, share) else { continue };
        losses.push(loss(arm, &interval, share));
        intervals.push(interval);
    }
    let counts: Vec<u64> = arms.iter().map(|arm| arm.outcome.units as u64).collect();
    let weights: Vec<u32> = arms.iter().map(|arm| arm.weight).collect();
    let p = sample_ratio(&counts, &weights);
    let matters = negligible * edge.outcome.mean().abs();
    let verdict = if p < MISMATCH_BELOW {
        Verdict::BrokenRatio
    } else if intervals.iter().any(|it| it.low > 0.0 && it.difference > matters) {
        Verdict::Edge
    } else if !intervals.is_empty()
        && intervals.len() == others.len()
        && intervals.iter().all(|it| it.high <= matters)
    {
        Verdict::NoEdge
    } else {
        Verdict::Undecided
    };
    let advice = advice(verdict, &losses);
    Some(Sensitivity { losses, sample_ratio_p: p, verdict, advice })
}

fn loss(arm: &Delayed, interval: &Interval, confidence: f64) -> Loss {
    let delays = arm.delay_ms > 0 && arm.stale_by == 0;
    let reach = normal_quantile(0.5 + confidence / 2.0) + normal_quantile(POWER);
    Loss {
        arm: arm.name.clone(),
        units: arm.outcome.units as u64,
        mean: arm.outcome.mean(),
        loss: interval.difference,
        low: interval.low,
        high: interval.high,
        p: interval.p,
        per_ms: delays.then(|| interval.difference / arm.delay_ms as f64),
        visible: reach * interval.error,
    }
}

fn advice(verdict: Verdict, losses: &[Loss]) -> String {
    let worst = losses.iter().max_by(|a, b| a.loss.total_cmp(&b.loss));
    match (verdict, worst) {
        (Verdict::Edge, Some(worst)) => alloc::format!(
            "you need edge: `{}` loses {:.4} a visitor (from {:.4} to {:.4})",
            worst.arm,
            worst.loss,
            worst.low,
            worst.high
        ),
        (Verdict::NoEdge, _) => String::from(
            "you do not need edge: no slower or staler arm loses more than what does not matter",
        ),
        (Verdict::BrokenRatio, _) => String::from(
            "no conclusion: the arms are not as large as their weights say; find what loses visitors before looking at outcomes",
        ),
        (_, Some(worst)) => alloc::format!(
            "not decided yet: with these visitors a loss of {:.4} would be seen four times in five; let it run on",
            worst.visible
        ),
        (_, None) => String::from("not decided yet: there are too few visitors; let it run on"),
    }
}
