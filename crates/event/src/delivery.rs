//! Delivery records: where a destination stands in the log, and what became of what it was sent.
//!
//! A destination has a line for each class of events. Each record holds the whole standing of one
//! line, so the latest one is all that a restart needs; only dead letters are told one by one.

use crate::ids::EntityId;
use crate::lane::{Lane, Position};
use crate::time::Timestamp;
use crate::{EventKind, Hash128};
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What is sent first when not everything can be: most essential first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Business events that were configured as conversions. Never dropped.
    Conversion,
    /// Who somebody is: identify, group, alias.
    Audience,
    /// Everything else.
    Rest,
    /// A range of time sent once more because somebody asked for it.
    Replay,
}

impl Class {
    /// Every class, most essential first.
    pub const ALL: [Self; 4] = [Self::Conversion, Self::Audience, Self::Rest, Self::Replay];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conversion => "conversion",
            Self::Audience => "audience",
            Self::Rest => "rest",
            Self::Replay => "replay",
        }
    }

    /// Its place among [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The class of an event that is a conversion or not.
    pub const fn of(kind: EventKind, converts: bool) -> Self {
        match kind {
            _ if converts => Self::Conversion,
            EventKind::Identify | EventKind::Group | EventKind::Alias => Self::Audience,
            _ => Self::Rest,
        }
    }
}

/// A record's place in the log.
pub type Place = (Lane, Position);

/// Whether a destination is sent to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is.
    #[default]
    Running,
    /// Events wait for it.
    Paused,
    /// What waits is sent, nothing new is taken up.
    Draining,
    /// Events pass it by.
    Disabled,
}

impl Standing {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Disabled => "disabled",
        }
    }
}

/// Why a delivery was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadReason {
    /// The destination answered that it will never take it.
    Refused,
    /// The mapping failed on this event.
    Rule,
    /// The mapping took too long.
    RuleTimeout,
    /// The request would be larger than the destination takes.
    TooLarge,
    /// Tried as often as the policy says.
    Attempts,
    /// Older than the policy allows.
    Expired,
}

impl DeadReason {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Rule => "rule",
            Self::RuleTimeout => "rule_timeout",
            Self::TooLarge => "too_large",
            Self::Attempts => "attempts",
            Self::Expired => "expired",
        }
    }
}

/// A delivery that was given up. It names the event by its place: nothing of a person is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The event's lane.
    #[serde(rename = "l")]
    pub lane: Lane,
    /// Its place there.
    #[serde(rename = "p")]
    pub position: Position,
    /// Why.
    #[serde(rename = "r")]
    pub reason: DeadReason,
    /// What the destination answered, 0 when it did not.
    #[serde(rename = "s", default)]
    pub status: u16,
    /// When it was given up.
    #[serde(rename = "t")]
    pub at: Timestamp,
}

/// Counts since a line began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Events taken up for the destination.
    pub accepted: u64,
    /// Events that it has confirmed.
    pub delivered: u64,
    /// Events given up.
    pub dead: u64,
    /// Events that its mapping leaves out.
    pub skipped: u64,
    /// Events that consent kept from it.
    pub unconsented: u64,
    /// Events passed by at the bound of the backlog.
    pub shed: u64,
    /// Events tried more than once.
    pub delayed: u64,
    /// Requests made.
    pub attempts: u64,
}

/// A range of time that is sent once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayRange {
    /// Received from here on.
    pub from: Timestamp,
    /// Received before this.
    pub to: Timestamp,
    /// Where every lane ended when it was asked for.
    pub until: Vec<u64>,
}

/// The standing of one line of one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The destination's name.
    pub destination: Box<str>,
    /// The line.
    pub class: Class,
    /// Whether the destination is sent to.
    #[serde(default)]
    pub standing: Standing,
    /// The next position of every lane; what lies below was taken up or passed by.
    pub next: Vec<u64>,
    /// What was taken up and is neither confirmed nor given up.
    #[serde(default)]
    pub pending: Vec<Place>,
    /// Counts.
    pub totals: Totals,
    /// Given up since the record before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dead: Vec<DeadLetter>,
    /// Dead letters taken up again since the record before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revived: Vec<Place>,
    /// For [`Class::Replay`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayRange>,
    /// The [`seal`] of the line's record before this one, zeros before the first; none in records
    /// from before they were chained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Hash128>,
    /// In the state alone: the [`seal`] of the record that it was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Hash128>,
    /// In the state alone: the position of that record in the destination's lane. The log keeps it for
    /// a state that is folded anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<Position>,
}

/// The hash of a delivery record, which the next one of its line carries.
pub fn seal(payload: &[u8]) -> Hash128 {
    Hash128::of("delivery record", &[payload])
}

/// A destination as an entity: its records are in its lane.
pub fn entity(destination: &str) -> EntityId {
    EntityId(Hash128::of("destination", &[destination.as_bytes()]))
}
