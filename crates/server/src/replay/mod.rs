//! Replay: logged events read again by the rules of today, and things in quarantine tried once more.
//!
//! Nothing that was logged is changed. What comes out otherwise is appended with the receive stamp it
//! had and a higher replay epoch, so that it counts in the place of what was read before. Doing it
//! again finds nothing left to do.

mod events;
mod quarantined;
mod reading;
mod selection;

pub use reading::{MOVES_MAX, ReplayError, ReplayParts, Replayed};
pub use selection::{Selection, SelectionError, instant};

use reading::Writer;

/// Replays what the selection names; with `dry_run` it only counts. `told` hears how many of how
/// many records were looked at.
///
/// # Errors
/// When the log cannot be read or written, or the state not be read.
pub fn replay(
    parts: &ReplayParts<'_>,
    selection: &Selection,
    told: &dyn Fn(u64, u64),
) -> Result<Replayed, ReplayError> {
    let mut writer = Writer::new(parts, selection.dry_run);
    match selection.reason {
        Some(reason) => quarantined::replay(&mut writer, reason, told)?,
        None => events::replay(&mut writer, selection, told)?,
    }
    writer.finish()
}

#[cfg(test)]
mod tests;
