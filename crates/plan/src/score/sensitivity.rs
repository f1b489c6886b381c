//! How firmly the ranking stands: which weight, which score, which soft evidence would turn it.
//!
//! A weighted score is linear in each weight and each mark, so the value at which two options meet
//! is exact; nothing is searched for.

use super::ranking::{scores, weighted, weights};
use super::sheet::{Basis, SCORE_MAX, Sheet};
use super::weightings::{WinShare, win_shares};
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// Most single scores that are named.
const SCORE_FLIPS_MAX: usize = 5;
/// By how much a score is lowered that rests on a claim alone.
const CLAIM_DISCOUNT: f64 = 1.0;

/// A weight at which the winner changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WeightFlip {
    /// The weight, in the sheet's unit.
    pub weight: f64,
    /// Its share of all weights there, from 0 to 1.
    pub share: f64,
    /// Who wins beyond it.
    pub becomes: String,
}

/// How far one weight may move, the others staying as they are, before the winner changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WeightRange {
    /// The row.
    pub criterion: String,
    /// What the sheet says.
    pub weight: f64,
    /// Its share of all weights, from 0 to 1.
    pub share: f64,
    /// Above this the winner changes.
    pub raised: Option<WeightFlip>,
    /// Below this the winner changes.
    pub lowered: Option<WeightFlip>,
}

/// The smallest move of weight from one row to another that changes the winner.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shift {
    /// The row that loses.
    pub from: String,
    /// The row that gains.
    pub to: String,
    /// How much of the whole, from 0 to 1.
    pub share: f64,
    /// Who wins then.
    pub becomes: String,
}

/// A single score that would change the winner.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreFlip {
    /// Whose score.
    pub option: String,
    /// On which row.
    pub criterion: String,
    /// What the sheet says.
    pub score: f64,
    /// Beyond this the winner changes.
    pub flips_at: f64,
    /// Who wins then.
    pub becomes: String,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sensitivity {
    /// For each row how far its weight may move.
    pub weights: Vec<WeightRange>,
    /// The smallest move of weight between two rows that changes the winner; none when no move
    /// between two rows does.
    pub smallest_shift: Option<Shift>,
    /// The single scores nearest to changing the winner.
    pub scores: Vec<ScoreFlip>,
    /// Who wins when every score that rests on a claim alone is a point lower.
    pub winner_without_claims: Option<String>,
    /// Who wins under other weightings; simulated.
    pub weightings: Vec<WinShare>,
}

/// The winner against one challenger.
struct Duel<'s> {
    challenger: &'s str,
    index: usize,
    /// Winner's lead times the sum of the weights; not negative.
    lead: f64,
    /// Winner's score less the challenger's, for each row.
    gaps: Vec<f64>,
}

/// `order` holds the admissible options, the winner first.
pub(super) fn examine(sheet: &Sheet, order: &[usize], draws: usize) -> Sensitivity {
    let Some((winner, challengers)) = order.split_first() else { return Sensitivity::default() };
    let weights = weights(&sheet.criteria);
    let best = scores(&sheet.offers[*winner]);
    let duel = |index: &usize| {
        let own = scores(&sheet.offers[*index]);
        let gaps: Vec<f64> = best.iter().zip(&own).map(|(best, own)| best - own).collect();
        let lead =
            weights.iter().zip(&gaps).map(|(weight, gap)| weight * gap).sum::<f64>().max(0.0);
        Duel { challenger: &sheet.offers[*index].name, index: *index, lead, gaps }
    };
    let duels: Vec<Duel<'_>> = challengers.iter().map(duel).collect();
    let contenders: Vec<(String, Vec<f64>)> = order
        .iter()
        .map(|index| (sheet.offers[*index].name.clone(), scores(&sheet.offers[*index])))
        .collect();
    Sensitivity {
        weights: weight_ranges(sheet, &weights, &duels),
        smallest_shift: smallest_shift(sheet, &weights, &duels),
        scores: score_flips(sheet, *winner, &weights, &duels),
        winner_without_claims: winner_without_claims(sheet, order, &weights),
        weightings: win_shares(&weights, &contenders, draws),
    }
}

fn weight_ranges(sheet: &Sheet, weights: &[f64], duels: &[Duel<'_>]) -> Vec<WeightRange> {
    let sum: f64 = weights.iter().sum();
    let range = |(row, weight): (usize, &f64)| {
        let flip = |duel: &Duel<'_>| WeightFlip {
            weight: weight - duel.lead / duel.gaps[row],
            share: 0.0,
            becomes: duel.challenger.into(),
        };
        let placed = |mut flip: WeightFlip| {
            flip.share = flip.weight / (sum - weight + flip.weight);
            flip
        };
        let raised = duels
            .iter()
            .filter(|duel| duel.gaps[row] < 0.0)
            .map(flip)
            .min_by(|a, b| a.weight.total_cmp(&b.weight));
        let lowered = duels
            .iter()
            .filter(|duel| duel.gaps[row] > 0.0)
            .map(flip)
            .filter(|flip| flip.weight > 0.0)
            .max_by(|a, b| a.weight.total_cmp(&b.weight));
        WeightRange {
            criterion: sheet.criteria[row].id.clone(),
            weight: *weight,
            share: weight / sum,
            raised: raised.map(placed),
            lowered: lowered.map(placed),
        }
    };
    weights.iter().enumerate().map(range).collect()
}

fn smallest_shift(sheet: &Sheet, weights: &[f64], duels: &[Duel<'_>]) -> Option<Shift> {
    let sum: f64 = weights.iter().sum();
    let mut smallest: Option<Shift> = None;
    for duel in duels {
        for (from, weight) in weights.iter().enumerate() {
            for to in 0..weights.len() {
                let gain = duel.gaps[from] - duel.gaps[to];
                let moved = duel.lead / gain;
                if gain <= 0.0 || moved > *weight {
                    continue;
                }
                let share = moved / sum;
                if smallest.as_ref().is_none_or(|found| share < found.share) {
                    let row = |index: usize| sheet.criteria[index].id.clone();
                    let becomes = duel.challenger.into();
                    smallest = Some(Shift { from: row(from), to: row(to), share, becomes });
                }
            }
        }
    }
    smallest
}

fn score_flips(
    sheet: &Sheet,
    winner: usize,
    weights: &[f64],
    duels: &[Duel<'_>],
) -> Vec<ScoreFlip> {
    let mut flips = Vec::new();
    for (row, weight) in weights.iter().enumerate() {
        let change = |duel: &Duel<'_>| duel.lead / weight;
        let flip = |index: usize, change: f64, becomes: &str| {
            let score = sheet.offers[index].marks[row].score;
            let flips_at = score + change;
            (0.0..=SCORE_MAX).contains(&flips_at).then(|| ScoreFlip {
                option: sheet.offers[index].name.clone(),
                criterion: sheet.criteria[row].id.clone(),
                score,
                flips_at,
                becomes: becomes.into(),
            })
        };
        for duel in duels {
            flips.extend(flip(duel.index, change(duel), duel.challenger));
        }
        let nearest = duels.iter().min_by(|a, b| a.lead.total_cmp(&b.lead));
        flips.extend(nearest.and_then(|duel| flip(winner, -change(duel), duel.challenger)));
    }
    let change = |flip: &ScoreFlip| (flip.flips_at - flip.score).abs();
    flips.sort_by(|a, b| change(a).total_cmp(&change(b)));
    flips.truncate(SCORE_FLIPS_MAX);
    flips
}

/// `None` when no score rests on a claim alone.
fn winner_without_claims(sheet: &Sheet, order: &[usize], weights: &[f64]) -> Option<String> {
    let claimed =
        |index: &usize| sheet.offers[*index].marks.iter().any(|mark| mark.basis == Basis::Claimed);
    if !order.iter().any(claimed) {
        return None;
    }
    let mean = |index: usize| {
        let marks = sheet.offers[index].marks.iter();
        let scores: Vec<f64> = marks
            .map(|mark| match mark.basis {
                Basis::Claimed => (mark.score - CLAIM_DISCOUNT).max(0.0),
                Basis::Measured | Basis::Tested | Basis::Documented => mark.score,
            })
            .collect();
        weighted(weights, &scores)
    };
    // The order breaks ties: the earlier of equals stays ahead.
    let mut best: Option<(usize, f64)> = None;
    for index in order {
        let mean = mean(*index);
        if best.is_none_or(|(_, found)| mean > found + 1e-9) {
            best = Some((*index, mean));
        }
    }
    best.map(|(index, _)| sheet.offers[index].name.clone())
}
