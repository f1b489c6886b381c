//! When an event begins a session, property by property.

use crate::entry::Entry;
use crate::session::Session;
use crate::zone::Zone;
use alloc::collections::BTreeMap;
use millstream_event::{Hash128, SourceId, Span, Timestamp};
use serde::{Deserialize, Serialize};

/// When an event of one property begins a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRule {
    /// It does after a gap longer than this.
    pub timeout: Span,
    /// It does when it bears another campaign than the session before it.
    pub by_campaign: bool,
    /// It does on another day of this zone than the event before it.
    pub by_day: Option<Zone>,
}

impl Default for SessionRule {
    /// Gaps of more than 30 min alone.
    fn default() -> Self {
        Self { timeout: Span::minutes(30), by_campaign: false, by_day: None }
    }
}

/// The rules of every property. An event follows those of its own source, whatever came before it:
/// so whether it begins a session depends on nothing that comes after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRules {
    /// Where a source has no rule of its own.
    pub usual: SessionRule,
    /// By source.
    pub of_source: BTreeMap<SourceId, SessionRule>,
}

impl SessionRules {
    /// Sessions that end after gaps longer than `timeout`.
    pub fn of_timeout(timeout: Span) -> Self {
        Self { usual: SessionRule { timeout, ..SessionRule::default() }, ..Self::default() }
    }

    /// The rule for events of a source.
    pub fn of(&self, source: &SourceId) -> &SessionRule {
        self.of_source.get(source).unwrap_or(&self.usual)
    }

    fn all(&self) -> impl Iterator<Item = &SessionRule> {
        [&self.usual].into_iter().chain(self.of_source.values())
    }

    /// Events further apart than this are never in one session.
    pub fn reach(&self) -> Span {
        self.all().map(|rule| rule.timeout).max().unwrap_or_default()
    }

    /// True when some property parts sessions by campaigns.
    fn by_campaign(&self) -> bool {
        self.all().any(|rule| rule.by_campaign)
    }

    /// True when some property parts sessions by days.
    pub fn by_day(&self) -> bool {
        self.all().any(|rule| rule.by_day.is_some())
    }

    /// The campaign that an entry brings, where any property asks for it.
    pub(crate) fn campaign(&self, entry: &Entry) -> Option<Hash128> {
        entry.touch.as_ref().filter(|_| self.by_campaign())?.campaign()
    }

    /// True when the next entry in event order begins another session.
    pub fn begins(&self, open: &Session, entry: &Entry) -> bool {
        let (source, time) = (&entry.key.source, entry.key.time);
        self.part(open, (source, time), || self.campaign(entry))
    }

    /// True when the session after an open one begins where it does, whatever became of the open
    /// one meanwhile.
    pub fn parted(&self, open: &Session, next: &Session) -> bool {
        self.part(open, (&next.first.source, next.first.time), || next.opening)
    }

    /// Events of one instant are never parted: an instant has one session at most.
    fn part(
        &self,
        open: &Session,
        (source, time): (&SourceId, Timestamp),
        campaign: impl FnOnce() -> Option<Hash128>,
    ) -> bool {
        let rule = self.of(source);
        let before = open.last.time;
        if time - before > rule.timeout {
            return true;
        }
        if time == before {
            return false;
        }
        let another_day = || {
            let zone = rule.by_day.as_ref();
            zone.is_some_and(|zone| zone.day(before) != zone.day(time))
        };
        let another_campaign = || {
            let campaign = campaign();
            campaign.is_some() && campaign != open.campaign
        };
        another_day() || (rule.by_campaign && another_campaign())
    }
}
