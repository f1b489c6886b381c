//! Weighted scores and the order they give.

use super::cost::Cost;
use super::sheet::{Criterion, Offer, Sheet};
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// Scores closer than this are equal.
const EQUAL: f64 = 1e-9;

/// How an option stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// First.
    Winner,
    /// As good as the first; it costs more, or as much.
    Tied,
    /// Behind.
    Behind,
    /// Under a `must`.
    RuledOut,
}

/// The mean of scores, weighted.
pub(super) fn weighted(weights: &[f64], scores: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    weights.iter().zip(scores).map(|(weight, score)| weight * score).sum::<f64>() / sum
}

pub(super) fn weights(criteria: &[Criterion]) -> Vec<f64> {
    criteria.iter().map(|row| row.weight).collect()
}

pub(super) fn scores(offer: &Offer) -> Vec<f64> {
    offer.marks.iter().map(|mark| mark.score).collect()
}

/// The rows that an option fails, by their `must`.
pub(super) fn failed(sheet: &Sheet, offer: &Offer) -> Vec<String> {
    let rows = sheet.criteria.iter().zip(&offer.marks);
    rows.filter(|(row, mark)| row.must.is_some_and(|must| mark.score < must))
        .map(|(row, _)| row.id.clone())
        .collect()
}

/// Indices of the options from first to last with how they stand. Equal scores are ordered by
/// cost, then by name, so that the order of the sheet decides nothing.
pub(super) fn rank(sheet: &Sheet, means: &[f64], costs: &[Cost]) -> Vec<(usize, Standing)> {
    let out: Vec<bool> =
        sheet.offers.iter().map(|offer| !failed(sheet, offer).is_empty()).collect();
    let mut order: Vec<usize> = (0..means.len()).collect();
    let rounded = |index: usize| libm::round(means[index] / EQUAL);
    order.sort_by(|a, b| {
        out[*a]
            .cmp(&out[*b])
            .then_with(|| rounded(*b).total_cmp(&rounded(*a)))
            .then_with(|| costs[*a].total.total_cmp(&costs[*b].total))
            .then_with(|| sheet.offers[*a].name.cmp(&sheet.offers[*b].name))
    });
    let best = order.first().copied().unwrap_or(0);
    let standing = |place: usize, index: usize| match (out[index], place) {
        (true, _) => Standing::RuledOut,
        (false, 0) => Standing::Winner,
        (false, _) if rounded(index).total_cmp(&rounded(best)).is_eq() => Standing::Tied,
        (false, _) => Standing::Behind,
    };
    order.iter().enumerate().map(|(place, index)| (*index, standing(place, *index))).collect()
}
