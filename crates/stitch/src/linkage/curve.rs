//! Precision and recall over thresholds, where the truth is known.

use super::fit::{Fit, Standing};
use super::population::Population;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use millstream_event::EntityId;
use serde::Serialize;

/// Probabilities at which links are counted.
pub const THRESHOLDS: [f64; 9] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995];

/// What linking from one probability on would come to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Pairs at least this probable are linked.
    pub threshold: f64,
    /// How many.
    pub links: u64,
    /// Of these, how many are one person's.
    pub right: u64,
    /// `right` of `links`; 1 where there are none.
    pub precision: f64,
    /// `right` of all pairs of one person that no login proves.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
}

/// The curve of a fit over a population. Pairs that are held back for another reason than their
/// probability count nowhere as links.
pub fn curve(fit: &Fit, population: &Population) -> Vec<CurvePoint> {
    let truth: BTreeMap<EntityId, u32> = population
        .profiles
        .iter()
        .map(|profile| profile.device)
        .zip(population.truth.clone())
        .collect();
    let wanted = population.hidden_pairs();
    let point = |threshold: f64| {
        let taken = fit.links.iter().filter(|link| link.probability >= threshold);
        let taken = taken.filter(|link| link.standing == Standing::Link || link.refused.is_none());
        let (mut links, mut right) = (0, 0);
        for link in taken {
            links += 1;
            right += u64::from(truth.get(&link.one) == truth.get(&link.other));
        }
        let share =
            |part: u64, whole: u64| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
        let (precision, recall) = (share(right, links), share(right, wanted));
        let f1 = 2.0 * precision * recall / (precision + recall).max(f64::MIN_POSITIVE);
        CurvePoint { threshold, links, right, precision, recall, f1 }
    };
    THRESHOLDS.into_iter().map(point).collect()
}
