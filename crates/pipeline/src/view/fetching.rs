//! What the view takes from the store: rows by key, by range, and those of many entities that are no
//! longer kept.

use super::{ApplyError, Miss, Slot, View};
use crate::key::Key;
use crate::query::{ReadError, StateRead};
use crate::retention::{SWEEP_ROWS_MAX, Walk};
use crate::shelf::Range;
use crate::value::Value;
use alloc::vec::Vec;
use millstream_event::Hash128;

impl View {
    /// Loads everything that was missed.
    ///
    /// # Errors
    /// When the store cannot be read, or what it holds.
    pub fn fetch(&mut self, miss: &Miss, store: &dyn StateRead) -> Result<(), ReadError> {
        for key in &miss.keys {
            self.load(*key, store.get(key.as_bytes())?.as_deref())?;
        }
        for range in &miss.ranges {
            self.fetch_range(range, store)?;
        }
        miss.walks.iter().try_for_each(|walk| self.fetch_walk(walk, store))
    }

    /// Loads the rows of a range.
    ///
    /// # Errors
    /// When the store cannot be read, or what it holds.
    pub fn fetch_range(&mut self, range: &Range, store: &dyn StateRead) -> Result<(), ReadError> {
        let from = if range.below { self.fetch_below(range.from, store)? } else { range.from };
        store.range(range.from.as_bytes(), range.to.as_bytes(), &mut |key, value| {
            if let Some(key) = Key::from_bytes(key) {
                self.load(key, Some(value))?;
            }
            Ok(true)
        })?;
        self.shelves.know(&from, &range.to);
        Ok(())
    }

    /// Loads the last row at or before a key; one that was deleted here does not count. Returns
    /// that row's key, or the shelf's start when there is none.
    fn fetch_below(&mut self, mut at: Key, store: &dyn StateRead) -> Result<Key, ReadError> {
        let start = at.shelf();
        while let Some((key, value)) = store.last(start.as_bytes(), at.as_bytes())? {
            let Some(key) = Key::from_bytes(&key) else { break };
            self.load(key, Some(&value))?;
            if self.slots.get(&key).is_some_and(|slot| slot.value.is_some()) {
                return Ok(key);
            }
            match u128::from_be_bytes(key.suffix().0).checked_sub(1) {
                Some(before) => at = key.with_suffix(Hash128(before.to_be_bytes())),
                None => break,
            }
        }
        Ok(start)
    }

    /// Fails when one of these was not walked.
    ///
    /// # Errors
    /// [`ApplyError::Miss`].
    pub fn want_walks(&self, walks: &[Walk]) -> Result<(), ApplyError> {
        let walks: Vec<Walk> =
            walks.iter().filter(|walk| !self.walks.contains(walk)).copied().collect();
        if walks.is_empty() {
            return Ok(());
        }
        Err(ApplyError::Miss(Miss { walks, ..Miss::default() }))
    }

    /// Loads the first rows that a walk means, as many as one order removes. What the view holds
    /// counts as it stands there: the store may not have it yet.
    ///
    /// # Errors
    /// When the store cannot be read, or what it holds.
    pub fn fetch_walk(&mut self, walk: &Walk, store: &dyn StateRead) -> Result<(), ReadError> {
        let mut met = 0;
        store.range(walk.from.as_bytes(), walk.to.as_bytes(), &mut |key, stored| {
            let Some(key) = Key::from_bytes(key) else { return Ok(true) };
            let meant = match self.slots.get(&key) {
                Some(slot) => slot.value.as_ref().is_some_and(|value| walk.means(&key, value)),
                None => {
                    let meant = walk.means(&key, &Value::decode(stored)?);
                    if meant {
                        self.load(key, Some(stored))?;
                    }
                    meant
                }
            };
            met += usize::from(meant);
            Ok(met < SWEEP_ROWS_MAX)
        })?;
        self.walks.push(*walk);
        Ok(())
    }

    /// The first rows that a walk means, in key order, as many as one order removes.
    pub fn walked(&self, walk: &Walk) -> Vec<Key> {
        let meant = |(key, slot): (&Key, &Slot)| {
            slot.value.as_ref().filter(|value| walk.means(key, value)).map(|_| *key)
        };
        let mut rows: Vec<Key> = self.slots.iter().filter_map(meant).collect();
        rows.sort_unstable();
        rows.truncate(SWEEP_ROWS_MAX);
        rows
    }

    /// Walk these again before asking for their rows again.
    pub fn forget_walks(&mut self, walks: &[Walk]) {
        self.walks.retain(|walked| !walks.contains(walked));
    }
}
