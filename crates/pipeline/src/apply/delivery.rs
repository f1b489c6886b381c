//! What a destination's records leave in the state: its lines' latest standing, its dead letters.

use crate::key::{Key, KeyKind};
use crate::rules::Rules;
use crate::value::{Value, ValueError};
use crate::view::{ApplyError, View};
use millstream_event::delivery::{Class, Delivery, Place, entity, seal};
use millstream_event::{Hash128, Record};
use serde::Serialize;

/// The key of a line's standing.
pub(crate) fn line_key(generation: u16, destination: &str, class: Class) -> Key {
    let name = Hash128::of("line", &[class.as_str().as_bytes()]);
    Key::row(generation, KeyKind::Line, entity(destination), name)
}

/// The key of a dead letter: in the order of lanes and positions.
fn letter_key(generation: u16, destination: &str, (lane, position): Place) -> Key {
    let mut name = [0; 16];
    name[0] = lane.number();
    name[8..].copy_from_slice(&position.0.to_be_bytes());
    Key::row(generation, KeyKind::DeadLetter, entity(destination), Hash128(name))
}

pub(super) fn apply(
    view: &mut View,
    rules: &Rules<'_>,
    (told, record): (&Delivery, &Record),
) -> Result<(), ApplyError> {
    let generation = rules.generation;
    for place in &told.revived {
        view.delete(letter_key(generation, &told.destination, *place));
    }
    for letter in &told.dead {
        let key = letter_key(generation, &told.destination, (letter.lane, letter.position));
        view.put(key, stored(letter)?);
    }
    let mut standing = told.clone();
    standing.dead.clear();
    standing.revived.clear();
    standing.seal = Some(seal(&record.payload));
    standing.told_at = Some(record.position);
    view.put(line_key(generation, &told.destination, told.class), stored(&standing)?);
    Ok(())
}

fn stored(value: &impl Serialize) -> Result<Value, ValueError> {
    let json = serde_json::to_vec(value).map_err(|error| ValueError::new("delivery", error))?;
    Ok(Value::Forward(json))
}
