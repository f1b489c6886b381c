//! How long conversions of some days took to arrive.

use super::{ReadError, StateRead};
use crate::key::Key;
use crate::lags::{Lags, lags_day, lags_key};
use crate::value::{Stored, Value};
use alloc::collections::BTreeMap;
use core::ops::RangeInclusive;
use millstream_event::Lane;

/// Lags of conversions by the UTC day on which they happened: one row for each lane and day.
///
/// # Errors
/// When the state cannot be read.
pub fn lags(
    state: &dyn StateRead,
    generation: u16,
    days: &RangeInclusive<i32>,
) -> Result<BTreeMap<i32, Lags>, ReadError> {
    let mut found: BTreeMap<i32, Lags> = BTreeMap::new();
    for lane in Lane::all() {
        let end = |day| lags_key(generation, lane, day);
        let (from, to) = (end(*days.start()), end(*days.end()));
        state.range(from.as_bytes(), to.as_bytes(), &mut |key, bytes| {
            if let (Some(key), Some(lags)) =
                (Key::from_bytes(key), Lags::take(Value::decode(bytes)?))
            {
                found.entry(lags_day(&key)).or_default().merge(&lags);
            }
            Ok(true)
        })?;
    }
    Ok(found)
}
