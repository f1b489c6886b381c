//! How events arrived and how soon sessions could be trusted, day by day and origin by origin.

use super::{ReadError, StateRead};
use crate::key::{Key, KeyKind};
use crate::stitching::{Stitching, is_of_bots, stitching_day};
use crate::value::{Stored, Value};
use core::ops::RangeInclusive;
use millstream_event::Lane;

/// Sums of one lane, day and origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StitchingSums {
    /// UTC day of the events, or of the sessions' first.
    pub day: i32,
    /// True when bots made them.
    pub bot: bool,
    /// The sums.
    pub sums: Stitching,
}

/// The sums of these days, lane by lane: one origin of one day comes once for each lane.
///
/// # Errors
/// When the state cannot be read.
pub fn stitching(
    state: &dyn StateRead,
    generation: u16,
    days: &RangeInclusive<i32>,
    visit: &mut dyn FnMut(StitchingSums),
) -> Result<(), ReadError> {
    for lane in Lane::all() {
        state.scan(&Key::prefix(generation, lane, KeyKind::Stitching), &mut |key, bytes| {
            let Some(key) = Key::from_bytes(key) else { return Ok(true) };
            let day = stitching_day(&key);
            if days.contains(&day)
                && let Some(sums) = Stitching::take(Value::decode(bytes)?)
            {
                visit(StitchingSums { day, bot: is_of_bots(&key), sums });
            }
            Ok(true)
        })?;
    }
    Ok(())
}
