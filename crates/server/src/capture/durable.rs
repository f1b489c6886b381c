//! The one way into the log: a group, a wait, an answer.

use super::plane::Plane;
use super::refusal::Refusal;
use millstream_event::{EntityId, Event, Hash128, Header, Kind, Lane, Quarantine, Timestamp};
use millstream_log::{Append, AppendError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Room made for an encoded event before its size is known.
const EVENT_BYTES_USUAL: usize = 1_024;

/// Appends a group and waits until it is durable, at most `patience`. When the wait ends early the
/// group may still become durable: ids make the retry harmless.
pub(super) async fn append(
    plane: &Plane,
    group: Vec<Append>,
    patience: Duration,
) -> Result<(), Refusal> {
    let (sender, receiver) = oneshot::channel();
    let acknowledgements = Arc::clone(&plane.acknowledgements);
    plane.parts.log.append(
        group,
        Box::new(move |outcome| acknowledgements.take(sender, outcome.map(|_| ()))),
    )?;
    match tokio::time::timeout(patience, receiver).await {
        Ok(Ok(outcome)) => outcome.map_err(Refusal::from),
        Ok(Err(_)) => Err(Refusal::from(AppendError::Closed)),
        Err(_) => Err(Refusal::LogOverloaded),
    }
}

/// The record of an event.
pub(super) fn event(plane: &Plane, event: &Event) -> Result<Append, Refusal> {
    // As `Event::encode`, into room enough for all but the largest.
    let mut payload = Vec::with_capacity(EVENT_BYTES_USUAL);
    serde_json::to_writer(&mut payload, event).map_err(|_| Refusal::Internal)?;
    Ok(record(plane, Kind::Event, event.subject(), event.received, payload))
}

/// The record of a quarantined item.
pub(super) fn quarantine(plane: &Plane, item: &Quarantine) -> Result<Append, Refusal> {
    let payload = serde_json::to_vec(item).map_err(|_| Refusal::Internal)?;
    // Only history is without, and it does not come in here.
    let received = item.received.ok_or(Refusal::Internal)?;
    Ok(record(plane, Kind::Quarantine, item.subject(), received, payload))
}

/// A record of `subject`, in its lane.
pub(super) fn record(
    plane: &Plane,
    kind: Kind,
    subject: EntityId,
    received: Timestamp,
    payload: Vec<u8>,
) -> Append {
    let hash = Hash128::keyed(&plane.parts.keys.subject, "subject", &[&subject.0.0]);
    let header = Header {
        subject: hash,
        control_version: plane.parts.registry.control_version(),
        ..Header::new(kind, Lane::of(subject), received)
    };
    Append { header, payload }
}
