//! Sessions: maximal runs of a device's entries of which none but the first begins a session.

use crate::agent::Agent;
use crate::entry::{ConversionFact, Entry, EntryKey, TouchFact};
use crate::numbering::Numbering;
use crate::session_rules::SessionRules;
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
    /// Connection of the first entry.
    pub connection: Option<Box<str>>,
    /// The least an entry's clock stood behind ours: what is left of it once the way here was
    /// shortest. Below zero: the client's clock is ahead.
    pub clock_behind: Option<Span>,
    /// The longest round trip that an entry told, in milliseconds.
    pub round_trip_ms: Option<u32>,
    /// How its entries are numbered by the client.
    pub numbering: Numbering,
    /// Entries received after one that happened later (RFC 4737: a reordered packet).
    pub out_of_order: u64,
    /// Names of the business events in it, each once, in order.
    pub business: Vec<Box<str>>,
    /// The campaign of its first entry, where campaigns part sessions.
    pub opening: Option<Hash128>,
    /// The last campaign in it, where campaigns part sessions.
    pub campaign: Option<Hash128>,
    /// First address.
    pub entry_url: Option<Box<str>>,
    /// Last address.
    pub exit_url: Option<Box<str>>,
    /// True when an entry's agent is a bot, or the rate is impossible.
    pub bot: bool,
    /// Times of the entries within [`RATE_SPAN`] of the last, at most [`RATE_EVENTS`]; empty once
    /// the session is a bot's.
    recent: Vec<Timestamp>,
    /// Its first touch; none while the session is direct.
    first_touch: Option<Box<TouchFact>>,
    /// Its last touch, where that is another than the first.
    last_touch: Option<Box<TouchFact>>,
}

/// A session and what it says of its entries. Kept nowhere: a session may hold any number of
/// touches, so they stay with the entries and are read off them when sessions are corrected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// The session.
    pub session: Session,
    /// Touches, equal consecutive ones collapsed; empty means that the session was direct.
    pub touches: Vec<(EntryKey, TouchFact)>,
    /// Business events.
    pub conversions: Vec<(EntryKey, ConversionFact)>,
}

impl Session {
    /// A session of one entry.
    pub fn start(entry: &Entry, rules: &SessionRules) -> Self {
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
            connection: entry.connection.clone(),
            clock_behind: None,
            round_trip_ms: None,
            numbering: Numbering::default(),
            out_of_order: 0,
            business: Vec::new(),
            opening: rules.campaign(entry),
            campaign: None,
            entry_url: None,
            exit_url: None,
            bot: false,
            recent: Vec::new(),
            first_touch: None,
            last_touch: None,
        };
        session.push(entry, rules);
        session
    }

    /// Adds the next entry in event order. True when the entry's touch is another one than the
    /// touch before it. Which entries came out of order is told by [`sessions`]: an entry received
    /// before an earlier one makes that one so.
    pub fn push(&mut self, entry: &Entry, rules: &SessionRules) -> bool {
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
        self.clock_behind = match (self.clock_behind, entry.clock_behind) {
            (Some(least), Some(behind)) => Some(least.min(behind)),
            (least, behind) => least.or(behind),
        };
        self.round_trip_ms = self.round_trip_ms.max(entry.round_trip_ms);
        self.numbering.push(entry.number);
        if let Some(conversion) = &entry.conversion
            && let Err(at) = self.business.binary_search(&conversion.name)
        {
            self.business.insert(at, conversion.name.clone());
        }
        self.judge_rate(entry);
        self.campaign = rules.campaign(entry).or(self.campaign);
        let Some(touch) = &entry.touch else { return false };
        let before = self.last_touch.as_ref().or(self.first_touch.as_ref());
        if before.is_some_and(|before| before.same_visit(touch)) {
            return false;
        }
        match &self.first_touch {
            None => self.first_touch = Some(touch.clone()),
            Some(_) => self.last_touch = Some(touch.clone()),
        }
        true
    }

    /// True when pushing this entry makes a bot's session of a person's.
    pub fn is_exposed_by(&self, entry: &Entry) -> bool {
        !self.bot && self.exposes(entry)
    }

    /// True when this entry shows that no person is there.
    fn exposes(&self, entry: &Entry) -> bool {
        let oldest = self.recent.first().filter(|_| self.recent.len() == RATE_EVENTS);
        entry.agent.bot || oldest.is_some_and(|oldest| entry.key.time - *oldest <= RATE_SPAN)
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
        let near = |time: &Timestamp| entry.key.time - *time <= RATE_SPAN;
        let far = self.recent.iter().position(near).unwrap_or(self.recent.len());
        self.recent.drain(..far);
        self.recent.push(entry.key.time);
    }

    /// True when an entry with this key lies between its ends.
    pub fn holds(&self, key: &EntryKey) -> bool {
        self.first <= *key && *key <= self.last
    }

    /// The session's id: a hash of the device and its first event.
    pub fn id(&self, device: EntityId) -> Hash128 {
        self.first.name("session", device)
    }

    /// How long after its last event's arrival the session could still change by what came late.
    pub fn resolution_delay(&self) -> Span {
        self.received_max - self.last_received
    }

    /// What led to it: its first touch; a session without any is direct.
    pub fn origin(&self) -> TouchFact {
        self.first_touch.as_deref().cloned().unwrap_or_else(direct)
    }

    /// True while no touch led to it.
    pub const fn is_direct(&self) -> bool {
        self.first_touch.is_none()
    }
}

impl SessionFacts {
    /// A session of one entry.
    pub fn start(entry: &Entry, rules: &SessionRules) -> Self {
        let session = Session::start(entry, rules);
        let touches = entry.touch.iter().map(|touch| (entry.key.clone(), (**touch).clone()));
        let touches = touches.collect();
        let mut facts = Self { session, touches, conversions: Vec::new() };
        facts.convert(entry);
        facts
    }

    fn push(&mut self, entry: &Entry, rules: &SessionRules) {
        if let (true, Some(touch)) = (self.session.push(entry, rules), &entry.touch) {
            self.touches.push((entry.key.clone(), (**touch).clone()));
        }
        self.convert(entry);
    }

    fn convert(&mut self, entry: &Entry) {
        if let Some(conversion) = &entry.conversion {
            self.conversions.push((entry.key.clone(), (**conversion).clone()));
        }
    }

    /// Its touches; a session without any begins with one direct touch.
    pub fn touches_or_direct(&self) -> Vec<(EntryKey, TouchFact)> {
        if self.touches.is_empty() {
            return alloc::vec![(self.session.first.clone(), direct())];
        }
        self.touches.clone()
    }
}

/// The touch of a session that nothing led to.
pub fn direct() -> TouchFact {
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
pub fn sessions(entries: &[Entry], rules: &SessionRules) -> Vec<SessionFacts> {
    let mut found: Vec<SessionFacts> = Vec::new();
    let mut members: Vec<&Entry> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.in_session) {
        match found.last_mut() {
            Some(open) if !rules.begins(&open.session, entry) => open.push(entry, rules),
            open => {
                close(open, &mut members);
                found.push(SessionFacts::start(entry, rules));
            }
        }
        members.push(entry);
    }
    close(found.last_mut(), &mut members);
    found
}

/// Counts which of a session's members were received after a later one.
fn close(open: Option<&mut SessionFacts>, members: &mut Vec<&Entry>) {
    let mut least = Timestamp(i64::MAX);
    let mut out_of_order = 0;
    for entry in members.drain(..).rev() {
        out_of_order += u64::from(entry.received > least);
        least = least.min(entry.received);
    }
    if let Some(open) = open {
        open.session.out_of_order = out_of_order;
    }
}
