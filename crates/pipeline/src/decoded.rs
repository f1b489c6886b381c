//! A record with its payload read, once, however often it is folded again after a miss.

use crate::item::Item;
use crate::key::Key;
use crate::measured::Measured;
use crate::retention::Order;
use crate::rules::Rules;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use millstream_event::consent::Aggregate;
use millstream_event::control::Control;
use millstream_event::delivery::Delivery;
use millstream_event::envelope::{self, DecodeError};
use millstream_event::{EntityId, Event, Hash128, Kind, Quarantine, QuarantineReason, Record};
use millstream_stitch::Candidate;

/// What a payload holds.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// An event.
    Event(Box<Sighting>),
    /// An event that can no longer be read. The log's CRC holds, so this is what was written: a
    /// newer contract, or a payload that was erased.
    Lost(QuarantineReason),
    /// Something in quarantine.
    Quarantine(Quarantine),
    /// An item.
    Item(Box<Item>),
    /// A count that stands for unstored events.
    Aggregate(Aggregate),
    /// What was measured beside decisions.
    Measured(Box<Measured>),
    /// A control record; none where a newer version wrote it.
    Control(Option<Box<Control>>),
    /// Where a line of a destination stands.
    Delivery(Box<Delivery>),
    /// An order to let go of what is old.
    Order(Order),
    /// A kind whose payload the fold does not read.
    Unread,
    /// A payload of ours that is damaged: what it should be, and what is wrong.
    Damaged(&'static str, String),
}

/// An event, its names, and what decides between its copies: hashed once.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pub(crate) event: Event,
    pub(crate) subject: EntityId,
    pub(crate) candidate: Candidate,
    /// Hash of the event id, so that an id alone finds its copies.
    id: Hash128,
}

impl Sighting {
    fn of(event: Event, replay_epoch: u32) -> Self {
        let subject = event.subject();
        let candidate = Candidate::of(&event, replay_epoch);
        let id = event_name(event.id.as_str());
        Self { event, subject, candidate, id }
    }

    /// The key under which is kept which copy of the event counts.
    pub(crate) fn dedup_key(&self, rules: &Rules<'_>) -> Key {
        let whose = whose(self.subject, rules.properties.of(&self.event.source));
        Key::dedup(rules.generation, self.subject, self.id, whose)
    }
}

/// Hash of subject and property.
fn whose(subject: EntityId, property: &str) -> Hash128 {
    Hash128::of("dedup", &[&subject.0.0, property.as_bytes()])
}

/// Hash of an event id.
pub(crate) fn event_name(id: &str) -> Hash128 {
    Hash128::of("event id", &[id.as_bytes()])
}

/// The dedup key of an event of a property.
pub(crate) fn dedup_key(generation: u16, subject: EntityId, (id, property): (&str, &str)) -> Key {
    Key::dedup(generation, subject, event_name(id), whose(subject, property))
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Decoded<'a> {
    pub(crate) record: &'a Record,
    pub(crate) content: Content,
}

impl<'a> Decoded<'a> {
    /// Reads a record's payload. What cannot be read is told when the record is folded.
    pub fn of(record: &'a Record) -> Self {
        Self { record, content: content(record) }
    }

    /// The record.
    pub const fn record(&self) -> &'a Record {
        self.record
    }
}

/// True for a record that was erased: it belongs to nobody and is blank.
fn is_erased(record: &Record) -> bool {
    let blank = record.payload.first() == Some(&b' ');
    blank
        && record.header.subject == Hash128::default()
        && record.payload.iter().all(|byte| *byte == b' ')
}

fn content(record: &Record) -> Content {
    if is_erased(record) {
        return Content::Unread;
    }
    let payload = &record.payload;
    let damaged = |what, why: &dyn ToString| Content::Damaged(what, why.to_string());
    match record.header.kind {
        Kind::Event => match envelope::decode(record.header.contract_version, payload) {
            Ok(event) => Content::Event(Box::new(Sighting::of(event, record.header.replay_epoch))),
            Err(DecodeError::Unknown(_)) => Content::Lost(QuarantineReason::UnknownVersion),
            Err(DecodeError::Broken { .. }) => Content::Lost(QuarantineReason::Unreadable),
        },
        Kind::Quarantine => serde_json::from_slice(payload)
            .map_or_else(|error| damaged("quarantine", &error), Content::Quarantine),
        Kind::Item => Item::decode(payload)
            .map_or_else(|error| damaged("item", &error), |item| Content::Item(Box::new(item))),
        Kind::Aggregate => match serde_json::from_slice(payload) {
            Ok(aggregate) => Content::Aggregate(aggregate),
            // The two are told apart by their fields.
            Err(error) => serde_json::from_slice(payload)
                .map_or_else(|_| damaged("aggregate", &error), Content::Measured),
        },
        Kind::Control => Content::Control(serde_json::from_slice(payload).ok().map(Box::new)),
        Kind::Delivery => serde_json::from_slice(payload)
            .map_or_else(|error| damaged("delivery", &error), Content::Delivery),
        Kind::Tick if !payload.is_empty() => serde_json::from_slice(payload)
            .map_or_else(|error| damaged("tick", &error), Content::Order),
        Kind::Tick | Kind::Erase => Content::Unread,
    }
}
