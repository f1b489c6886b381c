//! Single things looked up: for audits, for the events table, for the registry of links.

use super::tables::{conversion_row, credit_rows, session_row, touch_row, touches_before};
use super::{ReadError, Rows, StateRead, between, read, session_at, walk};
use crate::decoded::{dedup_key, event_name};
use crate::key::{Key, KeyKind};
use crate::rows::{ConversionRow, CreditRow, SessionRow, TouchRow};
use crate::state::{Dedup, Device, KnownConversion, KnownTouch, Member, Person, Quarantined};
use crate::value::{Stored, Value};
use alloc::vec::Vec;
use millstream_attribute::Conversion;
use millstream_attribute::credit::in_window;
use millstream_event::control::Control;
use millstream_event::{
    EntityId, Event, Hash128, Lane, Position, Revision, SourceId, Span, Timestamp,
};
use millstream_stitch::entry::{first_at, last_at};
use millstream_stitch::{Entry, Properties};

/// What became of an event record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It counts; where it is part of a session, this one.
    Visible {
        /// The session.
        session_id: Option<Hash128>,
        /// The person.
        person_id: EntityId,
    },
    /// Another copy counts.
    Duplicate,
    /// Not folded yet.
    InFlight,
}

impl Outcome {
    /// The stable name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Visible { .. } => "visible",
            Self::Duplicate => "duplicate",
            Self::InFlight => "in_flight",
        }
    }
}

/// An event by the names that tables show of it.
#[derive(Clone, Copy, Debug)]
pub struct EventName<'a> {
    /// Whose event it is.
    pub subject: EntityId,
    /// Its id.
    pub id: &'a str,
    /// Its source.
    pub source: &'a SourceId,
}

impl<'a> EventName<'a> {
    /// The name of an event.
    pub fn of(event: &'a Event) -> Self {
        Self { subject: event.subject(), id: event.id.as_str(), source: &event.source }
    }

    /// The key that tells which copy of the event counts.
    pub fn key(&self, (generation, properties): (u16, &Properties)) -> Key {
        dedup_key(generation, self.subject, (self.id, properties.of(self.source)))
    }
}

/// The copy of an event that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counting {
    /// Its record.
    pub position: Position,
    /// The record that tells the rest of the same action: the browser's or the app's, where the
    /// one that counts is a server's.
    pub other: Option<Position>,
    /// How many copies there are, itself included.
    pub copies: u64,
    /// The session it stands in.
    pub session_id: Option<Hash128>,
    /// The person it belongs to.
    pub person_id: EntityId,
}

impl Counting {
    /// What became of the copy at `position`.
    pub fn outcome_of(&self, position: Position) -> Outcome {
        if self.position != position {
            return Outcome::Duplicate;
        }
        Outcome::Visible { session_id: self.session_id, person_id: self.person_id }
    }

    /// True when the copy at `position` is one of those that the event is made of.
    pub fn is_made_of(&self, position: Position) -> bool {
        self.position == position || self.other == Some(position)
    }
}

/// The counting copy of the event with this key; none before one is folded. `in_session` says
/// whether events like this form sessions ([`Event::forms_session`]).
///
/// # Errors
/// When the state cannot be read.
pub fn counting_at(
    state: &dyn StateRead,
    generation: u16,
    key: &Key,
    in_session: bool,
) -> Result<Option<Counting>, ReadError> {
    let Some(dedup) = read::<Dedup>(state, key)? else { return Ok(None) };
    let subject = dedup.subject;
    let device = read::<Device>(state, &Key::entity(generation, KeyKind::Device, subject))?;
    let in_session = dedup.other.as_ref().map_or(in_session, |other| other.in_session);
    let session = match device.as_ref().filter(|_| in_session) {
        Some(device) => session_at(state, generation, (subject, device), &dedup.key)?,
        None => None,
    };
    Ok(Some(Counting {
        position: dedup.position,
        other: dedup.other.as_ref().map(|other| other.position),
        copies: dedup.copies_total(),
        session_id: session.map(|session| session.id(subject)),
        person_id: device.as_ref().map_or(subject, |device| device.person),
    }))
}

/// Everything known of one event id: each subject that used it.
#[derive(Clone, Debug)]
pub struct EventTrace {
    /// The lane of its subject.
    pub lane: Lane,
    /// Its dedup entry: the counting copy's place, copies, conflicts.
    pub dedup: Dedup,
    /// Its session, when it is part of one.
    pub session: Option<SessionRow>,
    /// Its subject's person.
    pub person_id: EntityId,
}

/// Every event with this id, whatever its source and subject.
///
/// # Errors
/// When the state cannot be read.
pub fn copies(
    state: &dyn StateRead,
    generation: u16,
    event_id: &str,
) -> Result<Vec<EventTrace>, ReadError> {
    let id = event_name(event_id);
    let mut found = Vec::new();
    for lane in Lane::all() {
        let [a, b, c, d] = Key::prefix(generation, lane, KeyKind::Dedup);
        let prefix = [&[a, b, c, d][..], &id.0].concat();
        state.scan(&prefix, &mut |_, bytes| {
            if let Value::Dedup(dedup) = Value::decode(bytes)? {
                found.push((lane, *dedup));
            }
            Ok(true)
        })?;
    }
    found.into_iter().map(|(lane, dedup)| trace(state, generation, lane, dedup)).collect()
}

fn trace(
    state: &dyn StateRead,
    generation: u16,
    lane: Lane,
    dedup: Dedup,
) -> Result<EventTrace, ReadError> {
    let device = read::<Device>(state, &Key::entity(generation, KeyKind::Device, dedup.subject))?;
    let row = dedup.key.timed_name("entry", dedup.subject);
    let row = Key::row(generation, KeyKind::Entry, dedup.subject, row);
    let in_session = read::<Entry>(state, &row)?.is_some_and(|entry| entry.in_session);
    let session = match device.as_ref().filter(|_| in_session) {
        Some(device) => session_at(state, generation, (dedup.subject, device), &dedup.key)?
            .map(|session| session_row(dedup.subject, device, &session)),
        None => None,
    };
    let person_id = device.map_or(dedup.subject, |device| device.person);
    Ok(EventTrace { lane, dedup, session, person_id })
}

/// A subject's state.
///
/// # Errors
/// When the state cannot be read.
pub fn device(
    state: &dyn StateRead,
    generation: u16,
    subject: EntityId,
) -> Result<Option<Device>, ReadError> {
    read(state, &Key::entity(generation, KeyKind::Device, subject))
}

/// The devices and other subjects that belong to a person, in order.
///
/// # Errors
/// When the state cannot be read.
pub fn members(
    state: &dyn StateRead,
    generation: u16,
    person: EntityId,
) -> Result<Vec<EntityId>, ReadError> {
    let shelf = Key::row(generation, KeyKind::Member, person, Hash128::default());
    let mut found = Vec::new();
    state.scan(&shelf.as_bytes()[..Key::SHELF_BYTES], &mut |key, bytes| {
        let alive = Member::take(Value::decode(bytes)?).is_some_and(|member| member.body.is_some());
        if let Some(key) = Key::from_bytes(key).filter(|_| alive) {
            found.push(EntityId(key.suffix()));
        }
        Ok(true)
    })?;
    Ok(found)
}

/// A person's state.
///
/// # Errors
/// When the state cannot be read.
pub fn person(
    state: &dyn StateRead,
    generation: u16,
    id: EntityId,
) -> Result<Option<Person>, ReadError> {
    read(state, &Key::entity(generation, KeyKind::Person, id))
}

/// The whole chain behind one conversion.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The conversion.
    pub conversion: ConversionRow,
    /// The person's touches that lie within the window before it, in order.
    pub touches: Vec<TouchRow>,
    /// Its credits under every model.
    pub credits: Vec<CreditRow>,
}

/// The chain behind a conversion named by its conversion id, its event id or its order number.
/// Walks the people: cost grows with them.
///
/// # Errors
/// When the state cannot be read.
pub fn conversion(
    state: &dyn StateRead,
    generation: u16,
    window: Span,
    name: &str,
) -> Result<Vec<Chain>, ReadError> {
    let id = Hash128::parse_hex(name);
    let mut found = Vec::new();
    walk::<KnownConversion>(state, generation, KeyKind::Conversion, &mut |key, known| {
        let Some(conversion) = &known.body else { return Ok(true) };
        let named = Some(conversion.id) == id
            || conversion.key.id.as_str() == name
            || conversion.order.as_deref() == Some(name);
        if named {
            let revision = Revision(known.version);
            let owner = (key.entity_id(), revision);
            found.push(chain(state, generation, (owner, conversion), window)?);
        }
        Ok(true)
    })?;
    Ok(found)
}

fn chain(
    state: &dyn StateRead,
    generation: u16,
    ((owner, revision), conversion): ((EntityId, Revision), &Conversion),
    window: Span,
) -> Result<Chain, ReadError> {
    let mut touches = touches_before(state, generation, (owner, conversion), window)?;
    touches.retain(|known| {
        known.body.as_ref().is_some_and(|touch| in_window(touch, conversion, window))
    });
    let place = |known: &KnownTouch| known.body.as_ref().map(|touch| (touch.key.clone(), touch.id));
    touches.sort_by_cached_key(place);
    let person = person(state, generation, owner)?.unwrap_or_default();
    let rows = touches.iter().filter_map(|known| Some((known.version, known.body.as_ref()?)));
    Ok(Chain {
        conversion: conversion_row(owner, conversion, revision),
        touches: rows.map(|(v, touch)| touch_row(owner, touch, Revision(v))).collect(),
        credits: credit_rows((owner, person.revision), &touches, conversion, window),
    })
}

/// The event id behind a touch that a person had at `time`.
///
/// # Errors
/// When the state cannot be read.
pub fn touch_event(
    state: &dyn StateRead,
    generation: u16,
    person: EntityId,
    (touch, time): (Hash128, Timestamp),
) -> Result<Option<alloc::boxed::Box<str>>, ReadError> {
    let key = |name| Key::row(generation, KeyKind::Touch, person, name);
    let known: Vec<KnownTouch> = between(state, (&key(first_at(time)), &key(last_at(time))))?;
    let found = known.into_iter().filter_map(|known| known.body).find(|one| one.id == touch);
    Ok(found.map(|touch| touch.key.id.as_str().into()))
}

/// Everything in quarantine, in key order: (lane, id, entry).
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn quarantine(
    state: &dyn StateRead,
    generation: u16,
    rows: Rows<'_, (Lane, Hash128, Quarantined)>,
) -> Result<(), ReadError> {
    walk::<Quarantined>(
        state,
        generation,
        KeyKind::Quarantine,
        &mut |key, entry| match key.lane() {
            Some(lane) if entry.stands() => rows((lane, key.entity_id().0, entry)),
            _ => Ok(true),
        },
    )
}

/// Every control record, oldest first, with its place in the control lane.
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn controls(
    state: &dyn StateRead,
    generation: u16,
    rows: Rows<'_, (Position, Control)>,
) -> Result<(), ReadError> {
    state.scan(&Key::prefix(generation, Lane::CONTROL, KeyKind::Control), &mut |key, bytes| {
        let (Some(key), Value::Control(payload)) = (Key::from_bytes(key), Value::decode(bytes)?)
        else {
            return Ok(true);
        };
        let ordinal = key.entity_id().0.0;
        let mut position = [0; 8];
        position.copy_from_slice(&ordinal[8..]);
        match serde_json::from_slice(&payload) {
            Ok(control) => rows((Position(u64::from_be_bytes(position)), control)),
            Err(error) => {
                Err(ReadError::Store(alloc::format!("a control record cannot be read: {error}")))
            }
        }
    })
}
