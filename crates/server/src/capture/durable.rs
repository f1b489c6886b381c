//! The one way into the log: a group, a wait, an answer.

use super::acknowledged::Outcome;
use super::plane::Plane;
use super::refusal::Refusal;
use millstream_event::{EntityId, Event, Hash128, Header, Kind, Lane, Quarantine, Timestamp};
use millstream_log::{AppendError, Draft};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Appends a group and waits until it is durable, at most `patience`. When the wait ends early the
/// group may still become durable: ids make the retry harmless.
pub(super) async fn append(plane: &Plane, group: Draft, patience: Duration) -> Result<(), Refusal> {
    match tokio::time::timeout(patience, submit(plane, group)?).await {
        Ok(Ok(outcome)) => outcome.map_err(Refusal::from),
        Ok(Err(_)) => Err(Refusal::from(AppendError::Closed)),
        Err(_) => Err(Refusal::LogOverloaded),
    }
}

/// Appends a group; what becomes of it is told later.
pub(super) fn submit(plane: &Plane, group: Draft) -> Result<oneshot::Receiver<Outcome>, Refusal> {
    let (sender, receiver) = oneshot::channel();
    let acknowledgements = Arc::clone(&plane.acknowledgements);
    plane.parts.log.append_draft(
        group,
        Box::new(move |outcome| acknowledgements.take(sender, outcome.map(|_| ()))),
    )?;
    Ok(receiver)
}

/// Adds the record of an event.
pub(super) fn add_event(plane: &Plane, draft: &mut Draft, event: &Event) {
    let header = header(plane, Kind::Event, event.subject(), event.received);
    draft.add(header, |out| event.encode_into(out));
}

/// Adds the record of a quarantined item.
pub(super) fn add_quarantine(
    plane: &Plane,
    draft: &mut Draft,
    item: &Quarantine,
) -> Result<(), Refusal> {
    // Only history is without, and it does not come in here.
    let received = item.received.ok_or(Refusal::Internal)?;
    add_json(draft, header(plane, Kind::Quarantine, item.subject(), received), item)
}

/// Adds a record of something that is seldom enough for serde.
pub(super) fn add_json(
    draft: &mut Draft,
    header: Header,
    value: &impl Serialize,
) -> Result<(), Refusal> {
    let payload = serde_json::to_vec(value).map_err(|_| Refusal::Internal)?;
    draft.add(header, |out| out.extend_from_slice(&payload));
    Ok(())
}

/// The header of a record of `subject`, in its lane.
pub(super) fn header(plane: &Plane, kind: Kind, subject: EntityId, received: Timestamp) -> Header {
    Header {
        subject: Hash128::keyed(&plane.parts.keys.subject, "subject", &[&subject.0.0]),
        control_version: plane.parts.registry.control_version(),
        ..Header::new(kind, Lane::of(subject), received)
    }
}
