//! What a conversion rests on: the touches it is credited to, found by its names.

use super::lookup::{dedups, person};
use super::tables::{conversion_row, credit_rows, touch_row, touches_before};
use super::{ReadError, StateRead, between, read, walk};
use crate::apply::order_verdict;
use crate::key::{Key, KeyKind};
use crate::rows::{ConversionRow, CreditRow, TouchRow};
use crate::state::{Device, KnownConversion, KnownTouch, Order};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use millstream_attribute::Conversion;
use millstream_attribute::credit::{in_window, why_outside};
use millstream_event::{EntityId, Hash128, OrderId, Revision, Span, Timestamp};
use millstream_stitch::entry::{first_at, last_at};

/// The whole chain behind one conversion.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The conversion.
    pub conversion: ConversionRow,
    /// True when a server that named just the user told of it and a device did, too, and one of them
    /// fills what the other leaves open.
    pub filled: bool,
    /// The person's touches that lie within the window before it, in order.
    pub touches: Vec<TouchRow>,
    /// Its credits under every model.
    pub credits: Vec<CreditRow>,
    /// The person's touches that earn nothing of it and why, nearest to it first, at most
    /// [`OUTSIDE_MAX`].
    pub outside: Vec<(TouchRow, &'static str)>,
}

/// Most touches outside of the window that a chain tells of.
pub const OUTSIDE_MAX: usize = 50;

/// The chain behind a conversion named by its event id, its order number or its conversion id. The
/// first two are looked up; by its own id alone it is found by walking all conversions.
///
/// # Errors
/// When the state cannot be read.
pub fn conversion(
    state: &dyn StateRead,
    generation: u16,
    window: Span,
    name: &str,
) -> Result<Vec<Chain>, ReadError> {
    let named = |conversion: &Conversion| {
        conversion.key.id.as_str() == name || conversion.order.as_deref() == Some(name)
    };
    let mut found = Vec::new();
    for (device, time) in tellers(state, generation, name)? {
        let known = read::<Device>(state, &Key::entity(generation, KeyKind::Device, device))?;
        let owner = known.map_or(device, |known| known.person);
        let key = |at| Key::row(generation, KeyKind::Conversion, owner, at);
        let ends = (key(first_at(time)), key(last_at(time)));
        for known in between::<KnownConversion>(state, (&ends.0, &ends.1))? {
            if known.body.as_ref().is_some_and(named) {
                found.extend(chain(state, generation, (owner, &known), window)?);
            }
        }
    }
    found.sort_by_key(|chain| chain.conversion.conversion_id);
    found.dedup_by_key(|chain| chain.conversion.conversion_id);
    match Hash128::parse_hex(name) {
        Some(id) if found.is_empty() => walked(state, generation, window, id),
        _ => Ok(found),
    }
}

/// Who told of a conversion with this event id or order number, and when.
fn tellers(
    state: &dyn StateRead,
    generation: u16,
    name: &str,
) -> Result<BTreeSet<(EntityId, Timestamp)>, ReadError> {
    let mut found = BTreeSet::new();
    for (_, dedup) in dedups(state, generation, name)? {
        found.insert((dedup.subject, dedup.key.time));
    }
    if let Some(order) = OrderId::parse(name) {
        let key = Key::entity(generation, KeyKind::Order, EntityId::order(&order));
        let won = read::<Order>(state, &key)?.and_then(|order| order_verdict(&order));
        found.extend(won.map(|verdict| (verdict.device, verdict.key.time)));
    }
    Ok(found)
}

fn walked(
    state: &dyn StateRead,
    generation: u16,
    window: Span,
    id: Hash128,
) -> Result<Vec<Chain>, ReadError> {
    let mut found = Vec::new();
    walk::<KnownConversion>(state, generation, KeyKind::Conversion, &mut |key, known| {
        if known.body.as_ref().is_some_and(|one| one.id == id) {
            found.extend(chain(state, generation, (key.entity_id(), &known), window)?);
        }
        Ok(found.is_empty())
    })?;
    Ok(found)
}

fn chain(
    state: &dyn StateRead,
    generation: u16,
    (owner, known): (EntityId, &KnownConversion),
    window: Span,
) -> Result<Option<Chain>, ReadError> {
    let Some(conversion) = &known.body else { return Ok(None) };
    let revision = Revision(known.version);
    let mut touches = touches_before(state, generation, (owner, conversion), window)?;
    touches.retain(|known| {
        known.body.as_ref().is_some_and(|touch| in_window(touch, conversion, window))
    });
    let place = |known: &KnownTouch| known.body.as_ref().map(|touch| (touch.key.clone(), touch.id));
    touches.sort_by_cached_key(place);
    let outside = outside(state, generation, (owner, conversion), window)?;
    let person = person(state, generation, owner)?.unwrap_or_default();
    let rows = touches.iter().filter_map(|known| Some((known.version, known.body.as_ref()?)));
    Ok(Some(Chain {
        conversion: conversion_row(owner, conversion, revision),
        filled: known.told.is_some(),
        touches: rows.map(|(v, touch)| touch_row(owner, touch, Revision(v))).collect(),
        credits: credit_rows((owner, person.revision), &touches, conversion, window),
        outside,
    }))
}

/// The person's touches that cannot be credited with the conversion, and why.
fn outside(
    state: &dyn StateRead,
    generation: u16,
    (owner, conversion): (EntityId, &Conversion),
    window: Span,
) -> Result<Vec<(TouchRow, &'static str)>, ReadError> {
    let key = |time| Key::row(generation, KeyKind::Touch, owner, time);
    let (first, last) = (first_at(Timestamp(i64::MIN)), last_at(Timestamp(i64::MAX)));
    let known: Vec<KnownTouch> = between(state, (&key(first), &key(last)))?;
    let told = known.iter().filter_map(|known| Some((known.version, known.body.as_ref()?)));
    let mut outside: Vec<_> = told
        .filter_map(|(version, touch)| {
            let why = why_outside(touch, conversion, window)?;
            Some((touch_row(owner, touch, Revision(version)), why))
        })
        .collect();
    outside
        .sort_by_key(|(row, _)| ((row.time - conversion.key.time).0.unsigned_abs(), row.touch_id));
    outside.truncate(OUTSIDE_MAX);
    Ok(outside)
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
