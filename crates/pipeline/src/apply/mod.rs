//! The fold: one record against the view.
//!
//! Every branch reads first and changes afterwards: a [`ApplyError::Miss`] leaves the view as it
//! was, so the record can be folded again once the keys named are loaded.

mod click;
mod device;
mod event;
mod facts;
mod graph;
mod order;
mod person;

pub(crate) use click::effective as effective_click;
pub(crate) use event::dedup_key;

use crate::item::{Body, Item, ItemKind};
use crate::key::{Key, KeyKind};
use crate::rules::Rules;
use crate::state::Quarantined;
use crate::view::{ApplyError, Stamp, View};
use alloc::string::ToString;
use alloc::vec::Vec;
use millstream_event::consent::Aggregate;
use millstream_event::{
    EntityId, EventKind, Hash128, Kind, Lane, Quarantine, QuarantineReason, Record, SourceId,
    envelope,
};

/// Folds one record: changes the view, or says which keys must be loaded first.
///
/// # Errors
/// [`ApplyError::Miss`] before anything changed; [`ApplyError::State`] and [`ApplyError::Record`]
/// when state or payload are damaged: the lane must stop.
pub fn apply(view: &mut View, rules: &Rules<'_>, record: &Record) -> Result<(), ApplyError> {
    let header = &record.header;
    let stamp = Stamp {
        generation: rules.generation,
        position: record.position,
        received: header.received,
    };
    match header.kind {
        Kind::Event => apply_event(view, rules, record, stamp)?,
        Kind::Quarantine => apply_quarantine(view, record, stamp)?,
        Kind::Item if header.generation == rules.generation => {
            apply_item(view, rules, record, stamp)?
        }
        Kind::Item | Kind::Tick | Kind::Erase | Kind::Delivery => {}
        Kind::Control => view.put(
            Key::control(rules.generation, record.position),
            crate::value::Value::Control(record.payload.clone()),
        ),
        Kind::Aggregate => apply_aggregate(view, record, stamp)?,
    }
    view.count(rules.generation, header.lane, |counts| counts.watermark = header.received);
    Ok(())
}

/// Keys worth loading before a record is folded. A guess: what is missing is named by a miss.
pub fn foresee(generation: u16, record: &Record) -> Vec<Key> {
    match record.header.kind {
        Kind::Event => envelope::decode(record.header.contract_version, &record.payload)
            .map(|event| event::keys(generation, &event))
            .unwrap_or_default(),
        Kind::Item => Item::decode(&record.payload)
            .map(|item| alloc::vec![receiver(generation, &item)])
            .unwrap_or_default(),
        Kind::Quarantine => quarantine_key(generation, record).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn apply_event(
    view: &mut View,
    rules: &Rules<'_>,
    record: &Record,
    stamp: Stamp,
) -> Result<(), ApplyError> {
    match envelope::decode(record.header.contract_version, &record.payload) {
        Ok(event) if event.kind == EventKind::Click => {
            click::apply(view, rules, (record, &event), stamp)
        }
        Ok(event) => event::apply(view, rules, (record, &event), stamp),
        // The log's CRC holds, so this is what was written: a newer contract or an erased payload.
        Err(error) => {
            let reason = match error {
                envelope::DecodeError::Unknown(_) => QuarantineReason::UnknownVersion,
                envelope::DecodeError::Broken { .. } => QuarantineReason::Unreadable,
            };
            let place = [record.header.lane.number(), 0];
            let id = Hash128::of("unreadable", &[&place, &record.position.0.to_le_bytes()]);
            let source =
                SourceId::parse("unknown").ok_or_else(|| broken(record, "event", &error))?;
            quarantine(view, record, (id, reason, source), stamp)
        }
    }
}

fn quarantine_key(generation: u16, record: &Record) -> Option<Key> {
    let entry: Quarantine = serde_json::from_slice(&record.payload).ok()?;
    Some(Key::new(generation, record.header.lane, KeyKind::Quarantine, entry.id))
}

fn apply_quarantine(view: &mut View, record: &Record, stamp: Stamp) -> Result<(), ApplyError> {
    let entry: Quarantine = serde_json::from_slice(&record.payload)
        .map_err(|error| broken(record, "quarantine", &error))?;
    quarantine(view, record, (entry.id, entry.reason, entry.source), stamp)
}

fn quarantine(
    view: &mut View,
    record: &Record,
    (id, reason, source): (Hash128, QuarantineReason, SourceId),
    stamp: Stamp,
) -> Result<(), ApplyError> {
    let key = Key::new(stamp.generation, record.header.lane, KeyKind::Quarantine, id);
    view.want([key])?;
    let known = view.get::<Quarantined>(&key).is_some();
    view.count(stamp.generation, record.header.lane, |counts| {
        counts.logged += 1;
        if known {
            counts.duplicate += 1;
        } else {
            *counts.quarantined.entry(reason).or_default() += 1;
        }
    });
    if !known {
        view.put(
            key,
            Quarantined { reason, source, received: stamp.received, position: record.position },
        );
    }
    Ok(())
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
    record: &Record,
    stamp: Stamp,
) -> Result<(), ApplyError> {
    let item = Item::decode(&record.payload).map_err(|error| broken(record, "item", &error))?;
    let version = record.header.item_version;
    let name = (item.sender, item.id);
    view.want([receiver(rules.generation, &item)])?;
    match (item.kind, item.body) {
        (ItemKind::Edge, body) => {
            let edge = match body {
                Some(Body::Edge(edge)) => Some(edge),
                _ => None,
            };
            let statement = graph::Statement::new(item.sender, EntityId(item.id), edge, version);
            graph::apply(view, rules, statement, stamp)
        }
        (ItemKind::Person, Some(Body::Person(person))) => {
            device::learn_person(view, item.target, (person, version), stamp);
            Ok(())
        }
        (ItemKind::Verdict, body) => {
            let verdict = match body {
                Some(Body::Verdict(verdict)) => Some(verdict),
                _ => None,
            };
            device::learn_verdict(view, item.target, (item.sender, version, verdict), stamp);
            Ok(())
        }
        (ItemKind::Claim, body) => {
            let claim = match body {
                Some(Body::Claim(claim)) => Some(claim),
                _ => None,
            };
            order::apply(view, item.target, (name, version, claim), stamp);
            Ok(())
        }
        (ItemKind::Landing, body) => {
            let landing = match body {
                Some(Body::Landing(landing)) => Some(landing),
                _ => None,
            };
            click::land(view, item.target, (name, version, landing), stamp);
            Ok(())
        }
        (kind @ (ItemKind::Member | ItemKind::Touch | ItemKind::Conversion), body) => {
            person::apply(
                view,
                rules,
                person::Message { person: item.target, kind, name, version, body },
                stamp,
            );
            Ok(())
        }
        (kind, _) => Err(broken(record, "item", &alloc::format!("{kind:?} without its body"))),
    }
}

/// Counts what consent forbids to store.
fn apply_aggregate(view: &mut View, record: &Record, stamp: Stamp) -> Result<(), ApplyError> {
    let aggregate: Aggregate = serde_json::from_slice(&record.payload)
        .map_err(|error| broken(record, "aggregate", &error))?;
    let count = i64::try_from(aggregate.count).unwrap_or(i64::MAX);
    view.count(stamp.generation, record.header.lane, |counts| counts.unconsented += count);
    Ok(())
}

fn broken(record: &Record, what: &'static str, why: &dyn ToString) -> ApplyError {
    ApplyError::Record {
        what,
        lane: record.header.lane,
        position: record.position,
        why: why.to_string(),
    }
}

/// The lane a person's, order's or click's sums are kept in.
const fn home(entity: EntityId) -> Lane {
    Lane::of(entity)
}
