//! The scorecard: a sheet, judged.

use super::cost::{Cost, RateFlip, rate_flips};
use super::ranking::{Standing, failed, rank, scores, weighted, weights};
use super::sensitivity::{Sensitivity, examine};
use super::sheet::{Basis, Kind, Sheet};
use super::weightings::DRAWS;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// A row with its share of the decision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AssessedCriterion {
    /// Key in the sheet.
    pub id: String,
    /// As people say it.
    pub name: String,
    /// What a score answers.
    pub question: String,
    /// As written.
    pub weight: f64,
    /// Of all weights, from 0 to 1.
    pub share: f64,
    /// The least score that is acceptable.
    pub must: Option<f64>,
}

/// A score with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AssessedMark {
    /// The row.
    pub criterion: String,
    /// From 0 to 5.
    pub score: f64,
    /// How firm.
    pub basis: Basis,
    /// In words.
    pub evidence: String,
}

/// An option, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AssessedOption {
    /// Its name.
    pub name: String,
    /// Build, buy or hybrid.
    pub kind: Kind,
    /// Place, from 1.
    pub rank: usize,
    /// How it stands.
    pub standing: Standing,
    /// Rows whose `must` it fails.
    pub failed: Vec<String>,
    /// The weighted score, from 0 to 5.
    pub score: f64,
    /// A mark for each row.
    pub marks: Vec<AssessedMark>,
    /// Over all years.
    pub cost: Cost,
    /// True when another admissible option scores no less and costs no more, and one of them truly.
    pub dominated: bool,
}

/// A score that rests on a claim alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weak {
    /// Whose.
    pub option: String,
    /// On which row.
    pub criterion: String,
}

/// The scorecard. Options stand from first to last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assessment {
    /// What is to be decided.
    pub title: String,
    /// Of all amounts.
    pub currency: String,
    /// How long costs are counted.
    pub years: f64,
    /// Who wins; none when every option is ruled out.
    pub winner: Option<String>,
    /// Its lead in weighted score over the next admissible option.
    pub lead: Option<f64>,
    /// Who costs least, ruled out or not.
    pub cheapest: String,
    /// The rows.
    pub criteria: Vec<AssessedCriterion>,
    /// The options, first to last.
    pub options: Vec<AssessedOption>,
    /// How firmly the ranking stands.
    pub sensitivity: Sensitivity,
    /// Which rate would change who is cheapest.
    pub rate_flips: Vec<RateFlip>,
    /// Scores that rest on claims alone.
    pub claims: Vec<Weak>,
}

/// Judges a sheet.
pub fn assess(sheet: &Sheet) -> Assessment {
    assess_drawing(sheet, DRAWS)
}

/// As [`assess`], with this many weightings drawn.
pub(super) fn assess_drawing(sheet: &Sheet, draws: usize) -> Assessment {
    let weights = weights(&sheet.criteria);
    let sum: f64 = weights.iter().sum();
    let means: Vec<f64> =
        sheet.offers.iter().map(|offer| weighted(&weights, &scores(offer))).collect();
    let costs: Vec<Cost> =
        sheet.offers.iter().map(|offer| Cost::of(offer, &sheet.rates, sheet.years)).collect();
    let ranked = rank(sheet, &means, &costs);
    let admissible: Vec<usize> = ranked
        .iter()
        .filter(|(_, standing)| *standing != Standing::RuledOut)
        .map(|(index, _)| *index)
        .collect();
    let name = |index: &usize| sheet.offers[*index].name.clone();
    let cheapest = (0..costs.len()).min_by(|a, b| costs[*a].total.total_cmp(&costs[*b].total));
    let options = ranked
        .iter()
        .enumerate()
        .map(|(place, (index, standing))| {
            let dominated = admissible.iter().any(|other| {
                let (better, cheaper) =
                    (means[*other] - means[*index], costs[*index].total - costs[*other].total);
                better >= 0.0 && cheaper >= 0.0 && (better > 0.0 || cheaper > 0.0)
            });
            option(sheet, *index, place + 1, *standing, (means[*index], costs[*index], dominated))
        })
        .collect();
    Assessment {
        title: sheet.title.clone(),
        currency: sheet.currency.clone(),
        years: sheet.years,
        winner: admissible.first().map(name),
        lead: match admissible.as_slice() {
            [first, second, ..] => Some(means[*first] - means[*second]),
            _ => None,
        },
        cheapest: cheapest.as_ref().map(name).unwrap_or_default(),
        criteria: sheet
            .criteria
            .iter()
            .map(|row| AssessedCriterion {
                id: row.id.clone(),
                name: row.name.clone(),
                question: row.question.clone(),
                weight: row.weight,
                share: row.weight / sum,
                must: row.must,
            })
            .collect(),
        options,
        sensitivity: examine(sheet, &admissible, draws),
        rate_flips: rate_flips(sheet, &costs),
        claims: claims(sheet),
    }
}

fn option(
    sheet: &Sheet,
    index: usize,
    rank: usize,
    standing: Standing,
    (score, cost, dominated): (f64, Cost, bool),
) -> AssessedOption {
    let offer = &sheet.offers[index];
    let marks = sheet.criteria.iter().zip(&offer.marks).map(|(row, mark)| AssessedMark {
        criterion: row.id.clone(),
        score: mark.score,
        basis: mark.basis,
        evidence: mark.evidence.clone(),
    });
    AssessedOption {
        name: offer.name.clone(),
        kind: offer.kind,
        rank,
        standing,
        failed: failed(sheet, offer),
        score,
        marks: marks.collect(),
        cost,
        dominated,
    }
}

fn claims(sheet: &Sheet) -> Vec<Weak> {
    let mut found = Vec::new();
    for offer in &sheet.offers {
        for (row, mark) in sheet.criteria.iter().zip(&offer.marks) {
            if mark.basis == Basis::Claimed {
                found.push(Weak { option: offer.name.clone(), criterion: row.id.clone() });
            }
        }
    }
    found
}
