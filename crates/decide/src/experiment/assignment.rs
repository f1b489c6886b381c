//! Who gets what: a hash of the experiment and the unit, so that every process says the same.

use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_event::{EntityId, Hash128};

/// Places that a unit can fall on.
pub const PLACES: u64 = 10_000;

/// One arm and its share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    /// Its name.
    pub name: Box<str>,
    /// Its weight among the arms.
    pub weight: u32,
}

/// An experiment: the stretch of its layer that it takes, and its arms, the control first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Experiment {
    /// Its name, the salt of its arms.
    pub name: Box<str>,
    /// The first place of its layer that is its own.
    pub from: u64,
    /// One after the last.
    pub to: u64,
    /// The arms.
    pub arms: Vec<Arm>,
}

/// A layer: a unit takes part in one of its experiments at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its name, the salt of its places.
    pub name: Box<str>,
    /// Its experiments; their stretches do not overlap.
    pub experiments: Vec<Experiment>,
}

/// The place of a unit under a salt.
pub fn place(salt: &str, unit: EntityId, of: u64) -> u64 {
    // The bias of a remainder of 64 bits is below 1e-15 here.
    Hash128::of("assignment", &[salt.as_bytes(), &unit.0.0]).low64() % of.max(1)
}

impl Experiment {
    /// The arm of a unit that takes part.
    pub fn arm(&self, unit: EntityId) -> Option<&Arm> {
        let total: u64 = self.arms.iter().map(|arm| u64::from(arm.weight)).sum();
        let mut left = place(&self.name, unit, total);
        self.arms.iter().find(|arm| match left.checked_sub(u64::from(arm.weight)) {
            None => true,
            Some(rest) => {
                left = rest;
                false
            }
        })
    }
}

impl Layer {
    /// The experiment and arm of a unit; none where its place belongs to no experiment.
    pub fn assign(&self, unit: EntityId) -> Option<(&Experiment, &Arm)> {
        let at = place(&self.name, unit, PLACES);
        let experiment = self.experiments.iter().find(|it| (it.from..it.to).contains(&at))?;
        Some((experiment, experiment.arm(unit)?))
    }

    /// Experiments that want the same places, if any.
    pub fn conflict(&self) -> Option<(&Experiment, &Experiment)> {
        let all = &self.experiments;
        (0..all.len()).find_map(|a| {
            let overlaps = |b: &&Experiment| all[a].from < b.to && b.from < all[a].to;
            all[..a].iter().find(overlaps).map(|b| (b, &all[a]))
        })
    }
}
