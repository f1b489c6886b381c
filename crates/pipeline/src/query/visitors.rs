//! How many devices and people came on some days.

use super::{ReadError, StateRead, walk};
use crate::key::{Key, KeyKind};
use crate::state::Device;
use alloc::collections::BTreeSet;
use core::ops::RangeInclusive;
use millstream_event::{EntityId, Timestamp};
use millstream_stitch::entry::{first_at, last_at};

/// Devices and people with a session that began on one of the days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Visitors {
    /// Devices, bots included.
    pub devices: i64,
    /// People whom these and other subjects belong to.
    pub people: i64,
}

/// Counts them. Costs a look at every device.
///
/// # Errors
/// When the state cannot be read.
pub fn visitors(
    state: &dyn StateRead,
    generation: u16,
    days: &RangeInclusive<i32>,
) -> Result<Visitors, ReadError> {
    let mut people: BTreeSet<EntityId> = BTreeSet::new();
    let mut devices = 0;
    let (from, to) = (Timestamp::of_utc_day(*days.start()), Timestamp::of_utc_day(*days.end()));
    let to = Timestamp(to.0.saturating_add(86_400_000_000 - 1));
    walk::<Device>(state, generation, KeyKind::Device, &mut |key, device| {
        let row = |name| Key::row(generation, KeyKind::Session, key.entity_id(), name);
        let latest = device.latest.as_ref().map(|latest| latest.first.time);
        let mut came = latest.is_some_and(|first| (from..=to).contains(&first));
        if !came && latest.is_some_and(|first| from < first) {
            let ends = (row(first_at(from)), row(last_at(to)));
            state.range(ends.0.as_bytes(), ends.1.as_bytes(), &mut |_, _| {
                came = true;
                Ok(false)
            })?;
        }
        if came {
            devices += i64::from(device.anonymous);
            people.insert(device.person);
        }
        Ok(true)
    })?;
    Ok(Visitors { devices, people: i64::try_from(people.len()).unwrap_or(i64::MAX) })
}
