//! Which of several copies of an event counts.

use alloc::vec::Vec;
use millstream_event::{Event, Flags, Hash128, Timestamp};
use serde::{Deserialize, Serialize};

/// What decides between copies of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// 0 at capture, higher for replays after a rule change.
    pub replay_epoch: u32,
    /// When it was received.
    pub received: Timestamp,
    /// When the client says it sent it.
    pub sent: Timestamp,
    /// Hash over what the client said, without any receive stamp.
    pub content: Hash128,
    /// True when it came through an import.
    pub imported: bool,
}

/// What a copy means to the copies before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No copy came before.
    First,
    /// The copy that came before stays.
    Loses,
    /// It replaces the copy that came before.
    Replaces,
}

impl Candidate {
    /// Reads a candidate off an event.
    pub fn of(event: &Event, replay_epoch: u32) -> Self {
        Self {
            replay_epoch,
            received: event.received,
            sent: event.correction.sent.unwrap_or_default(),
            content: content(event),
            imported: event.flags.has(Flags::IMPORTED),
        }
    }

    /// The greatest replay epoch wins, then the least (received, sent, content); a live copy goes
    /// before an imported one. Copies that rank equal are equal in all that the fold reads.
    pub fn beats(&self, other: &Self) -> bool {
        let rank = |c: &Self| {
            (core::cmp::Reverse(c.replay_epoch), c.received, c.sent, c.content, c.imported)
        };
        rank(self) < rank(other)
    }

    /// What this copy means when `before` already stands.
    pub fn against(&self, before: Option<&Self>) -> Verdict {
        match before {
            None => Verdict::First,
            Some(before) if self.beats(before) => Verdict::Replaces,
            Some(_) => Verdict::Loses,
        }
    }
}

/// Equal for copies that say the same, whenever and however often they were sent.
fn content(event: &Event) -> Hash128 {
    fn text(value: Option<&str>) -> &[u8] {
        value.map_or(&[], str::as_bytes)
    }
    let client_time = event.correction.client.unwrap_or(event.event_time);
    Hash128::of(
        "content",
        &[
            &[event.kind as u8, event.surface as u8],
            &client_time.0.to_le_bytes(),
            text(event.name.as_deref()),
            text(event.user_id.as_ref().map(|id| id.as_str())),
            text(event.page.url.as_deref()),
            text(event.page.referrer.as_deref()),
            text(event.user_agent.as_deref()),
            text(event.properties.as_ref().map(|json| json.get())),
            text(event.traits.as_ref().map(|json| json.get())),
            text(event.context.as_ref().map(|json| json.get())),
            &stamped(event),
        ],
    )
}

/// The smaller fields, in one piece. Failing needs memory to run out; nothing is then told apart.
fn stamped(event: &Event) -> Vec<u8> {
    let names = (
        &event.previous_id,
        &event.group_id,
        (event.sequence, event.round_trip_ms),
        &event.page.title,
        &event.device_hints,
    );
    let origin = (&event.campaign, &event.arrival, &event.click, &event.country, &event.region);
    let worth = (event.value, &event.order_id, event.consent, event.flags.without(Flags::IMPORTED));
    postcard::to_allocvec(&(names, origin, worth)).unwrap_or_default()
}
