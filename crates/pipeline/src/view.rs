//! The view: the part of the state that the fold has at hand, and what it changed there.
//!
//! The shell loads keys into it, the fold reads and changes values, the shell takes the changes
//! for one atomic commit. Sums (counts, rollups) are changed without being read; their stored
//! part is asked for only when the changes are taken.

mod fetching;

use crate::item::{Item, ItemKind};
use crate::key::{Key, KeyHasher, KeyKind};
use crate::lags::Lags;
use crate::outgoing::{Outgoing, outgoing, outgoing_row, sender_lane};
use crate::retention::Walk;
use crate::rollup::{Cell, Counts, Dimensions};
use crate::shelf::{Range, Shelves};
use crate::stitching::{Origin, Stitching};
use crate::value::{Stored, Value, ValueError};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::hash::BuildHasherDefault;
use hashbrown::HashMap;
use millstream_event::{EntityId, Hash128, Header, Kind, Lane, Position, Span, Timestamp};

/// What must be loaded before a record can be folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Miss {
    /// Single keys.
    pub keys: Vec<Key>,
    /// Rows between two keys.
    pub ranges: Vec<Range>,
    /// Rows of many entities that are no longer kept.
    pub walks: Vec<Walk>,
}

/// Why a record or its changes could not be processed yet, or at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Load these keys and fold the record again; nothing was changed.
    #[error("{} keys and {} ranges are not loaded", .0.keys.len(), .0.ranges.len())]
    Miss(Miss),
    /// The state is damaged.
    #[error(transparent)]
    State(#[from] ValueError),
    /// The record's payload is damaged.
    #[error("the {what} record at lane {lane} position {} cannot be read: {why}", position.0)]
    Record {
        /// What the record should be.
        what: &'static str,
        /// Its lane.
        lane: Lane,
        /// Its place.
        position: Position,
        /// What is wrong.
        why: alloc::string::String,
    },
}

#[derive(Clone, Debug, Default)]
struct Slot {
    value: Option<Value>,
    dirty: bool,
    used: u64,
}

/// What one lane's commit holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Keys and new values, in key order. Outbox rows are among them.
    pub puts: Vec<(Key, Vec<u8>)>,
    /// Keys that are gone, in order.
    pub deletes: Vec<Key>,
    /// Items to append to other lanes after the commit.
    pub items: Vec<Outgoing>,
    /// What was added to the lane's sums; they are among the keys with new values.
    pub cells: Vec<(Key, Box<Cell>)>,
}

type ItemName = (Lane, EntityId, ItemKind, Hash128, EntityId);

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct View {
    slots: HashMap<Key, Slot, BuildHasherDefault<KeyHasher>>,
    /// Keys whose slots are dirty, each once.
    changed: Vec<Key>,
    shelves: Shelves,
    sums: BTreeMap<Key, Value>,
    items: BTreeMap<ItemName, (Header, Item)>,
    /// What was walked for the record that is folded next.
    walks: Vec<Walk>,
    batch: u64,
}

impl View {
    /// True when the key's stored state is known here.
    pub fn holds(&self, key: &Key) -> bool {
        self.slots.contains_key(key) || self.shelves.covers(key)
    }

    /// How many values are held.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// True when nothing is held.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Loads what the store has under a key; does nothing when the key is held already.
    ///
    /// # Errors
    /// When the bytes cannot be read.
    pub fn load(&mut self, key: Key, stored: Option<&[u8]>) -> Result<(), ValueError> {
        if !self.slots.contains_key(&key) {
            let value = stored.map(Value::decode).transpose()?;
            if value.is_some() {
                self.shelves.add(key);
            }
            self.slots.insert(key, Slot { value, dirty: false, used: self.batch });
        }
        Ok(())
    }

    /// Fails with those of `keys` that are not held.
    ///
    /// # Errors
    /// [`ApplyError::Miss`].
    pub fn want(&self, keys: impl IntoIterator<Item = Key>) -> Result<(), ApplyError> {
        let keys: Vec<Key> = keys.into_iter().filter(|key| !self.holds(key)).collect();
        if keys.is_empty() {
            return Ok(());
        }
        Err(ApplyError::Miss(Miss { keys, ..Miss::default() }))
    }

    /// Fails when not all rows of the range are held.
    ///
    /// # Errors
    /// [`ApplyError::Miss`].
    pub fn want_range(&self, range: Range) -> Result<(), ApplyError> {
        if self.shelves.holds(&range) {
            return Ok(());
        }
        Err(ApplyError::Miss(Miss { ranges: alloc::vec![range], ..Miss::default() }))
    }

    /// Says that the store has nothing under any key of these shelves: their entity is new.
    pub fn know_all(&mut self, shelf: Key) {
        self.shelves.know(&shelf, &shelf.with_suffix(Hash128([0xff; 16])));
    }

    /// The rows held between two keys, both included, in order.
    pub fn rows<'a, T: Stored + 'a>(
        &'a self,
        from: &Key,
        to: &Key,
    ) -> impl Iterator<Item = (Key, &'a T)> {
        let keys = self.shelves.between(from, to);
        keys.filter_map(|key| Some((key, self.get::<T>(&key)?)))
    }

    /// The last row held at or before a key of its shelf.
    pub fn last_row<T: Stored>(&self, to: &Key) -> Option<(Key, &T)> {
        let key = self.shelves.last(to)?;
        Some((key, self.get::<T>(&key)?))
    }

    /// The value under a key that is held.
    pub fn get<T: Stored>(&self, key: &Key) -> Option<&T> {
        T::read(self.slots.get(key)?.value.as_ref()?)
    }

    /// Takes the value under a key out, to be changed and put back.
    pub fn take<T: Stored>(&mut self, key: &Key) -> Option<T> {
        T::take(self.slots.get_mut(key)?.value.take()?)
    }

    /// Sets the value under a key.
    pub fn put(&mut self, key: Key, value: impl Into<Value>) {
        self.shelves.add(key);
        self.dirty(key).value = Some(value.into());
    }

    /// The slot of a key that is about to change.
    fn dirty(&mut self, key: Key) -> &mut Slot {
        let slot = self.slots.entry(key).or_default();
        slot.used = self.batch;
        if !slot.dirty {
            slot.dirty = true;
            self.changed.push(key);
        }
        slot
    }

    /// Removes the value under a key.
    pub fn delete(&mut self, key: Key) {
        self.shelves.remove(&key);
        self.dirty(key).value = None;
    }

    /// Adds to a lane's counts.
    pub fn count(&mut self, generation: u16, lane: Lane, change: impl FnOnce(&mut Counts)) {
        let key = Key::new(generation, lane, KeyKind::Counts, Hash128::default());
        let value = self.sums.entry(key).or_insert_with(|| Counts::default().into());
        if let Some(counts) = Counts::change(value) {
            change(counts);
        }
    }

    /// Adds count and amount to a rollup; `of` gives its dimensions, where it is new.
    pub fn sum(&mut self, key: Key, more: (i64, i128), of: impl FnOnce() -> Dimensions) {
        let sum = self.sums.entry(key);
        let sum = sum.or_insert_with(|| Cell { dimensions: of(), ..Cell::default() }.into());
        if let Some(sum) = Cell::change(sum) {
            sum.count = sum.count.wrapping_add(more.0);
            sum.amount = sum.amount.wrapping_add(more.1);
        }
    }

    /// Adds to the sums of how events arrived; `origin` says of what, where nobody else did yet.
    pub fn tally(
        &mut self,
        key: Key,
        origin: impl FnOnce() -> Origin,
        change: impl FnOnce(&mut Stitching),
    ) {
        let value = self.sums.entry(key).or_insert_with(|| Stitching::none_of(origin()).into());
        if let Some(sums) = Stitching::change(value) {
            change(sums);
        }
    }

    /// Adds a conversion that happened at `time` to those that took `lag` to arrive, or takes it back.
    pub fn lag(&mut self, key: Key, (time, lag): (Timestamp, Span), sign: i64) {
        let value = self.sums.entry(key).or_insert_with(|| Lags::default().into());
        if let Some(lags) = Lags::change(value) {
            lags.add(time, lag, sign);
        }
    }

    /// Sends an item. A later one of the same name in the same batch takes its place.
    pub fn send(&mut self, stamp: Stamp, item: Item) {
        let mut header = Header::new(Kind::Item, item.lane(), stamp.received);
        header.generation = stamp.generation;
        header.item_version = stamp.version();
        let name = (item.lane(), item.target, item.kind, item.id, item.sender);
        self.items.insert(name, (header, item));
    }

    /// The changes since the last call, lane by lane.
    ///
    /// # Errors
    /// [`ApplyError::Miss`] names the sums whose stored part must be loaded first.
    pub fn take_changes(&mut self, generation: u16) -> Result<BTreeMap<Lane, Changes>, ApplyError> {
        self.want(self.sums.keys().copied())?;
        let sums = core::mem::take(&mut self.sums);
        let told = |(key, value)| Some((key, self.add_sum(key, value)?));
        let cells: Vec<(Key, Box<Cell>)> = sums.into_iter().filter_map(told).collect();
        let mut changed = core::mem::take(&mut self.changed);
        changed.sort_unstable();
        let mut scratch = Vec::new();
        let mut lanes: BTreeMap<Lane, Changes> = BTreeMap::new();
        for key in changed {
            let (Some(slot), Some(lane)) = (self.slots.get_mut(&key), key.lane()) else { continue };
            slot.dirty = false;
            let changes = lanes.entry(lane).or_default();
            match &slot.value {
                Some(value) => changes.puts.push((key, value.encode(&mut scratch)?)),
                None => changes.deletes.push(key),
            }
        }
        for ((.., sender), (header, item)) in core::mem::take(&mut self.items) {
            let outgoing = outgoing(generation, header, &item)?;
            let changes = lanes.entry(sender_lane(&item, sender)).or_default();
            changes.puts.push((outgoing.key, outgoing_row(&outgoing)));
            changes.items.push(outgoing);
        }
        for (key, cell) in cells {
            if let Some(changes) = key.lane().and_then(|lane| lanes.get_mut(&lane)) {
                changes.cells.push((key, cell));
            }
        }
        self.batch += 1;
        Ok(lanes)
    }

    /// Adds a change to a stored sum. Gives it back where it is one of a rollup.
    fn add_sum(&mut self, key: Key, change: Value) -> Option<Box<Cell>> {
        let slot = self.dirty(key);
        let mut told = None;
        match (slot.value.as_mut(), change) {
            (Some(Value::Counts(counts)), Value::Counts(change)) => counts.add(&change),
            (Some(Value::Cell(cell)), Value::Cell(change)) => {
                cell.add(&change);
                told = Some(change);
            }
            (Some(Value::Stitching(sums)), Value::Stitching(change)) => sums.add(&change),
            (Some(Value::Lags(lags)), Value::Lags(change)) => lags.merge(&change),
            (_, change) => {
                if let Value::Cell(cell) = &change {
                    told = Some(cell.clone());
                }
                slot.value = Some(change);
            }
        }
        let nothing = match &slot.value {
            Some(Value::Cell(cell)) => cell.is_zero(),
            Some(Value::Stitching(sums)) => sums.is_zero(),
            Some(Value::Lags(lags)) => lags.is_zero(),
            _ => false,
        };
        if nothing {
            slot.value = None;
        }
        told
    }

    /// Drops rows, which are seldom asked twice, and values when more than `values_max` are held:
    /// first which copies of events count, then what the last batches did not change. Call it
    /// only once the changes taken are committed: what is dropped is read from the store again.
    pub fn trim(&mut self, values_max: usize) {
        for key in self.shelves.clear() {
            if self.slots.get(&key).is_some_and(|slot| !slot.dirty) {
                self.slots.remove(&key);
            }
        }
        if self.slots.len() > values_max {
            self.slots.retain(|key, slot| slot.dirty || !key.is(KeyKind::Dedup));
        }
        if self.slots.len() > values_max {
            let keep = self.batch.saturating_sub(1);
            self.slots.retain(|_, slot| slot.dirty || slot.used >= keep);
        }
        if self.slots.len() > values_max {
            self.slots.retain(|_, slot| slot.dirty);
        }
    }
}

/// What every effect of one record carries.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Generation that folds.
    pub generation: u16,
    /// The record's place.
    pub position: Position,
    /// The record's receive stamp.
    pub received: Timestamp,
}

impl Stamp {
    /// Version of whatever this record produces: its revision.
    pub const fn version(&self) -> u64 {
        self.position.revision(self.generation).0
    }
}
