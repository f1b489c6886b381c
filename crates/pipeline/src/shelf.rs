//! Shelves: rows of one kind under one entity, in the order of their keys' suffixes.
//!
//! A history may be of any length, so it is kept row by row, and only the rows between two keys are
//! asked for. The view holds the rows themselves; here stands which it holds, and between which
//! keys it knows that it holds them all.

use crate::key::{Key, KeyHasher};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::hash::BuildHasherDefault;
use hashbrown::HashMap;
use millstream_event::Hash128;

/// Rows of one shelf that must be at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first key.
    pub from: Key,
    /// The last key, included.
    pub to: Key,
    /// True when the last row before `from` is wanted, too.
    pub below: bool,
}

#[derive(Clone, Debug, Default)]
struct Shelf {
    held: BTreeSet<Hash128>,
    /// Between each of these pairs, what is not held does not exist. They do not overlap.
    known: Vec<(Hash128, Hash128)>,
}

impl Shelf {
    /// The stretch that is known around a place.
    fn known_around(&self, at: Hash128) -> Option<(Hash128, Hash128)> {
        self.known.iter().copied().find(|(low, high)| (*low..=*high).contains(&at))
    }
}

/// The shelves of a view.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelves(HashMap<Key, Shelf, BuildHasherDefault<KeyHasher>>);

impl Shelves {
    /// Notes that a row is held; keys that stand on no shelf are passed over.
    pub(crate) fn add(&mut self, key: Key) {
        if key.is_on_shelf() {
            self.0.entry(key.shelf()).or_default().held.insert(key.suffix());
        }
    }

    /// Notes that a row does not exist any more.
    pub(crate) fn remove(&mut self, key: &Key) {
        if let Some(shelf) = self.0.get_mut(&key.shelf()) {
            shelf.held.remove(&key.suffix());
        }
    }

    /// Notes that every row between two keys is held.
    pub(crate) fn know(&mut self, from: &Key, to: &Key) {
        let shelf = self.0.entry(from.shelf()).or_default();
        let (mut from, mut to) = (from.suffix(), to.suffix());
        shelf.known.retain(|(low, high)| {
            let apart = *high < from || to < *low;
            if !apart {
                (from, to) = (from.min(*low), to.max(*high));
            }
            apart
        });
        shelf.known.push((from, to));
    }

    /// True when a row with this key would be held if it existed.
    pub(crate) fn covers(&self, key: &Key) -> bool {
        let shelf = self.0.get(&key.shelf()).filter(|_| key.is_on_shelf());
        shelf.is_some_and(|shelf| shelf.known_around(key.suffix()).is_some())
    }

    /// True when every row of the range is held.
    pub(crate) fn holds(&self, range: &Range) -> bool {
        let Some(shelf) = self.0.get(&range.from.shelf()) else { return false };
        let (from, to) = (range.from.suffix(), range.to.suffix());
        let Some((low, high)) = shelf.known_around(from) else { return false };
        let complete = to <= high;
        let below = || low == Hash128::default() || shelf.held.range(low..=from).next().is_some();
        complete && (!range.below || below())
    }

    /// The keys held between two keys, both included, in order.
    pub(crate) fn between(&self, from: &Key, to: &Key) -> impl Iterator<Item = Key> {
        let (base, bounds) = (from.shelf(), (from.suffix(), to.suffix()));
        let shelf = self.0.get(&base).filter(|_| bounds.0 <= bounds.1);
        let held = shelf.into_iter().flat_map(move |shelf| shelf.held.range(bounds.0..=bounds.1));
        held.map(move |suffix| base.with_suffix(*suffix))
    }

    /// The last key held at or before a key.
    pub(crate) fn last(&self, to: &Key) -> Option<Key> {
        let shelf = self.0.get(&to.shelf())?;
        let suffix = shelf.held.range(..=to.suffix()).next_back()?;
        Some(to.with_suffix(*suffix))
    }

    /// Forgets everything; returns the keys that were held.
    pub(crate) fn clear(&mut self) -> Vec<Key> {
        let mut keys = Vec::new();
        for (base, shelf) in self.0.drain() {
            keys.extend(shelf.held.into_iter().map(|suffix| base.with_suffix(suffix)));
        }
        keys
    }
}
