//! The pairs that a model is fitted to.

use super::blocks::{Pair, blocked, pairs_of};
use super::comparison::{Frequencies, Pattern, compare};
use super::profile::Profile;
use crate::random::Random;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use millstream_event::EntityId;
use serde::{Deserialize, Serialize};

/// Pairs that logins prove to be one person's, below which nothing is estimated and nobody linked.
pub const ANCHORS_MIN: u64 = 20;
/// Devices of one person that are paired as anchors.
const ANCHOR_DEVICES_MAX: usize = 10;
/// Random pairs from which agreement among strangers is estimated: so many a device, and at most.
const STRANGERS_EACH: usize = 40;
const STRANGERS_MAX: usize = 200_000;
/// Seed of their choice: the same devices, the same pairs.
const SEED: u64 = 0x6c69_6e6b_6167_6521;

/// How much a fit was made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Devices compared.
    pub devices: u64,
    /// Pairs that logins and signed clicks prove to be one person's.
    pub anchors: u64,
    /// Random pairs of strangers.
    pub strangers: u64,
    /// Blocks of devices that are alike in one respect.
    pub blocks: u64,
    /// Blocks passed over: too many share them.
    pub blocks_left_out: u64,
    /// Pairs in a block that nothing is known of: these may be linked.
    pub candidates: u64,
}

/// How often each pattern occurs.
pub type Patterns = BTreeMap<Pattern, u64>;

/// The pairs, sorted into what is known of them.
pub struct Pairs {
    /// One person's, for certain.
    pub same: Vec<Pair>,
    /// Two persons', for certain: each with users of their own. Only those in a block.
    pub different: Vec<Pair>,
    /// In a block, and nothing known.
    pub open: Vec<Pair>,
    /// Patterns of each kind.
    pub same_patterns: Patterns,
    /// See `open`.
    pub open_patterns: Patterns,
    /// Of random strangers.
    pub stranger_patterns: Patterns,
    /// How much there is.
    pub volume: Volume,
    /// The share of pairs that are one person's, among devices of which the user is known.
    pub prior: f64,
}

/// Sorts the pairs of these devices.
pub fn gather(profiles: &[Profile], frequencies: &Frequencies) -> Pairs {
    let patterns = |pairs: &[Pair]| {
        let mut found = Patterns::new();
        for pair in pairs {
            let (one, other) = of(profiles, *pair);
            *found.entry(compare(one, other, frequencies).pattern).or_default() += 1;
        }
        found
    };
    let same = anchors(profiles);
    let blocked = blocked(profiles, frequencies);
    let strange =
        |pair: &Pair| profiles[pair.0 as usize].person != profiles[pair.1 as usize].person;
    let known =
        |pair: &Pair| profiles[pair.0 as usize].has_user && profiles[pair.1 as usize].has_user;
    let (different, open): (Vec<Pair>, Vec<Pair>) =
        blocked.pairs.into_iter().filter(strange).partition(known);
    let strangers = strangers(profiles);
    let volume = Volume {
        devices: profiles.len() as u64,
        anchors: same.len() as u64,
        strangers: strangers.len() as u64,
        blocks: blocked.blocks,
        blocks_left_out: blocked.blocks_left_out,
        candidates: open.len() as u64,
    };
    Pairs {
        same_patterns: patterns(&same),
        open_patterns: patterns(&open),
        stranger_patterns: patterns(&strangers),
        same,
        different,
        open,
        volume,
        prior: prior(profiles),
    }
}

/// Both devices of a pair.
pub fn of(profiles: &[Profile], (one, other): Pair) -> (&Profile, &Profile) {
    (&profiles[one as usize], &profiles[other as usize])
}

/// Bounds of the prior.
const PRIOR: (f64, f64) = (1e-12, 0.5);

/// Whose devices are known tells how many pairs are one person's before anything is compared: whether
/// somebody logs in has nothing to do with which of two devices is looked at.
fn prior(profiles: &[Profile]) -> f64 {
    let mut people: BTreeMap<EntityId, u64> = BTreeMap::new();
    for profile in profiles.iter().filter(|profile| profile.has_user) {
        *people.entry(profile.person).or_default() += 1;
    }
    let pairs = |devices: u64| (devices * devices.saturating_sub(1) / 2) as f64;
    let same: f64 = people.values().map(|devices| pairs(*devices)).sum();
    (same / pairs(people.values().sum()).max(1.0)).clamp(PRIOR.0, PRIOR.1)
}

fn anchors(profiles: &[Profile]) -> Vec<Pair> {
    let mut people: BTreeMap<EntityId, Vec<u32>> = BTreeMap::new();
    for (index, profile) in (0_u32..).zip(profiles) {
        let devices = people.entry(profile.person).or_default();
        if devices.len() < ANCHOR_DEVICES_MAX {
            devices.push(index);
        }
    }
    people.values().flat_map(|devices| pairs_of(devices)).collect()
}

/// Random pairs that are not known to be one person's: among so many nearly all are strangers.
fn strangers(profiles: &[Profile]) -> Vec<Pair> {
    if profiles.len() < 2 {
        return Vec::new();
    }
    let mut random = Random::new(SEED, 0);
    let wanted = (profiles.len() * STRANGERS_EACH).min(STRANGERS_MAX);
    let mut found = Vec::with_capacity(wanted);
    for _ in 0..wanted {
        let (one, other) = (random.below(profiles.len()), random.below(profiles.len()));
        if profiles[one].person != profiles[other].person {
            found.push((one.min(other) as u32, one.max(other) as u32));
        }
    }
    found
}
