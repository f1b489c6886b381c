//! Sessions: maximal runs of a device's entries with gaps of at most the timeout.

use crate::agent::Agent;
use crate::entry::{ConversionFact, Entry, EntryKey, TouchFact};
use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_event::{Arrival, Campaign, Channel, EntityId, Hash128, Span, Timestamp};
use serde::{Deserialize, Serialize};

/// More than this many events within [`RATE_SPAN`] of event time: no person does that.
pub const RATE_EVENTS: usize = 20;
/// See [`RATE_EVENTS`].
pub const RATE_SPAN: Span = Span::seconds(10);

/// Everything that is said of one session. A fold over its entries in event order: pushing the
/// next entry gives what a fold over all of them would give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its first entry: with the device it names the session.
    pub first: EntryKey,
    /// Its last entry.
    pub last: EntryKey,
    /// Receive stamp of the last entry.
    pub last_received: Timestamp,
    /// Greatest receive stamp.
    pub received_max: Timestamp,
    /// Entries.
    pub events: u64,
    /// Page and screen views.
    pub page_views: u64,
    /// Agent of the first entry.
    pub agent: Agent,
    /// Country of the first entry.
    pub country: Option<Box<str>>,
    /// Region of the first entry.
    pub region: Option<Box<str>>,
    /// First address.
    pub entry_url: Option<Box<str>>,
    /// Last address.
    pub exit_url: Option<Box<str>>,
    /// True when an entry's agent is a bot, or the rate is impossible.
    pub bot: bool,
    /// Times of the last entries, at most [`RATE_EVENTS`]; empty once the session is a bot's.
    recent: Vec<Timestamp>,
    /// Touches, equal consecutive ones collapsed; empty means that the session was direct.
    pub touches: Vec<(EntryKey, TouchFact)>,
    /// Business events.
    pub conversions: Vec<(EntryKey, ConversionFact)>,
}

impl Session {
    /// A session of one entry.
    pub fn start(entry: &Entry) -> Self {
        let mut session = Self {
            first: entry.key.clone(),
            last: entry.key.clone(),
            last_received: entry.received,
            received_max: entry.received,
            events: 0,
            page_views: 0,
            agent: entry.agent.clone(),
            country: entry.country.clone(),
            region: entry.region.clone(),
            entry_url: None,
            exit_url: None,
            bot: false,
            recent: Vec::new(),
            touches: Vec::new(),
            conversions: Vec::new(),
        };
        session.push(entry);
        session
    }

    /// Adds the next entry in event order.
    pub fn push(&mut self, entry: &Entry) {
        self.last = entry.key.clone();
        self.last_received = entry.received;
        self.received_max = self.received_max.max(entry.received);
        self.events += 1;
        self.page_views += u64::from(entry.view);
        if entry.url.is_some() {
            self.exit_url.clone_from(&entry.url);
            if self.entry_url.is_none() {
                self.entry_url.clone_from(&entry.url);
            }
        }
        self.judge_rate(entry);
        if let Some(touch) = &entry.touch
            && !self.touches.last().is_some_and(|(_, last)| last.same_visit(touch))
        {
            self.touches.push((entry.key.clone(), (**touch).clone()));
        }
        if let Some(conversion) = &entry.conversion {
            self.conversions.push((entry.key.clone(), (**conversion).clone()));
        }
    }

    /// True when pushing this entry changes nothing that anyone else is told: no touch, no
    /// conversion, no verdict on bots.
    pub fn absorbs(&self, entry: &Entry) -> bool {
        let last = self.touches.last();
        let told = entry
            .touch
            .as_ref()
            .is_none_or(|touch| last.is_some_and(|(_, last)| last.same_visit(touch)));
        told && entry.conversion.is_none() && (self.bot || !self.exposes(entry))
    }

    /// True when this entry shows that no person is there.
    fn exposes(&self, entry: &Entry) -> bool {
        let oldest = (self.recent.len() == RATE_EVENTS).then(|| self.recent[0]);
        entry.agent.bot || oldest.is_some_and(|oldest| entry.key.time - oldest <= RATE_SPAN)
    }

    fn judge_rate(&mut self, entry: &Entry) {
        if self.bot {
            return;
        }
        if self.exposes(entry) {
            self.bot = true;
            self.recent = Vec::new();
            return;
        }
        if self.recent.len() == RATE_EVENTS {
            self.recent.remove(0);
        }
        self.recent.push(entry.key.time);
    }

    /// True when an entry at `time` would belong to this session or touch its ends.
    pub fn reaches(&self, time: Timestamp, timeout: Span) -> bool {
        self.first.time - time <= timeout && time - self.last.time <= timeout
    }

    /// The session's id: a hash of the device and its first event.
    pub fn id(&self, device: EntityId) -> Hash128 {
        self.first.name("session", device)
    }

    /// How long after its last event's arrival the session could still change by what came late.
    pub fn resolution_delay(&self) -> Span {
        self.received_max - self.last_received
    }

    /// Its touches; a session without any begins with one direct touch.
    pub fn touches_or_direct(&self) -> Vec<(EntryKey, TouchFact)> {
        if self.touches.is_empty() {
            return alloc::vec![(self.first.clone(), direct())];
        }
        self.touches.clone()
    }

    /// Its first touch.
    pub fn origin(&self) -> TouchFact {
        self.touches.first().map_or_else(direct, |(_, touch)| touch.clone())
    }
}

/// The touch of a session that nothing led to.
fn direct() -> TouchFact {
    TouchFact {
        arrival: Arrival {
            source: "(direct)".into(),
            medium: "(none)".into(),
            channel: Channel::new(Channel::DIRECT),
        },
        campaign: Campaign::default(),
        click: None,
    }
}

/// The sessions of entries in event order; entries that form none are passed over.
pub fn sessions<'a>(entries: impl Iterator<Item = &'a Entry>, timeout: Span) -> Vec<Session> {
    let mut found: Vec<Session> = Vec::new();
    for entry in entries.filter(|entry| entry.in_session) {
        match found.last_mut() {
            Some(open) if entry.key.time - open.last.time <= timeout => open.push(entry),
            _ => found.push(Session::start(entry)),
        }
    }
    found
}
