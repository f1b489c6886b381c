//! The fold: one record against the view.
//!
//! Every branch reads first and changes afterwards: a [`ApplyError::Miss`] leaves the view as it
//! was, so the record can be folded again once the keys named are loaded.

mod arrivals;
mod click;
mod correction;
mod delivery;
mod device;
mod earning;
mod event;
mod facts;
mod forget;
mod graph;
mod history;
mod interest;
mod ledger;
mod links;
mod namesakes;
mod order;
mod person;
mod plan;
mod retention;

pub(crate) use click::effective as effective_click;
pub(crate) use delivery::line_key;
pub(crate) use order::verdict as order_verdict;

use crate::decoded::{Content, Decoded};
use crate::item::{Body, Item, ItemKind};
use crate::key::{Key, KeyKind};
use crate::measured::Measured;
use crate::rules::Rules;
use crate::state::Quarantined;
use crate::view::{ApplyError, Stamp, View};
use alloc::vec::Vec;
use millstream_event::control::Control;
use millstream_event::{
    EntityId, EventKind, Hash128, Lane, Quarantine, QuarantineReason, Record, SourceId,
};

/// Folds one record: changes the view, or says which keys must be loaded first.
///
/// # Errors
/// [`ApplyError::Miss`] before anything changed; [`ApplyError::State`] and [`ApplyError::Record`]
/// when state or payload are damaged: the lane must stop.
pub fn apply(view: &mut View, rules: &Rules<'_>, decoded: &Decoded<'_>) -> Result<(), ApplyError> {
    let record = decoded.record;
    let header = &record.header;
    let stamp = Stamp {
        generation: rules.generation,
        position: record.position,
        received: header.received,
    };
    match &decoded.content {
        Content::Event(sighting) if sighting.event.kind == EventKind::Click => {
            click::apply(view, rules, (record, sighting), stamp)?;
        }
        Content::Event(sighting) => event::apply(view, rules, (record, sighting), stamp)?,
        Content::Lost(reason) => {
            let place = [header.lane.number(), 0];
            let id = Hash128::of("unreadable", &[&place, &record.position.0.to_le_bytes()]);
            let source = &SourceId::unknown();
            quarantine(
                view,
                record,
                &Verdict { id, reason: *reason, source, resolved: false },
                stamp,
            )?;
        }
        Content::Quarantine(entry) => {
            let Quarantine { id, reason, ref source, resolved, .. } = *entry;
            quarantine(view, record, &Verdict { id, reason, source, resolved }, stamp)?;
        }
        Content::Item(item) if header.generation == rules.generation => {
            apply_item(view, rules, (record, item), stamp)?;
        }
        Content::Item(_) => {}
        Content::Aggregate(aggregate) => {
            let count = i64::try_from(aggregate.count).unwrap_or(i64::MAX);
            view.count(stamp.generation, header.lane, |counts| counts.unconsented += count);
        }
        Content::Measured(measured) => {
            measure(view, rules.generation, (measured, header.received.utc_day()))?;
        }
        Content::Control(control) => {
            let key = Key::control(rules.generation, record.position);
            view.put(key, crate::value::Value::Control(record.payload.clone()));
            if let Some(Control::Ledger(change)) = control.as_deref() {
                ledger::apply(view, rules.generation, change);
            }
        }
        Content::Order(order) if header.generation == rules.generation => {
            retention::apply(view, rules, (header.lane, order), stamp)?;
        }
        Content::Order(_) => {}
        Content::Delivery(told) => delivery::apply(view, rules, (told, record))?,
        Content::Unread => {}
        Content::Damaged(what, why) => return Err(damaged(record, what, why)),
    }
    view.count(rules.generation, header.lane, |counts| {
        counts.watermark = counts.watermark.max(header.received);
    });
    Ok(())
}

/// Adds what was measured to the sums of its day.
fn measure(
    view: &mut View,
    generation: u16,
    (measured, day): (&Measured, i32),
) -> Result<(), ApplyError> {
    let key = measured.key(generation, day);
    view.want([key])?;
    let known = view.take::<Measured>(&key);
    let mut sums = known.unwrap_or_else(|| Measured::of(&measured.use_case, &measured.candidate));
    sums.day = day;
    sums.add(measured);
    view.put(key, sums);
    Ok(())
}

/// Keys worth loading before a record is folded. A guess: what is missing is named by a miss.
pub fn foresee(rules: &Rules<'_>, decoded: &Decoded<'_>) -> Vec<Key> {
    let generation = rules.generation;
    match &decoded.content {
        Content::Event(sighting) => event::keys(rules, sighting),
        Content::Item(item) => {
            let conversion = item.body.as_ref().and_then(Body::as_conversion);
            let named = conversion.map(|it| namesakes::index_key(rules, item.target, it));
            addressed(generation, item).chain(named).collect()
        }
        Content::Quarantine(entry) => {
            alloc::vec![quarantine_key(generation, decoded.record, entry.id)]
        }
        _ => Vec::new(),
    }
}

fn quarantine_key(generation: u16, record: &Record, id: Hash128) -> Key {
    Key::new(generation, record.header.lane, KeyKind::Quarantine, id)
}

/// What a record says of a thing in quarantine.
struct Verdict<'a> {
    id: Hash128,
    reason: QuarantineReason,
    source: &'a SourceId,
    /// A replay could read it.
    resolved: bool,
}

fn quarantine(
    view: &mut View,
    record: &Record,
    verdict: &Verdict<'_>,
    stamp: Stamp,
) -> Result<(), ApplyError> {
    let key = quarantine_key(stamp.generation, record, verdict.id);
    view.want([key])?;
    let before = view.get::<Quarantined>(&key).cloned();
    let stood = before.as_ref().is_some_and(Quarantined::stands);
    let first = !verdict.resolved && before.as_ref().is_none_or(|known| !known.seen);
    let mut now = match before {
        Some(known) if !first => known,
        known => Quarantined {
            reason: verdict.reason,
            source: verdict.source.clone(),
            received: stamp.received,
            position: record.position,
            seen: first,
            resolved: known.is_some_and(|known| known.resolved),
        },
    };
    now.resolved |= verdict.resolved;
    let stands = i64::from(now.stands()) - i64::from(stood);
    view.count(stamp.generation, record.header.lane, |counts| {
        // The word of a replay is no arrival.
        let arrived = i64::from(!verdict.resolved);
        counts.logged += arrived;
        counts.duplicate += arrived - stands;
        *counts.quarantined.entry(now.reason).or_default() += stands;
    });
    view.put(key, now);
    Ok(())
}

/// The keys that an item reads and changes, whatever it says.
fn addressed(generation: u16, item: &Item) -> impl Iterator<Item = Key> {
    [receiver(generation, item)].into_iter().chain(row(generation, item))
}

/// The row that an item is kept in, where it has one of its own.
fn row(generation: u16, item: &Item) -> Option<Key> {
    let (kind, name) = match item.kind {
        ItemKind::Member => (KeyKind::Member, item.sender.0),
        ItemKind::Touch => (KeyKind::Touch, item.id),
        ItemKind::Conversion => (KeyKind::Conversion, item.id),
        ItemKind::Verdict => (KeyKind::Verdict, item.sender.0),
        _ => return None,
    };
    Some(Key::row(generation, kind, item.target, name))
}

/// The key of the entity that an item addresses.
fn receiver(generation: u16, item: &Item) -> Key {
    match item.kind {
        ItemKind::Edge => graph::node_key(generation, item.sender),
        ItemKind::Person | ItemKind::Verdict => {
            Key::entity(generation, KeyKind::Device, item.target)
        }
        ItemKind::Claim => Key::entity(generation, KeyKind::Order, item.target),
        ItemKind::Landing => Key::entity(generation, KeyKind::Click, item.target),
        ItemKind::Member | ItemKind::Touch | ItemKind::Conversion => {
            Key::entity(generation, KeyKind::Person, item.target)
        }
    }
}

fn apply_item(
    view: &mut View,
    rules: &Rules<'_>,
    (record, item): (&Record, &Item),
    stamp: Stamp,
) -> Result<(), ApplyError> {
    let version = record.header.item_version;
    let name = (item.sender, item.id);
    let body = item.body.clone();
    view.want(addressed(rules.generation, item))?;
    match item.kind {
        ItemKind::Edge => {
            let edge = body.and_then(Body::edge);
            let statement = graph::Statement::new(item.sender, EntityId(item.id), edge, version);
            return graph::apply(view, rules, statement, stamp);
        }
        ItemKind::Person => {
            let Some(person) = body.and_then(Body::person) else {
                return Err(damaged(record, "item", "a person is named by nobody"));
            };
            device::learn_person(view, rules, (item.target, person), stamp, version)?;
        }
        ItemKind::Verdict => {
            let verdict = body.and_then(Body::verdict);
            let ruling = device::Ruling { order: item.sender, version, verdict };
            device::learn_verdict(view, rules, (item.target, ruling), stamp)?;
        }
        ItemKind::Claim => {
            order::apply(view, item.target, (name, version, body.and_then(Body::claim)), stamp);
        }
        ItemKind::Landing => {
            click::land(view, item.target, (name, version, body.and_then(Body::landing)), stamp);
        }
        kind @ (ItemKind::Member | ItemKind::Touch | ItemKind::Conversion) => {
            let Some(row) = row(rules.generation, item) else { return Ok(()) };
            let (person, sender) = (item.target, item.sender);
            let message = person::Message { person, sender, kind, id: item.id, version, body, row };
            person::apply(view, rules, message, stamp)?;
        }
    }
    Ok(())
}

fn damaged(record: &Record, what: &'static str, why: &str) -> ApplyError {
    let (lane, position) = (record.header.lane, record.position);
    ApplyError::Record { what, lane, position, why: why.into() }
}

/// The lane a person's, order's or click's sums are kept in.
const fn home(entity: EntityId) -> Lane {
    Lane::of(entity)
}
