//! Training: from sessions of items to the artefacts that decisions read.
//!
//! What is trained is judged on the latest sessions before anything is promoted: the share of next
//! items that stand among the first twenty (HR@20; fewer of a small catalogue), beside popularity alone.

mod distill;
mod ease;
mod visits;

pub mod generator;

pub use distill::{Distilled, distill};
pub use visits::{Visit, visits};

use crate::candidate::ItemId;
use crate::context::Context;
use crate::first_pass::{ByItem, FirstPass};
use crate::neighbours::Neighbours;
use crate::profile::{Profile, Seen};
use crate::sources::Popularity;
use crate::{Candidate, Ranker};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use millstream_event::Timestamp;
use serde::{Deserialize, Serialize};

/// Items up to which EASE^R is tried: it inverts a matrix of items by items.
pub const EASE_ITEMS_MAX: usize = 600;
/// Share of visits, the latest ones, that a model is judged on: one in so many.
const JUDGED: usize = 5;
/// Places of the ranking that count at most.
const PLACES_MAX: usize = 20;
/// Of a small catalogue one in so many counts: among all of it anything would be found.
const OF_CATALOGUE: usize = 4;
/// Items within which one visit links another.
const REACH: usize = 3;
/// Most visits that a neighbours' index keeps.
const NEIGHBOUR_VISITS_MAX: usize = 200_000;

/// Which first pass was promoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Items seen one soon after the other.
    ItemItem,
    /// A linear autoencoder in closed form (EASE^R: Steck, 2019).
    Ease,
    /// What session neighbours want after each item.
    Distilled,
}

/// What was trained, as it is kept in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// Which version.
    pub version: u32,
    /// When.
    pub made: Timestamp,
    /// Visits it was trained on.
    pub visits: usize,
    /// How it did.
    pub judged: Judged,
    /// Rows of the first pass: feature, then items with their weights.
    pub first_pass: Vec<(ItemId, Vec<(ItemId, i8)>)>,
    /// Weights by segment.
    pub popularity: BTreeMap<Box<str>, BTreeMap<ItemId, u32>>,
    /// Visits for the neighbours, oldest first.
    pub neighbours: Vec<Vec<ItemId>>,
    /// Trees as LightGBM writes them, where some were given.
    pub rerank: Option<String>,
}

/// How models did on the latest visits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The first pass that did best.
    pub method: Method,
    /// The share of next items that it has among the first [`Self::places`].
    pub first_pass: f64,
    /// The neighbours' share.
    pub neighbours: f64,
    /// The share of popularity alone.
    pub popularity: f64,
    /// The first pass by events that the profile lags behind: 0, 1, 2, 3, 5.
    pub freshness: [f64; 5],
    /// Next items that were asked for.
    pub asked: usize,
    /// Places of the ranking that count: twenty, of a small catalogue a quarter.
    #[serde(default = "usual_places")]
    pub places: usize,
}

/// What counted before it was told.
const fn usual_places() -> usize {
    PLACES_MAX
}

impl Judged {
    /// True when session neighbours did better than the first pass that they would reorder.
    pub fn needs_neighbours(&self) -> bool {
        self.neighbours > self.first_pass.max(self.popularity)
    }

    /// True when it is worth promoting: better than popularity.
    pub fn is_better(&self) -> bool {
        self.asked > 0 && self.first_pass.max(self.neighbours) > self.popularity
    }
}

/// Trains on visits in order of time, oldest first. None without two visits.
pub fn train(visits: &[Visit], (version, made): (u32, Timestamp)) -> Option<Trained> {
    if visits.len() < 2 {
        return None;
    }
    let cut = visits.len() - (visits.len() / JUDGED).max(1);
    let (past, latest) = visits.split_at(cut);
    let judge = Judge::of(past, latest);
    let item_item = judge.first_pass(&item_item(past), 0);
    let ease = ease::ease(past).map(|rows| judge.first_pass(&rows, 0));
    let method =
        if ease.is_some_and(|ease| ease > item_item) { Method::Ease } else { Method::ItemItem };
    let rows = |visits: &[Visit]| match method {
        Method::Ease => ease::ease(visits).unwrap_or_default(),
        Method::ItemItem | Method::Distilled => self::item_item(visits),
    };
    let on_past = rows(past);
    let judged = Judged {
        method,
        first_pass: ease.map_or(item_item, |ease| ease.max(item_item)),
        neighbours: judge.neighbours(past),
        popularity: judge.hits(0, |_| judge.popular.clone()),
        freshness: [0, 1, 2, 3, 5].map(|stale| judge.first_pass(&on_past, stale)),
        asked: judge.asked(),
        places: judge.places,
    };
    let kept = visits.len().saturating_sub(NEIGHBOUR_VISITS_MAX);
    Some(Trained {
        version,
        made,
        visits: visits.len(),
        judged,
        first_pass: rows(visits),
        popularity: popularity(visits).segments,
        neighbours: visits[kept..].iter().map(|visit| visit.items.clone()).collect(),
        rerank: None,
    })
}

/// Rows of weights by feature.
pub type Rows = Vec<(ItemId, Vec<(ItemId, i8)>)>;

/// How often items are seen soon after one another, as cosines in 127ths.
pub fn item_item(visits: &[Visit]) -> Rows {
    let mut times: BTreeMap<ItemId, f64> = BTreeMap::new();
    let mut pairs: BTreeMap<ItemId, BTreeMap<ItemId, f64>> = BTreeMap::new();
    for visit in visits {
        for (place, item) in visit.items.iter().enumerate() {
            *times.entry(*item).or_default() += 1.0;
            for (distance, later) in visit.items[place + 1..].iter().take(REACH).enumerate() {
                if later != item {
                    let near = 1.0 / (distance + 1) as f64;
                    *pairs.entry(*item).or_default().entry(*later).or_default() += near;
                }
            }
        }
    }
    let count = |item: &ItemId| times.get(item).copied().unwrap_or(1.0);
    let row = |(item, later): (ItemId, BTreeMap<ItemId, f64>)| {
        let weight = |(other, sum): (ItemId, f64)| {
            let cosine = sum / libm::sqrt(count(&item) * count(&other));
            let weight = libm::rint(cosine * 127.0).clamp(0.0, 127.0) as i8;
            (weight != 0).then_some((other, weight))
        };
        (item, later.into_iter().filter_map(weight).collect())
    };
    pairs.into_iter().map(row).filter(|(_, row): &(_, Vec<_>)| !row.is_empty()).collect()
}

/// How often items are seen, by segment and by everybody.
pub fn popularity(visits: &[Visit]) -> Popularity {
    let mut popularity = Popularity::default();
    for visit in visits {
        for segment in BTreeSet::from(["", &*visit.segment]) {
            let weights = popularity.segments.entry(segment.into()).or_default();
            for item in &visit.items {
                *weights.entry(*item).or_default() += 1;
            }
        }
    }
    lean_on_everybody(&mut popularity);
    popularity
}

/// Looks of everybody that count beside those of a segment: what few visitors looked at says little.
const LENT: u64 = 50;
/// Weights of a segment are multiples of one over this of a look.
const OF_A_LOOK: u64 = 64;

/// Adds to each segment as if it had [`LENT`] more looks, shared out as everybody's are.
fn lean_on_everybody(popularity: &mut Popularity) {
    let Some(everybody) = popularity.segments.get("").cloned() else { return };
    let total = everybody.values().map(|count| u64::from(*count)).sum::<u64>().max(1);
    for (_, weights) in popularity.segments.iter_mut().filter(|(segment, _)| !segment.is_empty()) {
        for (item, count) in &everybody {
            let own = u64::from(weights.get(item).copied().unwrap_or(0));
            let lent = LENT * OF_A_LOOK * u64::from(*count) / total;
            let weight = u32::try_from(own * OF_A_LOOK + lent).unwrap_or(u32::MAX);
            weights.insert(*item, weight);
        }
    }
}

/// Asks models for the next item of visits that they were not trained on.
struct Judge<'a> {
    latest: &'a [Visit],
    candidates: Vec<Candidate>,
    /// Places of the ranking that count.
    places: usize,
    /// Popularity of the candidates: what an empty profile is answered with.
    popular: Vec<i64>,
}

impl<'a> Judge<'a> {
    fn of(past: &[Visit], latest: &'a [Visit]) -> Self {
        let items: BTreeSet<ItemId> = past.iter().flat_map(|visit| &visit.items).copied().collect();
        let candidate = |item| Candidate { item, ..Candidate::default() };
        let candidates: Vec<Candidate> = items.into_iter().map(candidate).collect();
        let popularity = popularity(past);
        let everybody = popularity.of("");
        let weight = |it: &Candidate| {
            i64::from(everybody.and_then(|all| all.get(&it.item)).copied().unwrap_or(0))
        };
        let popular = candidates.iter().map(weight).collect();
        let places = (candidates.len() / OF_CATALOGUE).clamp(1, PLACES_MAX);
        Self { latest, candidates, places, popular }
    }

    fn asked(&self) -> usize {
        self.latest.iter().map(|visit| visit.items.len().saturating_sub(1)).sum()
    }

    fn first_pass(&self, rows: &Rows, stale: usize) -> f64 {
        let model = FirstPass::new(rows.iter().cloned());
        let all: Vec<&Candidate> = self.candidates.iter().collect();
        self.hits(stale, |profile| model.scores(profile, &Context::default(), &all))
    }

    fn neighbours(&self, past: &[Visit]) -> f64 {
        let kept = past.len().saturating_sub(NEIGHBOUR_VISITS_MAX);
        let model = Neighbours::new(past[kept..].iter().map(|visit| visit.items.clone()).collect());
        let all: Vec<&Candidate> = self.candidates.iter().collect();
        self.hits(0, |profile| model.scores(profile, &all))
    }

    /// The share of next items among the first places of what `scores` says, with profiles that
    /// lag `stale` events behind.
    fn hits(&self, stale: usize, mut scores: impl FnMut(&Profile) -> Vec<i64>) -> f64 {
        let places: ByItem<usize> =
            self.candidates.iter().enumerate().map(|(at, it)| (it.item, at)).collect();
        let (mut hits, mut asked) = (0_usize, 0_usize);
        for visit in self.latest {
            for next in 1..visit.items.len() {
                asked += 1;
                let Some(wanted) = places.get(&visit.items[next]) else { continue };
                let profile = profile(&visit.items[..next]).stale_by(stale);
                let scores = match profile.is_empty() {
                    true => self.popular.clone(),
                    false => scores(&profile),
                };
                let own = scores[*wanted];
                let before =
                    |(at, score): (usize, &i64)| *score > own || (*score == own && at < *wanted);
                let ahead = scores.iter().enumerate().filter(|it| before(*it)).count();
                hits += usize::from(own > 0 && ahead < self.places);
            }
        }
        hits as f64 / asked.max(1) as f64
    }
}

/// The profile of whoever saw these items, first to last.
fn profile(items: &[ItemId]) -> Profile {
    let seen = |(place, item): (usize, &ItemId)| Seen {
        item: *item,
        weight: 1,
        at: Timestamp(place as i64),
    };
    let seen = items.iter().enumerate().rev().map(seen).take(Profile::SEEN_MAX).collect();
    Profile { seen, ..Profile::default() }
}
