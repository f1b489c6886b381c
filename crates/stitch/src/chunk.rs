//! Chunks: a device's entries in event order, split so that no value grows without bound.

use crate::entry::{Entry, EntryKey};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Entries in event order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    entries: Vec<Entry>,
}

impl Chunk {
    /// Entries a chunk holds at most.
    pub const ENTRIES_MAX: usize = 256;

    /// The entries in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many entries it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when it holds none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The key of its first entry.
    pub fn first_key(&self) -> Option<&EntryKey> {
        self.entries.first().map(|entry| &entry.key)
    }

    /// Puts an entry in its place; one of equal key is replaced. Returns the upper half, split off
    /// at the median, when the chunk would hold more than [`Self::ENTRIES_MAX`].
    pub fn insert(&mut self, entry: Entry) -> Option<Self> {
        match self.entries.binary_search_by(|other| other.key.cmp(&entry.key)) {
            Ok(at) => self.entries[at] = entry,
            Err(at) => self.entries.insert(at, entry),
        }
        (self.entries.len() > Self::ENTRIES_MAX).then(|| {
            let half = self.entries.len() / 2;
            Self { entries: self.entries.split_off(half) }
        })
    }

    /// Takes the entry with this key out.
    pub fn remove(&mut self, key: &EntryKey) -> Option<Entry> {
        let at = self.entries.binary_search_by(|other| other.key.cmp(key)).ok()?;
        Some(self.entries.remove(at))
    }
}
