//! m and u, estimated from the pairs.

use super::comparison::{FIELDS, Pattern};
use super::model::Model;
use super::pairs::{Pairs, Patterns};
use alloc::vec;
use alloc::vec::Vec;

/// Rounds of expectation maximisation at most.
const ROUNDS_MAX: u32 = 200;
/// A round that changes no share by more than this is the last.
const CHANGE_MIN: f64 = 1e-7;
/// Added to every count: what was never seen is unlikely, not impossible. [Lidstone 1920]
const NEVER_SEEN: f64 = 0.5;

/// A level seen less often than this, among one person's pairs and strangers together, weighs nothing.
const SEEN_MIN: f64 = 5.0;

/// By field, by level.
type Counts = Vec<Vec<f64>>;

/// Fits a model. The pairs that are certain anchor it: what is only probable never outweighs them.
pub fn estimate(pairs: &Pairs) -> Model {
    let strangers = counted(&pairs.stranger_patterns, |_| 1.0);
    let u = shares(&strangers);
    let certain = counted(&pairs.same_patterns, |_| 1.0);
    let anchors = pairs.volume.anchors as f64;
    let model_of = |same: &Counts| {
        let mut m = shares(same);
        for (at, level) in seldom(&sum(same, &strangers)) {
            m[at][level] = u[at][level];
        }
        Model::of(&m, &u, pairs.prior)
    };
    let mut model = model_of(&certain);
    for _ in 0..ROUNDS_MAX {
        let posterior = |pattern: &Pattern| posterior(&model, pattern);
        let weigh = |(pattern, count): (&Pattern, &u64)| posterior(pattern) * *count as f64;
        let expected: f64 = pairs.open_patterns.iter().map(weigh).sum();
        let damped = (anchors / expected.max(1.0)).min(1.0);
        let probable = counted(&pairs.open_patterns, |pattern| damped * posterior(pattern));
        let next = model_of(&sum(&certain, &probable));
        let change = change(&model, &next);
        model = next;
        if change < CHANGE_MIN {
            break;
        }
    }
    model
}

/// The probability that a pair with this pattern is one person's, rarity apart.
fn posterior(model: &Model, pattern: &Pattern) -> f64 {
    let bits = pattern.iter().enumerate().filter_map(|(at, level)| Some(model.bits(at, (*level)?)));
    model.posterior(bits.sum())
}

fn counted(patterns: &Patterns, weight: impl Fn(&Pattern) -> f64) -> Counts {
    let mut counts: Counts = FIELDS.iter().map(|field| vec![0.0; field.levels().len()]).collect();
    for (pattern, count) in patterns {
        let weight = weight(pattern) * *count as f64;
        for (field, level) in counts.iter_mut().zip(pattern) {
            if let Some(cell) = level.and_then(|level| field.get_mut(usize::from(level))) {
                *cell += weight;
            }
        }
    }
    counts
}

fn sum(one: &Counts, other: &Counts) -> Counts {
    let fields = one.iter().zip(other);
    fields.map(|(one, other)| one.iter().zip(other).map(|(a, b)| a + b).collect()).collect()
}

/// Field and level of what was hardly ever seen.
fn seldom(counts: &Counts) -> Vec<(usize, usize)> {
    let fields = counts.iter().enumerate();
    let levels = fields.flat_map(|(at, field)| field.iter().enumerate().map(move |it| (at, it)));
    levels.filter(|(_, (_, seen))| **seen < SEEN_MIN).map(|(at, (level, _))| (at, level)).collect()
}

fn shares(counts: &Counts) -> Counts {
    let share = |levels: &Vec<f64>| {
        let total = levels.iter().sum::<f64>() + NEVER_SEEN * levels.len() as f64;
        levels.iter().map(|count| (count + NEVER_SEEN) / total).collect()
    };
    counts.iter().map(share).collect()
}

fn change(one: &Model, other: &Model) -> f64 {
    let fields = one.fields.iter().zip(&other.fields);
    let levels = fields.flat_map(|(one, other)| one.m.iter().zip(&other.m));
    levels.map(|(a, b)| libm::fabs(a - b)).fold(0.0, f64::max)
}
