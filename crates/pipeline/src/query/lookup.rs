//! Single things looked up: for audits, for the events table, for the registry of links.

use super::tables::session_row;
use super::{ReadError, Rows, StateRead, read, session_at, walk};
use crate::decoded::{dedup_key, event_name};
use crate::key::{Key, KeyKind};
use crate::rows::SessionRow;
use crate::state::{Click, Dedup, Device, Member, Person, Quarantined};
use crate::value::{Stored, Value};
use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_event::{ClickId, EntityId, Event, Hash128, Lane, Position, SourceId};
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
    let found = dedups(state, generation, event_id)?;
    found.into_iter().map(|(lane, dedup)| trace(state, generation, lane, dedup)).collect()
}

pub(super) fn dedups(
    state: &dyn StateRead,
    generation: u16,
    event_id: &str,
) -> Result<Vec<(Lane, Dedup)>, ReadError> {
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
    Ok(found)
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

/// The name of whoever landed with a click of ours first: an id as sent, or `user:` and a user's.
/// Before any landing it is the first-party id that the redirect saw.
///
/// # Errors
/// When the state cannot be read.
pub fn landed_by(
    state: &dyn StateRead,
    generation: u16,
    click: &ClickId,
) -> Result<Option<Box<str>>, ReadError> {
    let key = Key::entity(generation, KeyKind::Click, EntityId::click(click));
    let Some(click) = read::<Click>(state, &key)? else { return Ok(None) };
    let landings = click.landings.iter();
    let landings = landings.filter_map(|((who, _), item)| Some((&item.body.as_ref()?.key, *who)));
    if let Some((_, who)) = landings.min() {
        return Ok(device(state, generation, who)?.map(|device| device.name));
    }
    let seen = click.logged.values().find_map(|fact| fact.touch.click.as_ref()?.ms_id.as_ref());
    Ok(seen.map(|id| id.as_str().into()))
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
