//! The first pass: a sparse linear model of 8-bit weights over what was seen last and the context.

use crate::candidate::{Candidate, ItemId};
use crate::context::{Context, Fact};
use crate::profile::Profile;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::hash::{BuildHasherDefault, Hasher};
use hashbrown::HashMap;
use millstream_event::Hash128;

/// Weight of what was seen last, before it, and so on: halves every two places.
pub const RECENCY: [i32; 12] = [64, 45, 32, 23, 16, 11, 8, 6, 4, 3, 2, 1];
/// Weight of a candidate's prior.
pub const PRIOR: i32 = 16;
/// Weight of a fact of the context.
pub(crate) const CONTEXT: i32 = 32;
/// Weight of what was done at most.
pub(crate) const WEIGHT_MAX: u8 = 4;
/// What an item of the same group as one that was seen is worth, where nothing was learned.
const SAME_GROUP: i32 = 24;
/// Most neighbours that a feature weighs.
pub const NEIGHBOURS_MAX: usize = 128;

/// Item ids are hashes already.
#[derive(Clone, Default)]
pub struct ItemHasher(u64);

impl Hasher for ItemHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }
}

/// Looked up, never walked.
pub type ByItem<T> = HashMap<ItemId, T, BuildHasherDefault<ItemHasher>>;

/// Weights of candidates by feature: an item seen, or a fact of the context.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FirstPass {
    rows: ByItem<Vec<(ItemId, i8)>>,
}

/// The feature that a fact of the context is, where it is text or a truth.
pub fn fact_feature(name: &str, fact: &Fact) -> Option<ItemId> {
    let value = match fact {
        Fact::Text(text) => text.as_bytes(),
        Fact::Truth(true) => b"true",
        Fact::Truth(false) => b"false",
        Fact::Number(_) => return None,
    };
    Some(ItemId(Hash128::of("fact", &[name.as_bytes(), value]).low64()))
}

impl FirstPass {
    /// From rows of (feature, weights); of each the strongest [`NEIGHBOURS_MAX`] are kept.
    pub fn new(rows: impl IntoIterator<Item = (ItemId, Vec<(ItemId, i8)>)>) -> Self {
        let strongest = |mut row: Vec<(ItemId, i8)>| {
            row.sort_by_key(|(item, weight)| (core::cmp::Reverse(weight.unsigned_abs()), *item));
            row.truncate(NEIGHBOURS_MAX);
            row
        };
        Self { rows: rows.into_iter().map(|(item, row)| (item, strongest(row))).collect() }
    }

    /// The weights of a feature, strongest first.
    pub fn row(&self, feature: ItemId) -> &[(ItemId, i8)] {
        self.rows.get(&feature).map_or(&[], Vec::as_slice)
    }

    /// All of it, in order of features.
    pub(crate) fn rows_by_feature(&self) -> BTreeMap<ItemId, &[(ItemId, i8)]> {
        self.rows.iter().map(|(feature, row)| (*feature, row.as_slice())).collect()
    }

    /// Features that weigh anything.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True when nothing was learned.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A score for each candidate, in their order.
    pub fn scores(
        &self,
        profile: &Profile,
        context: &Context,
        candidates: &[&Candidate],
    ) -> Vec<i64> {
        let mut sums: ByItem<i32> = ByItem::default();
        let mut add = |row: &[(ItemId, i8)], factor: i32| {
            for (item, weight) in row {
                *sums.entry(*item).or_default() += factor * i32::from(*weight);
            }
        };
        for (seen, recency) in profile.seen.iter().zip(RECENCY) {
            add(self.row(seen.item), recency * i32::from(seen.weight.min(WEIGHT_MAX)));
        }
        for (name, fact) in &context.facts {
            if let Some(feature) = fact_feature(name, fact) {
                add(self.row(feature), CONTEXT);
            }
        }
        let groups = if self.is_empty() { liked_groups(profile, candidates) } else { Vec::new() };
        let score = |candidate: &&Candidate| {
            let learned = sums.get(&candidate.item).copied().unwrap_or(0);
            let group = candidate.group.as_deref();
            let liked = groups.iter().find(|(name, _)| group == Some(*name));
            let liked = liked.map_or(0, |(_, worth)| SAME_GROUP * worth);
            i64::from(learned + liked + PRIOR * i32::from(candidate.prior))
        };
        candidates.iter().map(score).collect()
    }

    /// What of a profile speaks for a candidate, and how strongly, strongest first.
    pub fn because(&self, profile: &Profile, candidate: ItemId) -> Vec<(ItemId, i64)> {
        let mut told: Vec<(ItemId, i64)> = Vec::new();
        for (seen, recency) in profile.seen.iter().zip(RECENCY) {
            let row = self.row(seen.item).iter();
            let weight: i32 = row.filter(|it| it.0 == candidate).map(|it| i32::from(it.1)).sum();
            let worth = i64::from(weight * recency * i32::from(seen.weight.min(WEIGHT_MAX)));
            match told.iter_mut().find(|(item, _)| *item == seen.item) {
                Some((_, known)) => *known += worth,
                None => told.push((seen.item, worth)),
            }
        }
        told.retain(|(_, worth)| *worth > 0);
        told.sort_by_key(|(item, worth)| (core::cmp::Reverse(*worth), *item));
        told
    }
}

/// Groups of what was seen, with their worth: what stands in for a model until one was trained.
fn liked_groups<'a>(profile: &Profile, candidates: &[&'a Candidate]) -> Vec<(&'a str, i32)> {
    let mut groups: Vec<(&str, i32)> = Vec::new();
    for (seen, recency) in profile.seen.iter().zip(RECENCY) {
        let candidate = candidates.iter().find(|candidate| candidate.item == seen.item);
        let Some(group) = candidate.and_then(|candidate| candidate.group.as_deref()) else {
            continue;
        };
        match groups.iter_mut().find(|(name, _)| *name == group) {
            Some((_, worth)) => *worth += recency,
            None => groups.push((group, recency)),
        }
    }
    groups
}
