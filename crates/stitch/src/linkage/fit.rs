//! From profiles to links.

use super::blocks::Pair;
use super::comparison::{Frequencies, compare};
use super::estimate::estimate;
use super::model::{Model, Weight};
use super::pairs::{ANCHORS_MIN, Pairs, Volume, gather, of};
use super::profile::Profile;
use super::thresholds::Thresholds;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use millstream_event::EntityId;
use serde::{Deserialize, Serialize};

/// Most links and possible links of one fit, the most probable.
pub const LINKS_MAX: usize = 100_000;
/// A device that looks like more devices than this looks like everybody's.
pub const PARTNERS_MAX: usize = 5;

/// Whether a pair is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Probable enough, and nothing speaks against it.
    Link,
    /// Not probable enough, or held back.
    Possible,
}

/// Why a pair that is probable enough is not linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It would make one person of two who have users of their own.
    TwoUsers,
    /// One of the devices looks like too many.
    TooManyPartners,
}

/// Two devices that look like one person's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbableLink {
    /// The lesser device.
    pub one: EntityId,
    /// The other.
    pub other: EntityId,
    /// How probable it is.
    pub probability: f64,
    /// Whether they are linked.
    pub standing: Standing,
    /// Why not, although probable enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
    /// What each field says.
    pub evidence: Vec<Weight>,
}

/// How the model judges pairs of which the truth is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Pairs that are one person's for certain.
    pub same: u64,
    /// Of these, probable enough to be linked had nothing been known.
    pub same_found: u64,
    /// Pairs in a block that are two persons' for certain.
    pub different: u64,
    /// Of these, probable enough to be linked, wrongly.
    pub different_taken: u64,
}

/// A fitted model and what it finds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// How much it was made of.
    pub volume: Volume,
    /// From where on pairs are linked.
    pub thresholds: Thresholds,
    /// The model; none where too few pairs are certain to estimate it.
    pub model: Option<Model>,
    /// How it judges what is known.
    pub known: Known,
    /// What it finds, the most probable first.
    pub links: Vec<ProbableLink>,
}

/// Fits a model to these devices, and links those that look like one person's. Takes profiles in any
/// order; those that may not be linked are passed over.
pub fn fit(profiles: &[Profile], thresholds: Thresholds) -> Fit {
    let mut devices: Vec<Profile> =
        profiles.iter().filter(|profile| profile.may_be_linked()).cloned().collect();
    devices.sort_unstable_by_key(|profile| profile.device);
    let frequencies = Frequencies::of(&devices);
    let pairs = gather(&devices, &frequencies);
    let volume = pairs.volume;
    if volume.anchors < ANCHORS_MIN {
        let (known, links) = (Known::default(), Vec::new());
        return Fit { volume, thresholds, model: None, known, links };
    }
    let judge = Judge { model: estimate(&pairs), devices: &devices, frequencies: &frequencies };
    let known = judge.known(&pairs, thresholds);
    let links = judge.links(&pairs, thresholds);
    Fit { volume, thresholds, model: Some(judge.model), known, links }
}

struct Judge<'a> {
    model: Model,
    devices: &'a [Profile],
    frequencies: &'a Frequencies,
}

impl Judge<'_> {
    fn weights(&self, pair: Pair) -> Vec<Weight> {
        let (one, other) = of(self.devices, pair);
        self.model.weights(&compare(one, other, self.frequencies))
    }

    fn probability(&self, pair: Pair) -> f64 {
        self.model.probability(&self.weights(pair))
    }

    fn known(&self, pairs: &Pairs, thresholds: Thresholds) -> Known {
        let taken = |pairs: &[Pair]| {
            let found = pairs.iter().filter(|pair| self.probability(**pair) >= thresholds.link);
            found.count() as u64
        };
        Known {
            same: pairs.same.len() as u64,
            same_found: taken(&pairs.same),
            different: pairs.different.len() as u64,
            different_taken: taken(&pairs.different),
        }
    }

    fn links(&self, pairs: &Pairs, thresholds: Thresholds) -> Vec<ProbableLink> {
        let mut found: Vec<(f64, Pair)> = pairs
            .open
            .iter()
            .map(|pair| (self.probability(*pair), *pair))
            .filter(|(probability, _)| *probability >= thresholds.possible)
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        found.truncate(LINKS_MAX);
        let probable: Vec<(f64, Pair)> = found
            .iter()
            .filter(|(probability, _)| *probability >= thresholds.link)
            .copied()
            .collect();
        let partners = partners(&probable);
        let mut people = People::of(self.devices);
        let link = |(probability, pair): (f64, Pair)| {
            let (one, other) = of(self.devices, pair);
            let crowded =
                [pair.0, pair.1].iter().any(|end| partners.get(end) > Some(&PARTNERS_MAX));
            let refused = match probability >= thresholds.link {
                false => None,
                true if crowded => Some(Refusal::TooManyPartners),
                true if !people.join(one.person, other.person) => Some(Refusal::TwoUsers),
                true => None,
            };
            let links = probability >= thresholds.link && refused.is_none();
            ProbableLink {
                one: one.device,
                other: other.device,
                probability,
                standing: if links { Standing::Link } else { Standing::Possible },
                refused,
                evidence: self.weights(pair),
            }
        };
        found.into_iter().map(link).collect()
    }
}

/// How many others each device would be linked to.
fn partners(probable: &[(f64, Pair)]) -> BTreeMap<u32, usize> {
    let mut found: BTreeMap<u32, usize> = BTreeMap::new();
    for end in probable.iter().flat_map(|(_, pair)| [pair.0, pair.1]) {
        *found.entry(end).or_default() += 1;
    }
    found
}

/// Who would be one person: persons with the one that stands for them, and whether a user is known.
struct People(BTreeMap<EntityId, (EntityId, bool)>);

impl People {
    fn of(devices: &[Profile]) -> Self {
        let alone = |device: &Profile| (device.person, (device.person, device.has_user));
        Self(devices.iter().map(alone).collect())
    }

    fn root(&self, mut person: EntityId) -> (EntityId, bool) {
        loop {
            match self.0.get(&person) {
                Some((parent, has_user)) if *parent == person => return (person, *has_user),
                Some((parent, _)) => person = *parent,
                None => return (person, false),
            }
        }
    }

    /// Makes one of two; false where both have users of their own.
    fn join(&mut self, one: EntityId, other: EntityId) -> bool {
        let ((one, one_known), (other, other_known)) = (self.root(one), self.root(other));
        if one == other {
            return true;
        }
        if one_known && other_known {
            return false;
        }
        self.0.insert(other, (one, false));
        self.0.insert(one, (one, one_known || other_known));
        true
    }
}
