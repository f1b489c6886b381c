//! A visitor's profile: what they did last, and nothing that names them.

use crate::candidate::ItemId;
use alloc::vec::Vec;
use millstream_event::Timestamp;

/// One thing that a visitor did with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The item.
    pub item: ItemId,
    /// How strongly it tells of a preference: 1 for a look, more for an order.
    pub weight: u8,
    /// When.
    pub at: Timestamp,
}

/// What a decision knows of a visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// What they did, latest first, at most [`Self::SEEN_MAX`].
    pub seen: Vec<Seen>,
    /// When what it says was read from committed state.
    pub read_at: Timestamp,
    /// True when records of the visitor's lane were still to be folded when it was read.
    pub behind: bool,
    /// True when the visitor's last logged choice denies personalization.
    pub denied: bool,
}

impl Profile {
    /// Most things that a profile holds.
    pub const SEEN_MAX: usize = 32;

    /// True when it tells of no preference.
    pub const fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// The profile as it was at `then`: what was done later is left out.
    #[must_use]
    pub fn as_of(&self, then: Timestamp) -> Self {
        let seen = self.seen.iter().filter(|seen| seen.at < then).copied().collect();
        Self { seen, read_at: then, behind: self.behind, denied: self.denied }
    }

    /// The profile without its latest `events`: what a decision would know that lags so far.
    #[must_use]
    pub fn stale_by(&self, events: usize) -> Self {
        Self { seen: self.seen.iter().skip(events).copied().collect(), ..self.clone() }
    }

    /// When the visit began that its latest events belong to: gaps of more than `gap` end it.
    pub fn session_start(&self, gap: millstream_event::Span) -> Option<Timestamp> {
        let mut start = self.seen.first()?.at;
        for seen in &self.seen {
            if start - seen.at > gap {
                break;
            }
            start = seen.at;
        }
        Some(start)
    }
}
