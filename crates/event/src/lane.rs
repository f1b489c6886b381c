//! Lanes, positions and revisions: how the log names places.

use crate::ids::EntityId;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A lane of the log. 64 entity lanes, fixed for ever, then the control and the graph lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lane(u8);

impl Lane {
    /// Entity lanes; lane = hash(entity) mod this. Never changes for a log's lifetime.
    pub const ENTITY_LANES: u8 = 64;
    /// Links, spend, configuration, artefacts: one ordered history.
    pub const CONTROL: Self = Self(64);
    /// The identity graph.
    pub const GRAPH: Self = Self(65);
    /// All lanes, the two special ones included.
    pub const COUNT: usize = 66;

    /// The lane an entity lives in.
    pub const fn of(entity: EntityId) -> Self {
        Self((entity.0.low64() % Self::ENTITY_LANES as u64) as u8)
    }

    /// The lane with this number, or `None` when there is no such lane.
    pub const fn from_number(number: u8) -> Option<Self> {
        if (number as usize) < Self::COUNT { Some(Self(number)) } else { None }
    }

    /// The lane's number, 0 to 65.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The lane's number as an index into per-lane arrays of [`Self::COUNT`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Every lane in order.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..Self::COUNT as u8).map(Self)
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::CONTROL => f.write_str("control"),
            Self::GRAPH => f.write_str("graph"),
            Self(number) => write!(f, "{number}"),
        }
    }
}

/// A place in a lane: the ordinal of a record there, counted from 0, below 2^48.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Ordinals stay below this.
    pub const LIMIT: u64 = 1 << 48;

    /// The place after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The revision of what a record at this place, folded in `generation`, produces.
    pub const fn revision(self, generation: u16) -> Revision {
        Revision((generation as u64) << 48 | self.0)
    }
}

/// (generation, position) in 64 bits: equal key and revision mean equal bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);
