//! One event on its way to one destination.

use millstream_event::delivery::{Class, Place};
use millstream_event::{Event, Hash128, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// See the module.
#[derive(Clone, Debug)]
pub struct Item {
    /// Where it stands in the log.
    pub place: Place,
    /// How essential it is.
    pub class: Class,
    /// The event; shared among destinations.
    pub event: Arc<Event>,
    /// The same for every attempt, also after a restart, and for every copy of the event.
    pub key: String,
}

impl Item {
    /// How long ago its event was received.
    pub fn age(&self, now: Timestamp) -> Duration {
        Duration::from_micros((now - self.event.received).0.max(0).unsigned_abs())
    }
}

/// The idempotency key of an event at a destination. Keyed, so that nobody who sees it can try
/// whether it belongs to a given event.
pub fn delivery_key(secret: &[u8; 32], destination: &str, event: &Event) -> String {
    let subject = event.subject();
    let parts: [&[u8]; 4] = [
        destination.as_bytes(),
        event.source.as_str().as_bytes(),
        &subject.0.0,
        event.id.as_str().as_bytes(),
    ];
    Hash128::keyed(secret, "delivery", &parts).to_hex()
}
