//! What decisions read of a device: what its events told of its preferences, and its last choice.
//!
//! Rows under the device, latest first, so that a profile is one short walk; the choice stands
//! before them all.

use crate::key::{Key, KeyKind};
use crate::query::{ReadError, StateRead, walk};
use crate::shelf::Range;
use crate::value::{Stored, Value};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use millstream_decide::{ItemId, Profile};
use millstream_event::{EntityId, Hash128, Position, Purpose, Purposes, Timestamp};
use millstream_stitch::EntryKey;
use millstream_stitch::entry::last_at;
use serde::{Deserialize, Serialize};

/// What one event told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interest {
    /// When it happened.
    pub at: Timestamp,
    /// The items it named.
    pub items: Vec<ItemId>,
    /// How strongly it tells of a preference.
    pub weight: u8,
}

/// A device's last explicit choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// When it was received, and the hash of its id: the greatest holds.
    pub made: (Timestamp, Hash128),
    /// What was granted.
    pub granted: Purposes,
}

/// Until when a device wants to be forgotten: nothing that it did by then is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// When the latest of its wishes was received.
    pub until: Timestamp,
}

/// What an event of kind `consent` is called that wishes for a reset, and is no choice.
pub const RESET: &str = "personalization_reset";

/// Where one of a device's choices is logged, in the device's own lane: its receipt is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen(pub Position);

/// The row of a choice.
pub(crate) fn chosen_key(generation: u16, device: EntityId, event: &EntryKey) -> Key {
    Key::row(generation, KeyKind::Chosen, device, event.timed_name("chosen", device))
}

/// Walks the choices of a device, earliest first.
///
/// # Errors
/// When the state cannot be read, or what `visit` returned.
pub fn choices(
    state: &dyn StateRead,
    generation: u16,
    device: EntityId,
    visit: &mut dyn FnMut(Chosen) -> Result<bool, ReadError>,
) -> Result<(), ReadError> {
    let from = Key::entity(generation, KeyKind::Chosen, device);
    let to = from.with_suffix(Hash128([0xff; 16]));
    state.range(from.as_bytes(), to.as_bytes(), &mut |_, bytes| {
        Chosen::take(Value::decode(bytes)?).map_or(Ok(true), &mut *visit)
    })
}

/// The row of an event: names run backwards in time.
pub(crate) fn interest_key(generation: u16, device: EntityId, event: &EntryKey) -> Key {
    let name = event.timed_name("interest", device);
    Key::row(generation, KeyKind::Interest, device, Hash128(name.0.map(|byte| !byte)))
}

/// The row of the choice.
pub(crate) fn choice_key(generation: u16, device: EntityId) -> Key {
    Key::entity(generation, KeyKind::Interest, device)
}

/// Where the row of a reset stands: after the choice, before everything that happened.
const RESET_PLACE: Hash128 = Hash128([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

/// The row of the reset.
pub(crate) fn reset_key(generation: u16, device: EntityId) -> Key {
    choice_key(generation, device).with_suffix(RESET_PLACE)
}

/// The rows of everything that happened until a time.
pub(crate) fn until(generation: u16, device: EntityId, time: Timestamp) -> Range {
    let from = Hash128(last_at(time).0.map(|byte| !byte));
    let shelf = choice_key(generation, device);
    let to = shelf.with_suffix(Hash128([0xff; 16]));
    Range { from: shelf.with_suffix(from), to, below: false }
}

/// True for the rows of what a device wishes: its choice, its reset.
pub fn is_wish(key: &Key) -> bool {
    key.is(KeyKind::Interest) && key.suffix() <= RESET_PLACE
}

/// Until when devices wish to be forgotten.
///
/// # Errors
/// When the state cannot be read.
pub fn resets(
    state: &dyn StateRead,
    generation: u16,
) -> Result<BTreeMap<EntityId, Timestamp>, ReadError> {
    let mut resets = BTreeMap::new();
    walk(state, generation, KeyKind::Interest, &mut |key, reset: Reset| {
        resets.insert(key.entity_id(), reset.until);
        Ok(true)
    })?;
    Ok(resets)
}

/// Walks what devices did, device by device, latest first.
///
/// # Errors
/// When the state cannot be read, or what `visit` returned.
pub fn walk_interests(
    state: &dyn StateRead,
    generation: u16,
    visit: &mut dyn FnMut(EntityId, Interest) -> Result<bool, ReadError>,
) -> Result<(), ReadError> {
    let resets = resets(state, generation)?;
    walk(state, generation, KeyKind::Interest, &mut |key, interest: Interest| {
        let device = key.entity_id();
        let forgotten = resets.get(&device).is_some_and(|until| interest.at <= *until);
        if forgotten { Ok(true) } else { visit(device, interest) }
    })
}

/// A device's profile as committed.
///
/// # Errors
/// When the state cannot be read.
pub fn profile(
    state: &dyn StateRead,
    generation: u16,
    device: EntityId,
) -> Result<Profile, ReadError> {
    let from = choice_key(generation, device);
    let to = from.with_suffix(Hash128([0xff; 16]));
    let mut profile = Profile::default();
    let mut reset = None;
    state.range(from.as_bytes(), to.as_bytes(), &mut |_, bytes| {
        match Value::decode(bytes)? {
            Value::Choice(choice) => {
                profile.denied = !choice.granted.allows(Purpose::Personalization);
            }
            Value::Reset(wish) => reset = Some(wish.until),
            // Latest first: whatever comes after it is forgotten, too.
            Value::Interest(interest) if reset.is_some_and(|until| interest.at <= until) => {
                return Ok(false);
            }
            Value::Interest(interest) => {
                profile.add(&interest.items, interest.weight, interest.at);
            }
            _ => {}
        }
        Ok(!profile.denied && profile.seen.len() < Profile::SEEN_MAX)
    })?;
    Ok(profile)
}
