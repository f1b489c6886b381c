//! Distilling: a first pass that is fitted to the session neighbours, which know more and cost more.
//!
//! What neighbours want after one item becomes that item's row; the first pass adds rows up by recency, as it
//! always does. How often both rank alike, and whether the light one is no worse than a margin, is judged on
//! visits that neither was made of.

use super::{JUDGED, Judge, Method, Rows, Trained, Visit, profile};
use crate::candidate::{Candidate, ItemId};
use crate::context::Context;
use crate::experiment::Interval;
use crate::experiment::lift::{Moments, interval};
use crate::first_pass::{FirstPass, NEIGHBOURS_MAX};
use crate::neighbours::Neighbours;
use crate::sources::Ranker;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use serde::Serialize;

/// The loss of hits that is accepted, as a share of questions.
const MARGIN: f64 = 0.02;
/// Questions that both are asked at most, the latest.
const ASKED_MAX: usize = 5_000;
/// Confidence of the interval.
const CONFIDENCE: f64 = 0.95;

/// How the distilled first pass does beside what it was made of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Distilled {
    /// Of the first places of the heavy ranking, the share that stands among the first of the light one.
    pub agreement: f64,
    /// The heavy ranking's share of next items among the first places.
    pub heavy: f64,
    /// The light one's.
    pub light: f64,
    /// The light one's less the heavy one's: lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// True when the light one loses less than the margin at most.
    pub non_inferior: bool,
    /// Questions asked.
    pub asked: usize,
}

/// The same version with a distilled first pass, and how it does. None without two visits.
pub fn distill(trained: Trained, visits: &[Visit]) -> Option<(Trained, Distilled)> {
    if visits.len() < 2 {
        return None;
    }
    let cut = visits.len() - (visits.len() / JUDGED).max(1);
    let (past, latest) = visits.split_at(cut);
    let judge = Judge::of(past, latest);
    let on_past = rows(past);
    let distilled = compare(&judge, &on_past, past);
    let mut trained = Trained { first_pass: rows(visits), ..trained };
    trained.judged.method = Method::Distilled;
    trained.judged.freshness = [0, 1, 2, 3, 5].map(|stale| judge.first_pass(&on_past, stale));
    trained.judged.first_pass = trained.judged.freshness[0];
    Some((trained, distilled))
}

/// What neighbours want after each item, in 127ths of the most wanted.
fn rows(visits: &[Visit]) -> Rows {
    let model = Neighbours::new(visits.iter().map(|visit| visit.items.clone()).collect());
    let items: BTreeSet<ItemId> = visits.iter().flat_map(|visit| &visit.items).copied().collect();
    let row = |item: ItemId| {
        let mut wanted: Vec<(ItemId, i64)> =
            model.wanted(&[item]).into_iter().filter(|(other, _)| *other != item).collect();
        wanted.sort_by_key(|(other, score)| (core::cmp::Reverse(*score), *other));
        wanted.truncate(NEIGHBOURS_MAX);
        let most = wanted.first().map_or(1, |(_, score)| *score).max(1) as f64;
        let weight = |(other, score): (ItemId, i64)| {
            let weight = libm::rint(score as f64 / most * 127.0).clamp(0.0, 127.0) as i8;
            (weight != 0).then_some((other, weight))
        };
        (item, wanted.into_iter().filter_map(weight).collect())
    };
    items.into_iter().map(row).filter(|(_, row): &(_, Vec<_>)| !row.is_empty()).collect()
}

/// Where the best candidates are, so many of them, as far as they score at all.
fn best(scores: &[i64], places: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).filter(|at| scores[*at] > 0).collect();
    order.sort_by(|a, b| scores[*b].cmp(&scores[*a]).then(a.cmp(b)));
    order.truncate(places);
    order
}

fn compare(judge: &Judge<'_>, rows: &Rows, past: &[Visit]) -> Distilled {
    let heavy = Neighbours::new(past.iter().map(|visit| visit.items.clone()).collect());
    let light = FirstPass::new(rows.iter().cloned());
    let all: Vec<&Candidate> = judge.candidates.iter().collect();
    let (mut hits, mut agreed, mut asked) = ([0_usize; 2], 0.0, 0_usize);
    let mut differences = Moments::default();
    let questions = judge.latest.iter().rev().flat_map(|visit| {
        (1..visit.items.len()).map(move |next| (&visit.items[..next], visit.items[next]))
    });
    for (seen, wanted) in questions.take(ASKED_MAX) {
        let profile = profile(seen);
        let first = best(&heavy.scores(&profile, &all), judge.places);
        let second = best(&light.scores(&profile, &Context::default(), &all), judge.places);
        let hit = |places: &[usize]| places.iter().any(|at| all[*at].item == wanted);
        let found = [hit(&first), hit(&second)];
        for (sum, hit) in hits.iter_mut().zip(found) {
            *sum += usize::from(hit);
        }
        let alike = first.iter().filter(|at| second.contains(at)).count();
        agreed += if first.is_empty() { 1.0 } else { alike as f64 / first.len() as f64 };
        differences.add(f64::from(i8::from(found[1]) - i8::from(found[0])), 0.0);
        asked += 1;
    }
    let count = asked.max(1) as f64;
    let Interval { low, high, .. } =
        interval(differences.mean(), differences.variance() / count, CONFIDENCE);
    Distilled {
        agreement: agreed / count,
        heavy: hits[0] as f64 / count,
        light: hits[1] as f64 / count,
        low,
        high,
        non_inferior: asked > 1 && low > -MARGIN,
        asked,
    }
}
