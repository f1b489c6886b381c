//! Changes build on what was logged before them.

use super::engine::Engine;
use millstream_event::Lane;
use millstream_pipeline::{ReadError, query};
use millstream_store::Reading;
use std::time::{Duration, Instant};

/// How long a change waits for those before it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks how far the fold is.
const LOOK_EVERY: Duration = Duration::from_millis(5);

impl Engine {
    /// Waits for control records that were logged but not folded when the last process ended.
    pub(super) fn caught_up_with_controls(&self) {
        let head = self.instance.log.heads().get(Lane::CONTROL);
        let deadline = Instant::now() + PATIENCE;
        // Ticks have places in the lane, too: the version of the last change may lie before its end.
        let caught_up = loop {
            let active = self.active();
            let (store, generation) = (&active.state.store, active.state.generation);
            let folded = store.head(generation, Lane::CONTROL);
            match folded.map_err(|error| ReadError::Store(error.to_string())) {
                Ok(folded) if folded.next >= head => {
                    break query::last_control(&Reading(&**store), generation).is_ok_and(|last| {
                        let version = last.map_or(0, |(position, _)| position.0 + 1);
                        let version = u32::try_from(version).unwrap_or(u32::MAX);
                        self.registry.wait_for(version, PATIENCE)
                    });
                }
                Ok(_) if Instant::now() < deadline => std::thread::sleep(LOOK_EVERY),
                _ => break false,
            }
        };
        if !caught_up {
            tracing::warn!("the control lane is not folded yet; changes build on what is");
        }
    }
}
