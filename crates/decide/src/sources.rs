//! What a course reads: the shell implements these.

use crate::candidate::{Candidate, ItemId};
use crate::context::Context;
use crate::first_pass::FirstPass;
use crate::prefetch::Routes;
use crate::profile::Profile;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use millstream_event::EntityId;

/// Why a profile could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the profile cannot be read: {0}")]
pub struct ProfilesError(pub String);

/// Profiles of visitors.
pub trait Profiles {
    /// The profile of a device; empty for one that did nothing yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn profile(&self, device: EntityId) -> Result<Profile, ProfilesError>;
}

/// Answers kept from earlier, by use case and visitor: names, best first.
pub trait Shelf {
    /// The kept answer.
    fn kept(&self, use_case: &str, device: EntityId) -> Option<Vec<Box<str>>>;
}

/// Which candidates may be shown.
pub trait Rules {
    /// For each candidate whether it may be shown; and how many could not be judged, which may not.
    fn eligible(&self, context: &Context, candidates: &[Candidate]) -> (Vec<bool>, usize);
}

/// Popularity by segment: weights of items, by the segment's name; the empty name is everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Popularity {
    /// Weights by segment and item.
    pub segments: BTreeMap<Box<str>, BTreeMap<ItemId, u32>>,
}

impl Popularity {
    /// The weights of a segment, or of everybody where the segment is unknown.
    pub fn of(&self, segment: &str) -> Option<&BTreeMap<ItemId, u32>> {
        self.segments.get(segment).or_else(|| self.segments.get(""))
    }
}

/// A ranking of the survivors of the first pass: trees, or sessions like this one.
pub trait Ranker: Send + Sync {
    /// A score for each candidate, in their order; greater is better.
    fn scores(&self, profile: &Profile, candidates: &[&Candidate]) -> Vec<i64>;
}

/// What was trained for a use case.
#[derive(Default)]
pub struct Artefacts {
    /// Popularity by segment.
    pub popularity: Option<Popularity>,
    /// Integer scores from what the visitor saw.
    pub first_pass: Option<FirstPass>,
    /// Sessions like this one.
    pub neighbours: Option<Box<dyn Ranker>>,
    /// True where the first pass did better when judged: then neighbours are not missed.
    pub neighbours_spared: bool,
    /// The heavy ranking.
    pub rerank: Option<Box<dyn Ranker>>,
}

/// Everything that a course reads.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Profiles.
    pub profiles: &'a dyn Profiles,
    /// Kept answers.
    pub shelf: &'a dyn Shelf,
    /// Rules.
    pub rules: &'a dyn Rules,
    /// Models.
    pub artefacts: &'a Artefacts,
    /// Where visitors go on to.
    pub routes: &'a Routes,
}
