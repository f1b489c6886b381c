//! Does the state belong to the log? Positions say how far, chain hashes say of which history.

use super::error::InstanceError;
use millstream_event::Lane;
use millstream_log::{EventLog, LanePositions, LogError};
use millstream_store::StateView;

/// Compares every lane's stored head with the log.
///
/// # Errors
/// [`InstanceError::OtherTimeline`] when the log never held what was folded; otherwise what could
/// not be read.
pub fn check_timeline(
    log: &dyn EventLog,
    state: &dyn StateView,
    generation: u16,
) -> Result<(), InstanceError> {
    let heads = log.heads();
    let mut folded = LanePositions::default();
    for lane in Lane::all() {
        let stored = state.head(generation, lane)?;
        if stored.next > heads.get(lane) {
            let how = format!(
                "was folded up to {}, the log ends at {}",
                stored.next.0,
                heads.get(lane).0
            );
            return Err(InstanceError::OtherTimeline { lane, how });
        }
        folded.set(lane, stored.next);
    }
    let chains = match log.chains(&folded) {
        Ok(chains) => chains,
        // Nothing to compare with any more: the reader decides whether it can go on from there.
        Err(LogError::Removed { .. }) => return Ok(()),
        Err(other) => return Err(other.into()),
    };
    for lane in Lane::all() {
        if state.head(generation, lane)?.chain != chains.get(lane) {
            let how = "was folded from other records".to_owned();
            return Err(InstanceError::OtherTimeline { lane, how });
        }
    }
    Ok(())
}

/// Checks that the log still holds what is to be folded next.
///
/// # Errors
/// [`InstanceError::TooFarBack`] when retention has removed it; otherwise what could not be read.
pub fn check_reach(
    log: &dyn EventLog,
    state: &dyn StateView,
    generation: u16,
) -> Result<(), InstanceError> {
    for (lane, first) in log.tails().iter() {
        let next = state.head(generation, lane)?.next;
        if next < first {
            return Err(InstanceError::TooFarBack { lane, next: next.0, first: first.0 });
        }
    }
    Ok(())
}
