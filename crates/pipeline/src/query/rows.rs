//! Rows of one entity, read off a store.

use super::{ReadError, StateRead};
use crate::key::{Key, KeyKind};
use crate::state::Device;
use crate::value::{Stored, Value};
use alloc::vec::Vec;
use millstream_event::{EntityId, Hash128};
use millstream_stitch::entry::last_at;
use millstream_stitch::{EntryKey, Session};

/// The values between two keys, both included, in order.
pub(crate) fn between<T: Stored>(
    state: &dyn StateRead,
    (from, to): (&Key, &Key),
) -> Result<Vec<T>, ReadError> {
    let mut found = Vec::new();
    state.range(from.as_bytes(), to.as_bytes(), &mut |_, bytes| {
        found.extend(T::take(Value::decode(bytes)?));
        Ok(true)
    })?;
    Ok(found)
}

/// All sessions of a device, in order of their first events.
pub(crate) fn device_sessions(
    state: &dyn StateRead,
    generation: u16,
    (subject, device): (EntityId, &Device),
) -> Result<Vec<Session>, ReadError> {
    let shelf = Key::row(generation, KeyKind::Session, subject, Hash128::default());
    let end = shelf.with_suffix(Hash128([0xff; 16]));
    let mut sessions = between::<Session>(state, (&shelf, &end))?;
    sessions.extend(device.latest.clone());
    Ok(sessions)
}

/// The session of a device that holds the entry with this key, if one does.
pub(crate) fn session_at(
    state: &dyn StateRead,
    generation: u16,
    (subject, device): (EntityId, &Device),
    key: &EntryKey,
) -> Result<Option<Session>, ReadError> {
    let holds = |session: &Session| session.first <= *key && *key <= session.last;
    let Some(latest) = &device.latest else { return Ok(None) };
    if latest.first.time <= key.time {
        return Ok(Some(latest.clone()).filter(holds));
    }
    let to = Key::row(generation, KeyKind::Session, subject, last_at(key.time));
    let Some((_, bytes)) = state.last(to.shelf().as_bytes(), to.as_bytes())? else {
        return Ok(None);
    };
    Ok(Session::take(Value::decode(&bytes)?).filter(holds))
}
