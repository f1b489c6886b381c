//! What lanes keep, and what is still to go.

use super::{ReadError, StateRead, read};
use crate::key::Key;
use crate::retention::{Class, Kept, KeyTime, SWEEP_ROWS_MAX, key_time, time};
use crate::value::Value;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use millstream_event::{Lane, Timestamp};

/// What a lane keeps and let go; nothing was let go where it never had an order.
///
/// # Errors
/// When the state cannot be read.
pub fn kept(state: &dyn StateRead, generation: u16, lane: Lane) -> Result<Kept, ReadError> {
    Ok(read::<Kept>(state, &Kept::key(generation, lane))?.unwrap_or_default())
}

/// From when on each lane keeps events.
#[derive(Clone, Copy, Debug)]
pub struct EventsKept([Option<Timestamp>; Lane::COUNT]);

impl EventsKept {
    /// By what the lanes say.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn read(state: &dyn StateRead, generation: u16) -> Result<Self, ReadError> {
        let mut from = [None; Lane::COUNT];
        for lane in Lane::all() {
            from[lane.index()] = kept(state, generation, lane)?.from.of(Class::Events);
        }
        Ok(Self(from))
    }

    /// True when tables show an event of a lane that happened at `time`.
    pub fn shows(&self, lane: Lane, time: Timestamp) -> bool {
        self.0[lane.index()].is_none_or(|from| from <= time)
    }

    /// True when some lane lets go of events.
    pub fn are_limited(&self) -> bool {
        self.0.iter().any(Option::is_some)
    }

    /// From when on a lane keeps events; none where it keeps all.
    pub fn from(&self, lane: Lane) -> Option<Timestamp> {
        self.0[lane.index()]
    }

    /// True when every lane shows what happened at `time`.
    pub fn all_show(&self, time: Timestamp) -> bool {
        self.0.iter().flatten().all(|from| *from <= time)
    }
}

/// Rows of a class in one lane that are no longer kept, in slices that one order each removes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// How many there are.
    pub rows: u64,
    /// First and last entities of each slice, by the first four bytes of their hashes.
    pub slices: Vec<(u32, u32)>,
}

/// Finds what is still to go. Costs a look at every row of the class.
///
/// # Errors
/// When the state cannot be read.
pub fn leftovers(
    state: &dyn StateRead,
    (generation, lane): (u16, Lane),
    class: Class,
) -> Result<Leftovers, ReadError> {
    let mut found = Leftovers::default();
    let Some(before) = kept(state, generation, lane)?.from.of(class) else { return Ok(found) };
    let before = before - class.margin();
    let mut rows: BTreeMap<u32, usize> = BTreeMap::new();
    for kind in class.kinds() {
        state.scan(&Key::prefix(generation, lane, *kind), &mut |key, stored| {
            let Some(key) = Key::from_bytes(key) else { return Ok(true) };
            let goes = match key_time(*kind, &key) {
                KeyTime::At(at) => at < before,
                KeyTime::From(at) if at >= before => false,
                _ => time(&key, &Value::decode(stored)?).is_some_and(|at| at < before),
            };
            if goes {
                *rows.entry(prefix(&key)).or_default() += 1;
                found.rows += 1;
            }
            Ok(true)
        })?;
    }
    found.slices = slices(rows);
    Ok(found)
}

fn prefix(key: &Key) -> u32 {
    let [a, b, c, d, ..] = key.entity_id().0.0;
    u32::from_be_bytes([a, b, c, d])
}

/// Neighbours go together while one order can remove them all; whoever has more needs several.
fn slices(rows: BTreeMap<u32, usize>) -> Vec<(u32, u32)> {
    let mut slices: Vec<(u32, u32)> = Vec::new();
    let mut open = 0;
    for (entity, count) in rows {
        match slices.last_mut() {
            Some((_, to)) if open + count <= SWEEP_ROWS_MAX => {
                *to = entity;
                open += count;
            }
            _ => {
                slices.extend((0..count.div_ceil(SWEEP_ROWS_MAX)).map(|_| (entity, entity)));
                open = count;
            }
        }
    }
    slices
}
