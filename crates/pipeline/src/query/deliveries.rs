//! Where destinations stand, and what was given up.

use super::{ReadError, Rows, StateRead};
use crate::apply::line_key;
use crate::key::{Key, KeyKind};
use crate::value::{Value, ValueError};
use alloc::vec::Vec;
use millstream_event::Lane;
use millstream_event::delivery::{Class, DeadLetter, Delivery, entity};
use serde::de::DeserializeOwned;

/// Where one line of a destination stands; none before it was first sent to.
///
/// # Errors
/// When the state cannot be read.
pub fn line(
    state: &dyn StateRead,
    generation: u16,
    (destination, class): (&str, Class),
) -> Result<Option<Delivery>, ReadError> {
    let key = line_key(generation, destination, class);
    state.get(key.as_bytes())?.as_deref().map(read).transpose()
}

/// Where every line of every destination stands.
///
/// # Errors
/// When the state cannot be read.
pub fn lines(state: &dyn StateRead, generation: u16) -> Result<Vec<Delivery>, ReadError> {
    let mut found = Vec::new();
    for lane in Lane::all() {
        state.scan(&Key::prefix(generation, lane, KeyKind::Line), &mut |_, bytes| {
            found.push(read(bytes)?);
            Ok(true)
        })?;
    }
    Ok(found)
}

/// The dead letters of a destination, by lane and place.
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn dead_letters(
    state: &dyn StateRead,
    generation: u16,
    destination: &str,
    rows: Rows<'_, DeadLetter>,
) -> Result<(), ReadError> {
    let shelf = Key::entity(generation, KeyKind::DeadLetter, entity(destination));
    let prefix = shelf.as_bytes().get(..Key::SHELF_BYTES).unwrap_or_default();
    state.scan(prefix, &mut |_, bytes| rows(read(bytes)?))
}

/// The lane that a destination's records are in.
pub fn lane(destination: &str) -> Lane {
    Lane::of(entity(destination))
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ReadError> {
    let broken = |why: &dyn core::fmt::Display| ValueError::new("delivery", why);
    match Value::decode(bytes)? {
        Value::Forward(json) => {
            serde_json::from_slice(&json).map_err(|error| broken(&error).into())
        }
        _ => Err(broken(&"another value").into()),
    }
}
