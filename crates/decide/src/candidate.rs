//! What can be shown.

use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_event::Hash128;
use serde::{Deserialize, Serialize};

/// An item by the hash of its name: what profiles and models know it by.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ItemId(pub u64);

impl ItemId {
    /// The item with this name.
    pub fn of(name: &str) -> Self {
        Self(Hash128::of("item", &[name.as_bytes()]).low64())
    }
}

/// Something that can be shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidate {
    /// Its name, as answers say it.
    pub name: Box<str>,
    /// The hash of its name.
    pub item: ItemId,
    /// What it is a kind of: a category, a brand, an author.
    pub group: Option<Box<str>>,
    /// What it is worth showing where nothing else is known, -128 to 127.
    pub prior: i8,
    /// Features of the heavy ranking, in the order of its model. Missing ones are NaN.
    pub features: Vec<f32>,
}

impl Candidate {
    /// One of which nothing but the name is known.
    pub fn named(name: &str) -> Self {
        Self { name: name.into(), item: ItemId::of(name), ..Self::default() }
    }
}
