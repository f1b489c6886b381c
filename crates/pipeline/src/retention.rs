//! What the fold lets go once it is old: orders in the log, and what a lane did by them.
//!
//! Time passes through records alone, so an order is a record, too: a tick that says something. The
//! first kind moves the instant from which on a lane keeps rows; the second removes the rows before
//! it, a bounded slice at a time. Sums are never among what goes. The third takes back what is kept of
//! somebody who is erased, sums included.

use crate::key::{Key, KeyKind};
use crate::state::Device;
use crate::value::Value;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use millstream_event::{EntityId, Hash128, Lane, Span, Timestamp};
use millstream_stitch::entry::time_of;
use serde::{Deserialize, Serialize};

/// Rows that go together, in the order in which they go: a conversion before the touches that it is
/// credited to, what an event left before the session that it was part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Conversions, which of them are one, and why their credit changed.
    Conversions,
    /// Touches.
    Touches,
    /// What is kept of each event: its entry, which copy counts, what it told of preferences.
    Events,
    /// Sessions.
    Sessions,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Conversions, Self::Touches, Self::Events, Self::Sessions];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conversions => "conversions",
            Self::Touches => "touches",
            Self::Events => "events",
            Self::Sessions => "sessions",
        }
    }

    /// The kinds of its rows. A device is among them for the sake of its latest session.
    pub const fn kinds(self) -> &'static [KeyKind] {
        match self {
            Self::Conversions => &[KeyKind::Conversion, KeyKind::Recredit, KeyKind::Namesakes],
            Self::Touches => &[KeyKind::Touch],
            Self::Events => &[KeyKind::Entry, KeyKind::Pair, KeyKind::Dedup, KeyKind::Interest],
            Self::Sessions => &[KeyKind::Session, KeyKind::Device],
        }
    }

    /// How much longer its rows stand than answers show them: what follows an event that is still
    /// taken in is found whole.
    pub const fn margin(self) -> Span {
        match self {
            Self::Conversions | Self::Touches => Span(0),
            Self::Events | Self::Sessions => MARGIN,
        }
    }
}

/// See [`Class::margin`].
pub const MARGIN: Span = Span::days(2);
/// Events received at most this long after they happened are taken in without a look at what a lane
/// keeps: nothing may be kept for a shorter time than [`DAYS_MIN`].
pub const FRESH: Span = Span::days(2);
/// The least days that a class is kept: two of lateness, five between records of one lane, two of
/// margin.
pub const DAYS_MIN: u32 = 9;
/// The most rows of one kind that one order removes.
pub const SWEEP_ROWS_MAX: usize = 1_000;

/// From when on rows are kept, by class; none where all of them are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cutoffs([Option<Timestamp>; Class::ALL.len()]);

impl Cutoffs {
    /// Of one class.
    pub const fn of(&self, class: Class) -> Option<Timestamp> {
        self.0[class as usize]
    }

    /// With another instant for a class.
    #[must_use]
    pub const fn with(mut self, class: Class, at: Option<Timestamp>) -> Self {
        self.0[class as usize] = at;
        self
    }

    /// The later of both, class by class: what was let go does not come back.
    #[must_use]
    pub fn later(mut self, other: &Self) -> Self {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own = (*own).max(other);
        }
        self
    }

    /// True when something of a class that happened at `time` is no longer kept.
    pub fn excludes(&self, class: Class, time: Timestamp) -> bool {
        self.of(class).is_some_and(|from| time < from)
    }
}

/// What a tick may say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// From now on rows before these instants are not kept: nothing changes them any more.
    Keep(Cutoffs),
    /// Rows of a class that are no longer kept go, of entities whose hash begins with these four
    /// bytes or what lies between them.
    Sweep {
        /// Which rows.
        class: Class,
        /// The first entities.
        from: u32,
        /// The last ones.
        to: u32,
    },
    /// Somebody is erased.
    Forget(Forget),
}

/// Whose events are taken back, and with them what they said and counted, as if they had never been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forget {
    /// A device, another subject of events, or a click, of the lane that is told.
    pub subject: EntityId,
    /// The users who are erased. What the subject did under the name of somebody else stays.
    pub users: BTreeSet<EntityId>,
    /// True where what it did under nobody's name goes, too: it is a device of theirs.
    pub own: bool,
    /// Whom it states identity links to.
    pub links: BTreeSet<EntityId>,
}

/// What a lane keeps, and what it let go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// From when on it keeps rows.
    pub from: Cutoffs,
    /// Rows before these instants may be gone: whatever tells of them is told a second time.
    pub swept: Cutoffs,
    /// Rows that went, by class.
    pub removed: [u64; Class::ALL.len()],
    /// Hash over every sweep: what, until when, how many, and the hash before it.
    pub digest: Hash128,
}

impl Kept {
    /// Where a lane's is.
    pub fn key(generation: u16, lane: Lane) -> Key {
        Key::new(generation, lane, KeyKind::Kept, Hash128::default())
    }

    /// Notes a sweep.
    pub(crate) fn note(&mut self, class: Class, before: Timestamp, rows: u64) {
        self.swept = self.swept.later(&Cutoffs::default().with(class, Some(before)));
        if rows == 0 {
            return;
        }
        self.removed[class as usize] += rows;
        let what = [class as u8];
        let parts: [&[u8]; 4] =
            [&self.digest.0, &what, &before.0.to_le_bytes(), &rows.to_le_bytes()];
        self.digest = Hash128::of("swept", &parts);
    }
}

/// A part of a lane in which rows that are no longer kept are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// The first key.
    pub from: Key,
    /// The last key, included.
    pub to: Key,
    /// Rows older than this are meant.
    pub before: Timestamp,
}

impl Walk {
    /// The walks of a sweep, one for each kind of row.
    pub fn of(
        (generation, lane): (u16, Lane),
        class: Class,
        (from, to): (u32, u32),
        before: Timestamp,
    ) -> Vec<Self> {
        let end = |prefix: u32, rest: u8| {
            let mut entity = [rest; 16];
            entity[..4].copy_from_slice(&prefix.to_be_bytes());
            Hash128(entity)
        };
        let walk = |kind: &KeyKind| {
            let first = Key::new(generation, lane, *kind, end(from, 0));
            let last = Key::new(generation, lane, *kind, end(to, u8::MAX));
            Self { from: first, to: last.part(u8::MAX, [u8::MAX; 16]), before }
        };
        class.kinds().iter().map(walk).collect()
    }

    /// True when a row is one of those meant.
    pub fn means(&self, key: &Key, value: &Value) -> bool {
        self.from <= *key && *key <= self.to && time(key, value).is_some_and(|at| at < self.before)
    }
}

/// When what a row tells of happened, as far as its key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyTime {
    /// At this time.
    At(Timestamp),
    /// At this time or later.
    From(Timestamp),
    /// Only its value says.
    Unsaid,
}

/// What a row's key says of [`time`]: most rows need not be read to be left alone.
pub fn key_time(kind: KeyKind, key: &Key) -> KeyTime {
    match kind {
        KeyKind::Conversion | KeyKind::Touch | KeyKind::Entry => {
            KeyTime::At(time_of(&key.suffix()))
        }
        KeyKind::Session => KeyTime::From(time_of(&key.suffix())),
        _ => KeyTime::Unsaid,
    }
}

/// When what a row tells of happened last; none for rows that do not go.
pub fn time(key: &Key, value: &Value) -> Option<Timestamp> {
    Some(match value {
        Value::Conversion(_) | Value::Touch(_) => time_of(&key.suffix()),
        Value::Recredit(change) => change.at,
        Value::Namesakes(names) => names.0.iter().map(time_of).max()?,
        Value::Entry(entry) => entry.key.time,
        Value::Pair(pair) => pair.server.key.time.max(pair.client.key.time),
        Value::Dedup(dedup) => dedup.key.time.max(dedup.candidate.received),
        Value::Interest(interest) => interest.at,
        Value::Session(session) => session.last.time,
        Value::Device(device) => latest(device)?,
        _ => return None,
    })
}

fn latest(device: &Device) -> Option<Timestamp> {
    device.latest.as_ref().map(|latest| latest.last.time)
}
