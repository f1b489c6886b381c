//! Events of which a server and a browser or an app told: shown as the one event that they are.

use millstream_event::{Event, Lane, envelope};
use millstream_log::{EventLog, LogError};
use millstream_pipeline::query::Counting;

/// The event with what the other side told of it. What the log no longer keeps cannot fill anything.
///
/// # Errors
/// When the log cannot be read.
pub(crate) fn united(
    log: &dyn EventLog,
    lane: Lane,
    (event, counting): (Event, Option<&Counting>),
) -> Result<Event, LogError> {
    let Some(other) = counting.and_then(|counting| counting.other) else { return Ok(event) };
    let record = match log.read_at(lane, other) {
        Ok(Some(record)) => record,
        Ok(None) | Err(LogError::Removed { .. }) => return Ok(event),
        Err(error) => return Err(error),
    };
    Ok(match envelope::decode(record.header.contract_version, &record.payload) {
        Ok(client) => event.united_with(client),
        // A payload that was erased.
        Err(_) => event,
    })
}
