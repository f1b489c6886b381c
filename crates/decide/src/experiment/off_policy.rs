//! What another policy would have earned, from decisions logged with their chances.

use alloc::vec::Vec;

/// A logged decision: what came of it, its chance when it was drawn, and the other policy's chance
/// for the same choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logged {
    /// The outcome.
    pub reward: f64,
    /// The chance that the choice had.
    pub chance: f64,
    /// The chance that the other policy gives the same choice.
    pub other: f64,
    /// A model's estimate of this choice's outcome; 0 without a model.
    pub modelled: f64,
    /// A model's estimate of the other policy's outcome here; 0 without a model.
    pub modelled_other: f64,
}

/// Estimates of the other policy's mean outcome.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// By inverse chances: unbiased, noisy.
    pub ips: f64,
    /// The same, with weights that sum to one: a little biased, calmer.
    pub snips: f64,
    /// With a model where the log says little (doubly robust).
    pub doubly_robust: f64,
    /// Standard error of the doubly robust estimate.
    pub error: f64,
    /// As many decisions as the weighted ones are worth (Kish).
    pub effective: f64,
    /// Decisions used.
    pub decisions: usize,
}

/// Effective decisions below which there is no verdict.
pub const EFFECTIVE_MIN: f64 = 100.0;
/// Share of decisions that the effective ones must be at least.
pub const EFFECTIVE_SHARE_MIN: f64 = 0.01;

impl Estimate {
    /// True where the data bear a verdict.
    pub fn holds(&self) -> bool {
        self.effective >= EFFECTIVE_MIN
            && self.effective >= EFFECTIVE_SHARE_MIN * self.decisions as f64
    }
}

/// Estimates from a log; none without a decision of a positive chance.
pub fn estimate(log: &[Logged]) -> Option<Estimate> {
    let usable: Vec<&Logged> = log.iter().filter(|it| it.chance > 0.0).collect();
    if usable.is_empty() {
        return None;
    }
    let count = usable.len() as f64;
    let (mut weights, mut squares, mut earned) = (0.0, 0.0, 0.0);
    let mut robust = Vec::with_capacity(usable.len());
    for it in &usable {
        let weight = it.other / it.chance;
        weights += weight;
        squares += weight * weight;
        earned += weight * it.reward;
        robust.push(it.modelled_other + weight * (it.reward - it.modelled));
    }
    let mean = robust.iter().sum::<f64>() / count;
    let spread: f64 = robust.iter().map(|value| (value - mean) * (value - mean)).sum();
    Some(Estimate {
        ips: earned / count,
        snips: if weights > 0.0 { earned / weights } else { 0.0 },
        doubly_robust: mean,
        error: libm::sqrt(spread / count / (count - 1.0).max(1.0)),
        effective: if squares > 0.0 { weights * weights / squares } else { 0.0 },
        decisions: usable.len(),
    })
}
