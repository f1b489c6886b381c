//! The ticker: one tick a second into every lane that saw records since its last one.

use super::progress::Shared;
use millstream_event::{Header, Kind, Timestamp};
use millstream_log::{Append, EventLog};
use std::time::Duration;

/// Appends ticks until closing. A tick that the log refuses is left out: the next one tells more.
pub(super) fn run(
    log: &dyn EventLog,
    shared: &Shared,
    clock: &(dyn Fn() -> Timestamp + Send + Sync),
    interval: Duration,
) {
    while let Some(lanes) = shared.lanes_to_tick(interval) {
        let now = clock();
        let tick =
            |lane| Append { header: Header::new(Kind::Tick, lane, now), payload: Vec::new() };
        let group: Vec<_> = lanes.into_iter().map(tick).collect();
        let told = Box::new(|result: Result<_, _>| {
            if let Err(error) = result {
                tracing::debug!(%error, "ticks were not logged");
            }
        });
        if let Err(error) = log.append(group, told) {
            tracing::debug!(%error, "ticks were refused");
        }
    }
}
