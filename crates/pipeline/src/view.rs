//! The view: the part of the state that the fold has at hand, and what it changed there.
//!
//! The shell loads keys into it, the fold reads and changes values, the shell takes the changes
//! for one atomic commit. Sums (counts, rollups) are changed without being read; their stored
//! part is asked for only when the changes are taken.

use crate::item::{Item, ItemKind};
use crate::key::{Key, KeyKind};
use crate::rollup::{Cell, Counts};
use crate::value::{Stored, Value, ValueError};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::hash::BuildHasherDefault;
use hashbrown::HashMap;
use millstream_event::{EntityId, Hash128, Header, Kind, Lane, Position, Timestamp};

/// Keys that must be loaded before a record can be folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss(pub Vec<Key>);

/// Why a record or its changes could not be processed yet, or at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Load these keys and fold the record again; nothing was changed.
    #[error("{} keys are not loaded", .0.0.len())]
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

/// Keys are hashes already: mixing them is enough.
#[derive(Clone, Default)]
pub struct KeyHasher(u64);

impl core::hash::Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

#[derive(Clone, Debug, Default)]
struct Slot {
    value: Option<Value>,
    dirty: bool,
    used: u64,
}

/// An item on its way: its outbox row's key, and the record to append to its lane.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Key of the outbox row, to be deleted once the record is durable.
    pub key: Key,
    /// The record's header; the shell adds the keyed subject hash of `target`.
    pub header: Header,
    /// The entity addressed.
    pub target: EntityId,
    /// The record's payload.
    pub payload: Vec<u8>,
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
}

type ItemName = (Lane, EntityId, ItemKind, Hash128, EntityId);

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct View {
    slots: HashMap<Key, Slot, BuildHasherDefault<KeyHasher>>,
    /// Keys whose slots are dirty, each once.
    changed: Vec<Key>,
    sums: BTreeMap<Key, Value>,
    items: BTreeMap<ItemName, (Header, Item)>,
    batch: u64,
}

impl View {
    /// True when the key's stored state is known here.
    pub fn holds(&self, key: &Key) -> bool {
        self.slots.contains_key(key)
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
            self.slots.insert(key, Slot { value, dirty: false, used: self.batch });
        }
        Ok(())
    }

    /// Fails with those of `keys` that are not held.
    ///
    /// # Errors
    /// [`ApplyError::Miss`].
    pub fn want(&self, keys: impl IntoIterator<Item = Key>) -> Result<(), ApplyError> {
        let missing: Vec<Key> = keys.into_iter().filter(|key| !self.holds(key)).collect();
        if missing.is_empty() { Ok(()) } else { Err(ApplyError::Miss(Miss(missing))) }
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

    /// Adds to a rollup.
    pub fn sum(&mut self, key: Key, cell: Cell) {
        match self.sums.get_mut(&key).and_then(Cell::change) {
            Some(sum) => sum.add(&cell),
            None => {
                self.sums.insert(key, cell.into());
            }
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
        for (key, value) in core::mem::take(&mut self.sums) {
            self.add_sum(key, value);
        }
        let mut changed = core::mem::take(&mut self.changed);
        changed.sort_unstable();
        let mut lanes: BTreeMap<Lane, Changes> = BTreeMap::new();
        for key in changed {
            let (Some(slot), Some(lane)) = (self.slots.get_mut(&key), key.lane()) else { continue };
            slot.dirty = false;
            let changes = lanes.entry(lane).or_default();
            match &slot.value {
                Some(value) => changes.puts.push((key, value.encode()?)),
                None => changes.deletes.push(key),
            }
        }
        for ((.., sender), (header, item)) in core::mem::take(&mut self.items) {
            let outgoing = outgoing(generation, header, &item)?;
            let changes = lanes.entry(sender_lane(&item, sender)).or_default();
            changes.puts.push((outgoing.key, outgoing_row(&outgoing)));
            changes.items.push(outgoing);
        }
        self.batch += 1;
        Ok(lanes)
    }

    fn add_sum(&mut self, key: Key, change: Value) {
        let slot = self.dirty(key);
        match (slot.value.as_mut(), change) {
            (Some(Value::Counts(counts)), Value::Counts(change)) => counts.add(&change),
            (Some(Value::Cell(cell)), Value::Cell(change)) => cell.add(&change),
            (_, change) => slot.value = Some(change),
        }
        if matches!(&slot.value, Some(Value::Cell(cell)) if cell.is_zero()) {
            slot.value = None;
        }
    }

    /// Drops values when more than `values_max` are held: first which copies of events count, for
    /// that is seldom asked twice, then what the last batches did not change.
    pub fn trim(&mut self, values_max: usize) {
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

/// The lane whose commit carries the outbox row: the sender's.
fn sender_lane(item: &Item, sender: EntityId) -> Lane {
    match item.kind {
        ItemKind::Person => Lane::GRAPH,
        _ => Lane::of(sender),
    }
}

fn outgoing(generation: u16, header: Header, item: &Item) -> Result<Outgoing, ValueError> {
    let name: [&[u8]; 4] = [&item.sender.0.0, &item.target.0.0, &[item.kind as u8], &item.id.0];
    let row = Key::new(
        generation,
        sender_lane(item, item.sender),
        KeyKind::Outbox,
        Hash128::of("item", &name),
    );
    let key = row.part(header.lane.number(), u128::from(header.item_version).to_be_bytes());
    let payload = item.encode().map_err(|error| ValueError::new("item", error))?;
    Ok(Outgoing { key, header, target: item.target, payload })
}

/// An outbox row: the receive stamp, then the payload; the rest of the header is in the key.
fn outgoing_row(outgoing: &Outgoing) -> Vec<u8> {
    let mut row = outgoing.header.received.0.to_le_bytes().to_vec();
    row.extend_from_slice(&outgoing.payload);
    row
}

impl Outgoing {
    /// Reads an outbox row that a crash left behind.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn from_row(key: Key, row: &[u8]) -> Result<Self, ValueError> {
        let broken = || ValueError::new("outbox row", "too short");
        let (stamp, payload) = row.split_first_chunk::<8>().ok_or_else(broken)?;
        let item = Item::decode(payload).map_err(|error| ValueError::new("outbox row", error))?;
        let mut header =
            Header::new(Kind::Item, item.lane(), Timestamp(i64::from_le_bytes(*stamp)));
        let bytes = key.as_bytes();
        header.generation = u16::from_be_bytes([bytes[0], bytes[1]]);
        let mut version = [0; 8];
        version.copy_from_slice(&bytes[29..37]);
        header.item_version = u64::from_be_bytes(version);
        Ok(Self { key, header, target: item.target, payload: payload.to_vec() })
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
