//! Sessions like this one: vector-multiplication-indexed session kNN (VMIS-kNN: Kersbergen, Sprangers
//! and Schelter, 2022).

use crate::candidate::{Candidate, ItemId};
use crate::first_pass::ByItem;
use crate::profile::Profile;
use crate::sources::Ranker;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Sessions looked at for each item, the most recent ones.
const RECENT: usize = 500;
/// Most similar sessions that vote.
const VOTING: usize = 100;
/// Items of the running session that count.
const LENGTH: usize = 9;
/// Scores are multiples of one over this.
const UNIT: f64 = 1_048_576.0;

/// Past sessions, indexed by item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours {
    /// Items of each session, first to last, oldest session first.
    sessions: Vec<Vec<ItemId>>,
    /// The most recent sessions of each item, latest first, and its inverse frequency.
    index: ByItem<(Vec<u32>, f64)>,
}

impl Neighbours {
    /// From sessions in order of time, oldest first.
    pub fn new(sessions: Vec<Vec<ItemId>>) -> Self {
        let mut index: ByItem<(Vec<u32>, f64)> = ByItem::default();
        for (place, session) in sessions.iter().enumerate().rev() {
            for (at, item) in session.iter().enumerate() {
                if session[..at].contains(item) {
                    continue;
                }
                let (recent, count) = index.entry(*item).or_default();
                *count += 1.0;
                if recent.len() < RECENT {
                    recent.push(place as u32);
                }
            }
        }
        let total = sessions.len() as f64;
        for (_, count) in index.values_mut() {
            *count = libm::log(total / *count);
        }
        Self { sessions, index }
    }

    /// Sessions held.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// True without sessions.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// How much each item is wanted by sessions like this one; `latest` first.
    pub fn wanted(&self, latest: &[ItemId]) -> ByItem<i64> {
        let length = latest.len().min(LENGTH);
        // Similarity, and the place of the latest item in common, by session.
        let mut similar: BTreeMap<u32, (f64, usize)> = BTreeMap::new();
        for (place, item) in latest[..length].iter().enumerate() {
            if latest[..place].contains(item) {
                continue;
            }
            let decay = (length - place) as f64 / length as f64;
            let Some((recent, _)) = self.index.get(item) else { continue };
            for session in recent {
                similar.entry(*session).or_insert((0.0, place)).0 += decay;
            }
        }
        let mut voting: Vec<(u32, f64, usize)> =
            similar.into_iter().map(|(session, (sum, place))| (session, sum, place)).collect();
        voting.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
        voting.truncate(VOTING);
        let mut wanted: ByItem<i64> = ByItem::default();
        for (session, similarity, place) in voting {
            let weight = similarity * (1.0 - 0.1 * place as f64);
            for item in &self.sessions[session as usize] {
                let idf = self.index.get(item).map_or(0.0, |(_, idf)| *idf);
                *wanted.entry(*item).or_default() += libm::rint(weight * idf * UNIT) as i64;
            }
        }
        wanted
    }
}

impl Ranker for Neighbours {
    fn scores(&self, profile: &Profile, candidates: &[&Candidate]) -> Vec<i64> {
        let latest: Vec<ItemId> = profile.seen.iter().map(|seen| seen.item).collect();
        let wanted = self.wanted(&latest);
        let score = |candidate: &&Candidate| wanted.get(&candidate.item).copied().unwrap_or(0);
        candidates.iter().map(score).collect()
    }
}
