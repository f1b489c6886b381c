//! Which devices are compared at all: those that share a block.

use super::comparison::{Field, Frequencies};
use super::profile::{Profile, together};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Most devices of a block: what more share says nothing of one person.
pub const BLOCK_DEVICES_MAX: usize = 100;
/// Most pairs compared. The smallest blocks come first.
pub const PAIRS_MAX: usize = 1_000_000;

/// Two devices by their place among the profiles, the lesser first.
pub type Pair = (u32, u32);

/// The pairs that share a block.
#[derive(Clone, Debug, Default)]
pub struct Blocked {
    /// In order.
    pub pairs: BTreeSet<Pair>,
    /// Blocks.
    pub blocks: u64,
    /// Blocks that were passed over because too many devices share them, or there were too many
    /// pairs already.
    pub blocks_left_out: u64,
}

/// Pairs of devices that are at home in one place and share a page that few see, a campaign, or
/// machine and locale.
pub fn blocked(profiles: &[Profile], frequencies: &Frequencies) -> Blocked {
    let mut members: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for (index, profile) in (0_u32..).zip(profiles) {
        for key in keys(profile, frequencies) {
            members.entry(key).or_default().push(index);
        }
    }
    let mut blocks: Vec<(usize, u64)> = members
        .iter()
        .filter(|(_, block)| block.len() > 1)
        .map(|(key, block)| (block.len(), *key))
        .collect();
    blocks.sort_unstable();
    let mut found = Blocked { blocks: blocks.len() as u64, ..Blocked::default() };
    for (devices, key) in blocks {
        let pairs = devices * (devices - 1) / 2;
        if devices > BLOCK_DEVICES_MAX || found.pairs.len() + pairs > PAIRS_MAX {
            found.blocks_left_out += 1;
        } else if let Some(block) = members.get(&key) {
            found.pairs.extend(pairs_of(block));
        }
    }
    found
}

/// Every pair of these, which are in order.
pub fn pairs_of(indices: &[u32]) -> impl Iterator<Item = Pair> {
    indices
        .iter()
        .enumerate()
        .flat_map(move |(at, one)| indices[at + 1..].iter().map(move |other| (*one, *other)))
}

fn keys(profile: &Profile, frequencies: &Frequencies) -> BTreeSet<u64> {
    let home = profile.home();
    let uncommon = |token: &&u64| frequencies.is_uncommon(Field::Pages, **token);
    let pages = profile.pages.iter().filter(uncommon);
    let shared = pages.chain(&profile.campaigns).map(|token| together(&[home, Some(*token)]));
    let machine = profile.machine().or(profile.system);
    let alike = machine.map(|machine| together(&[home, Some(machine), profile.locale]));
    shared.chain(alike).collect()
}
