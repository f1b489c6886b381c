//! What decisions read of a device: what its events told of its preferences, and its last choice.
//!
//! Rows under the device, latest first, so that a profile is one short walk; the choice stands
//! before them all.

use crate::key::{Key, KeyKind};
use crate::query::{ReadError, StateRead, walk};
use crate::value::Value;
use alloc::vec::Vec;
use millstream_decide::{ItemId, Profile};
use millstream_event::{EntityId, Hash128, Purpose, Purposes, Timestamp};
use millstream_stitch::EntryKey;
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

/// The row of an event: names run backwards in time.
pub(crate) fn interest_key(generation: u16, device: EntityId, event: &EntryKey) -> Key {
    let name = event.timed_name("interest", device);
    Key::row(generation, KeyKind::Interest, device, Hash128(name.0.map(|byte| !byte)))
}

/// The row of the choice.
pub(crate) fn choice_key(generation: u16, device: EntityId) -> Key {
    Key::entity(generation, KeyKind::Interest, device)
}

/// True for the row of a device's choice.
pub fn is_choice(key: &Key) -> bool {
    key.is(KeyKind::Interest) && key.suffix() == Hash128::default()
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
    walk(state, generation, KeyKind::Interest, &mut |key, interest| {
        visit(key.entity_id(), interest)
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
    state.range(from.as_bytes(), to.as_bytes(), &mut |_, bytes| {
        match Value::decode(bytes)? {
            Value::Choice(choice) => {
                profile.denied = !choice.granted.allows(Purpose::Personalization);
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
