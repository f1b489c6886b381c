//! How events arrived and how soon sessions could be trusted: integer sums per day and origin.
//!
//! An event adds to the sums of its origin (source, place, device, browser, connection), a business
//! event to those of its name as well, and so does the session that holds it. A report adds up
//! whichever it asks for.

use crate::key::{Key, KeyKind};
use crate::spread::Spread;
use alloc::boxed::Box;
use millstream_event::{EntityId, Event, Hash128, Lane, Span, Timestamp};
use millstream_stitch::{Agent, Session};
use serde::{Deserialize, Serialize};

/// Delays within which a session's resolution is counted: 5 s, 30 s, 5 min.
pub const WITHIN: [Span; 3] = [Span::seconds(5), Span::seconds(30), Span::minutes(5)];

/// Where events come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// Name of a business event, where the sum is of that event alone; else empty.
    pub business: Box<str>,
    /// Configured source.
    pub source: Box<str>,
    /// Country, empty when unknown. Like what follows, empty in sums of a business event.
    pub country: Box<str>,
    /// Region.
    pub region: Box<str>,
    /// Class of device.
    pub device: Box<str>,
    /// Browser family.
    pub browser: Box<str>,
    /// Kind of connection.
    pub connection: Box<str>,
}

fn known(text: Option<&str>) -> Box<str> {
    text.unwrap_or_default().into()
}

impl Origin {
    /// Of an event whose agent was recognised.
    pub fn of_event(event: &Event, agent: &Agent) -> Self {
        let hints = event.device_hints.as_ref();
        Self {
            business: Box::default(),
            source: event.source.as_str().into(),
            country: known(event.country.as_deref()),
            region: known(event.region.as_deref()),
            device: agent.device.as_str().into(),
            browser: agent.browser.clone(),
            connection: known(hints.and_then(|hints| hints.connection.as_deref())),
        }
    }

    /// Of a session: that of its first entry.
    pub fn of_session(session: &Session) -> Self {
        Self {
            business: Box::default(),
            source: session.first.source.as_str().into(),
            country: known(session.country.as_deref()),
            region: known(session.region.as_deref()),
            device: session.agent.device.as_str().into(),
            browser: session.agent.browser.clone(),
            connection: known(session.connection.as_deref()),
        }
    }

    /// Of a business event.
    pub fn of_business(name: &str) -> Self {
        Self { business: name.into(), ..Self::default() }
    }

    /// Names the origin among all.
    pub fn hash(&self) -> Hash128 {
        let texts = [
            &self.business,
            &self.source,
            &self.country,
            &self.region,
            &self.device,
            &self.browser,
            &self.connection,
        ];
        Hash128::of("origin", &texts.map(|text| text.as_bytes()))
    }
}

/// The sums of one origin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stitching {
    /// Of what.
    pub origin: Origin,
    /// Visible events.
    pub events: i64,
    /// Further copies of events.
    pub duplicates: i64,
    /// Of the events, those received later than the horizon.
    pub late: i64,
    /// Of the events, those whose client clock made no sense.
    pub clock: i64,
    /// From event time to receipt.
    pub skew: Spread,
    /// Sessions.
    pub sessions: i64,
    /// Events of these sessions that were received after one that happened later; none in sums of a
    /// business event.
    pub out_of_order: i64,
    /// Sessions resolved within [`WITHIN`] of the receipt of their last event.
    pub within: [i64; WITHIN.len()],
    /// From the receipt of a session's last event to its resolution.
    pub delay: Spread,
    /// How far clients' clocks stood from ours, in whole seconds, one a session that tells.
    pub clock_offset: Spread,
    /// The longest round trip that a session's events told, one a session that tells.
    pub round_trip: Spread,
    /// Of the sessions' events, those that their client numbered; none in sums of a business event.
    pub numbered: i64,
    /// Numbers between these that no event bears; none in sums of a business event.
    pub missing: i64,
}

impl Stitching {
    /// The sums of an origin of which nothing is known yet.
    pub fn none_of(origin: Origin) -> Self {
        Self { origin, ..Self::default() }
    }

    /// True when nothing is left of them.
    pub fn is_zero(&self) -> bool {
        *self == Self::none_of(self.origin.clone())
    }

    /// Adds other sums; what they are of stays as it is, unless it is not known yet.
    pub fn add(&mut self, other: &Self) {
        if self.origin == Origin::default() {
            self.origin = other.origin.clone();
        }
        self.events += other.events;
        self.duplicates += other.duplicates;
        self.late += other.late;
        self.clock += other.clock;
        self.skew.merge(&other.skew);
        self.sessions += other.sessions;
        self.out_of_order += other.out_of_order;
        for (sum, count) in self.within.iter_mut().zip(other.within) {
            *sum += count;
        }
        self.delay.merge(&other.delay);
        self.clock_offset.merge(&other.clock_offset);
        self.round_trip.merge(&other.round_trip);
        self.numbered += other.numbered;
        self.missing += other.missing;
    }

    /// Counts a session, or takes it back.
    pub fn count_session(&mut self, facts: &Resolution, sign: i64) {
        self.sessions += sign;
        self.out_of_order += sign * i64::try_from(facts.out_of_order).unwrap_or(i64::MAX);
        for (sum, limit) in self.within.iter_mut().zip(WITHIN) {
            *sum += sign * i64::from(facts.delay <= limit);
        }
        self.delay.add(facts.delay, sign);
        if let Some(seconds) = facts.clock_offset_s {
            self.clock_offset.add(Span::seconds(seconds), sign);
        }
        if let Some(milliseconds) = facts.round_trip_ms {
            self.round_trip.add(Span::millis(milliseconds.into()), sign);
        }
        self.numbered += sign * i64::try_from(facts.numbered).unwrap_or(i64::MAX);
        self.missing += sign * i64::try_from(facts.missing).unwrap_or(i64::MAX);
    }
}

/// What a session adds to the sums of its origin and of its business events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    delay: Span,
    out_of_order: u64,
    clock_offset_s: Option<i64>,
    round_trip_ms: Option<u32>,
    numbered: u64,
    missing: u64,
    pub(crate) business: usize,
}

impl Resolution {
    /// Of a session as it stands.
    pub fn of(session: &Session) -> Self {
        let offset = session.clock_behind.map(|behind| behind.magnitude().as_millis() / 1_000);
        Self {
            delay: session.resolution_delay(),
            out_of_order: session.out_of_order,
            clock_offset_s: offset,
            round_trip_ms: session.round_trip_ms,
            numbered: session.numbering.numbered,
            missing: session.numbering.missing,
            business: session.business.len(),
        }
    }

    /// What the session adds to the sums of a business event in it: its other events are none.
    #[must_use]
    pub const fn of_business(self) -> Self {
        Self { out_of_order: 0, numbered: 0, missing: 0, ..self }
    }
}

/// Where a sum stands: its lane, the UTC day of the event or of the session's first, whether bots
/// made it.
#[derive(Clone, Copy, Debug)]
pub struct StitchingPlace {
    /// Generation.
    pub generation: u16,
    /// Lane that keeps the sum.
    pub lane: Lane,
    /// UTC day.
    pub day: i32,
    /// True when bots made it.
    pub bot: bool,
}

impl StitchingPlace {
    /// The place of what `subject` did at `time`.
    pub const fn of(generation: u16, subject: EntityId, (time, bot): (Timestamp, bool)) -> Self {
        Self { generation, lane: Lane::of(subject), day: time.utc_day(), bot }
    }

    /// The key of an origin's sums here.
    pub fn key(&self, origin: Hash128) -> Key {
        let mut entity = [0; 16];
        entity[0] = u8::from(self.bot);
        // Days before 1970 sort before those after it.
        let day = (i64::from(self.day) - i64::from(i32::MIN)) as u32;
        entity[1..5].copy_from_slice(&day.to_be_bytes());
        Key::new(self.generation, self.lane, KeyKind::Stitching, Hash128(entity))
            .with_suffix(origin)
    }
}

/// The UTC day that a sum's key names.
pub fn stitching_day(key: &Key) -> i32 {
    let entity = key.entity_id().0.0;
    let day = u32::from_be_bytes([entity[1], entity[2], entity[3], entity[4]]);
    (i64::from(day) + i64::from(i32::MIN)) as i32
}

/// True when bots made what a sum's key names.
pub fn is_of_bots(key: &Key) -> bool {
    key.entity_id().0.0[0] != 0
}
