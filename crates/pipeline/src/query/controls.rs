//! Control records: links, settings, the ledger, as they were logged.

use super::{ReadError, Rows, StateRead};
use crate::key::{Key, KeyKind};
use crate::value::Value;
use alloc::vec::Vec;
use millstream_event::control::Control;
use millstream_event::{Lane, Position};

/// Every control record, oldest first, with its place in the control lane.
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn controls(
    state: &dyn StateRead,
    generation: u16,
    rows: Rows<'_, (Position, Control)>,
) -> Result<(), ReadError> {
    logged_controls(state, generation, &mut |(position, payload)| match serde_json::from_slice(
        &payload,
    ) {
        Ok(control) => rows((position, control)),
        Err(error) => {
            Err(ReadError::Store(alloc::format!("a control record cannot be read: {error}")))
        }
    })
}

/// Every control record as it was logged, oldest first, with its place in the control lane.
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn logged_controls(
    state: &dyn StateRead,
    generation: u16,
    rows: Rows<'_, (Position, Vec<u8>)>,
) -> Result<(), ReadError> {
    state.scan(&Key::prefix(generation, Lane::CONTROL, KeyKind::Control), &mut |key, bytes| match (
        Key::from_bytes(key),
        Value::decode(bytes)?,
    ) {
        (Some(key), Value::Control(payload)) => rows((control_position(&key), payload)),
        _ => Ok(true),
    })
}

/// The last control record as it was logged.
///
/// # Errors
/// When the state cannot be read.
pub fn last_control(
    state: &dyn StateRead,
    generation: u16,
) -> Result<Option<(Position, Vec<u8>)>, ReadError> {
    let [first, last] = [0, i64::MAX as u64].map(|at| Key::control(generation, Position(at)));
    let Some((key, bytes)) = state.last(first.as_bytes(), last.as_bytes())? else {
        return Ok(None);
    };
    match (Key::from_bytes(&key), Value::decode(&bytes)?) {
        (Some(key), Value::Control(payload)) => Ok(Some((control_position(&key), payload))),
        _ => Ok(None),
    }
}

fn control_position(key: &Key) -> Position {
    let ordinal = key.entity_id().0.0;
    let mut position = [0; 8];
    position.copy_from_slice(&ordinal[8..]);
    Position(u64::from_be_bytes(position))
}
