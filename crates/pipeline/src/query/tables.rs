//! The derived tables, walked entity by entity. Rows come in the order of the state's keys.

use super::lookup::members;
use super::{ReadError, Rows, StateRead, between, read, session_at, walk};
use crate::apply::effective_click;
use crate::key::{Key, KeyKind};
use crate::rows::{ClickRow, ConversionRow, CreditRow, PersonRow, SessionRow, TouchRow};
use crate::state::{Click, Device, KnownConversion, KnownTouch, Person};
use crate::value::{Stored, Value};
use alloc::vec::Vec;
use millstream_attribute::{Conversion, Model, Touch, credits as credits_of};
use millstream_event::{EntityId, Hash128, Revision, Span};
use millstream_stitch::Session;
use millstream_stitch::entry::{first_at, last_at};

/// Every session of every device.
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn sessions(
    state: &dyn StateRead,
    generation: u16,
    rows: Rows<'_, SessionRow>,
) -> Result<(), ReadError> {
    walk::<Device>(state, generation, KeyKind::Device, &mut |key, device| {
        let subject = key.entity_id();
        let shelf = Key::row(generation, KeyKind::Session, subject, Hash128::default());
        let mut go_on = true;
        state.scan(&shelf.as_bytes()[..Key::SHELF_BYTES], &mut |_, bytes| {
            if let Some(session) = Session::take(Value::decode(bytes)?) {
                go_on = rows(session_row(subject, &device, &session))?;
            }
            Ok(go_on)
        })?;
        match &device.latest {
            Some(latest) if go_on => rows(session_row(subject, &device, latest)),
            _ => Ok(go_on),
        }
    })
}

pub(super) fn session_row(subject: EntityId, device: &Device, session: &Session) -> SessionRow {
    let origin = session.origin();
    SessionRow {
        session_id: session.id(subject),
        anonymous_id: device.name.clone(),
        person_id: device.person,
        started_at: session.first.time,
        ended_at: session.last.time,
        events: session.events,
        page_views: session.page_views,
        source: origin.arrival.source,
        medium: origin.arrival.medium,
        channel: origin.arrival.channel,
        campaign: origin.campaign,
        device: session.agent.device.as_str().into(),
        browser: session.agent.browser.clone(),
        os: session.agent.os.clone(),
        country: session.country.clone(),
        region: session.region.clone(),
        entry_url: session.entry_url.clone(),
        exit_url: session.exit_url.clone(),
        bot: session.bot,
        resolution_delay_micros: session.resolution_delay().0,
        revision: device.revision,
    }
}

/// Every touch of every person.
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn touches(
    state: &dyn StateRead,
    generation: u16,
    rows: Rows<'_, TouchRow>,
) -> Result<(), ReadError> {
    walk::<KnownTouch>(state, generation, KeyKind::Touch, &mut |key, known| match &known.body {
        Some(touch) => rows(touch_row(key.entity_id(), touch, Revision(known.version))),
        None => Ok(true),
    })
}

pub(super) fn touch_row(person: EntityId, touch: &Touch, revision: Revision) -> TouchRow {
    let click = touch.fact.click.as_ref();
    TouchRow {
        touch_id: touch.id,
        person_id: person,
        session_id: touch.session,
        time: touch.key.time,
        source: touch.fact.arrival.source.clone(),
        medium: touch.fact.arrival.medium.clone(),
        channel: touch.fact.arrival.channel.clone(),
        campaign: touch.fact.campaign.clone(),
        link_id: click.map(|click| click.link.clone()),
        click_id: click.map(|click| click.id.clone()),
        bot: touch.bot,
        revision,
    }
}

/// Every conversion of every person; those of bots' sessions are left out.
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn conversions(
    state: &dyn StateRead,
    generation: u16,
    rows: Rows<'_, ConversionRow>,
) -> Result<(), ReadError> {
    walk::<KnownConversion>(state, generation, KeyKind::Conversion, &mut |key, known| match known
        .body
        .filter(|conversion| !conversion.bot)
    {
        Some(conversion) => {
            rows(conversion_row(key.entity_id(), &conversion, Revision(known.version)))
        }
        None => Ok(true),
    })
}

pub(super) fn conversion_row(
    person: EntityId,
    conversion: &Conversion,
    revision: Revision,
) -> ConversionRow {
    ConversionRow {
        conversion_id: conversion.id,
        person_id: person,
        event_id: conversion.key.id.as_str().into(),
        name: conversion.name.clone(),
        time: conversion.key.time,
        session_id: conversion.session,
        value: conversion.value,
        refunded_minor: conversion.refunded_minor,
        order_id: conversion.order.clone(),
        goods: conversion.goods.clone(),
        revision,
    }
}

/// Every credit of every conversion under every model, with touches at most `window` old.
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn credits(
    state: &dyn StateRead,
    generation: u16,
    window: Span,
    rows: Rows<'_, CreditRow>,
) -> Result<(), ReadError> {
    credits_among(state, generation, (window, &|_| None), rows)
}

/// Everybody whose touches count as a person's own, that person included; none where it stands alone.
pub type Kin<'a> = &'a dyn Fn(EntityId) -> Option<&'a [EntityId]>;

/// As [`credits`], should the touches of a person's `kin` be that person's, too.
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn credits_among(
    state: &dyn StateRead,
    generation: u16,
    (window, kin): (Span, Kin<'_>),
    rows: Rows<'_, CreditRow>,
) -> Result<(), ReadError> {
    walk::<KnownConversion>(state, generation, KeyKind::Conversion, &mut |key, known| {
        let Some(conversion) = known.body.filter(|conversion| !conversion.bot) else {
            return Ok(true);
        };
        let id = key.entity_id();
        let mut touches = Vec::new();
        for person in kin(id).unwrap_or(&[id]) {
            let person = (*person, &conversion);
            touches.extend(touches_before(state, generation, person, window)?);
        }
        let revision = read::<Person>(state, &Key::entity(generation, KeyKind::Person, id))?
            .map(|person| person.revision)
            .unwrap_or_default();
        for row in credit_rows((id, revision), &touches, &conversion, window) {
            if !rows(row)? {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

/// What a person knows of the touches that a conversion can be credited to, in order.
pub(super) fn touches_before(
    state: &dyn StateRead,
    generation: u16,
    (person, conversion): (EntityId, &Conversion),
    window: Span,
) -> Result<Vec<KnownTouch>, ReadError> {
    let time = conversion.key.time;
    let key = |name| Key::row(generation, KeyKind::Touch, person, name);
    between(state, (&key(first_at(time - window)), &key(last_at(time))))
}

pub(super) fn credit_rows(
    (id, revision): (EntityId, Revision),
    touches: &[KnownTouch],
    conversion: &Conversion,
    window: Span,
) -> Vec<CreditRow> {
    let mut rows = Vec::new();
    for model in Model::ALL {
        let touches = touches.iter().filter_map(|known| known.body.as_ref());
        for credit in credits_of(touches, conversion, model, window) {
            let fact = credit.touch.map(|touch| &touch.fact);
            let unattributed =
                || millstream_event::Channel::new(millstream_event::Channel::UNATTRIBUTED);
            rows.push(CreditRow {
                conversion_id: conversion.id,
                person_id: id,
                touch_id: credit.touch.map(|touch| touch.id),
                campaign: fact.map(|fact| fact.campaign.clone()).unwrap_or_default(),
                source: fact.map(|fact| fact.arrival.source.clone()).unwrap_or_default(),
                channel: fact.map_or_else(unattributed, |fact| fact.arrival.channel.clone()),
                link_id: fact.and_then(|fact| fact.click.as_ref()).map(|click| click.link.clone()),
                model: model.as_str(),
                weight_ppb: credit.weight_ppb,
                amount: credit.amount,
                revision,
            });
        }
    }
    rows
}

/// Every person with at least one device or other subject.
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn people(
    state: &dyn StateRead,
    generation: u16,
    rows: Rows<'_, PersonRow>,
) -> Result<(), ReadError> {
    walk::<Person>(state, generation, KeyKind::Person, &mut |key, person| {
        if person.members == 0 {
            return Ok(true);
        }
        let id = key.entity_id();
        rows(PersonRow {
            person_id: id,
            devices: members(state, generation, id)?,
            touches: person.touches,
            conversions: person.conversions,
            revision: person.revision,
        })
    })
}

/// Every click of ours.
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn clicks(
    state: &dyn StateRead,
    generation: u16,
    rows: Rows<'_, ClickRow>,
) -> Result<(), ReadError> {
    walk::<Click>(state, generation, KeyKind::Click, &mut |_, click| {
        let Some(row) = click_row(state, generation, &click)? else { return Ok(true) };
        rows(row)
    })
}

pub(super) fn click_row(
    state: &dyn StateRead,
    generation: u16,
    click: &Click,
) -> Result<Option<ClickRow>, ReadError> {
    let Some(fact) = effective_click(click) else { return Ok(None) };
    let alive = click
        .landings
        .iter()
        .filter_map(|((device, _), landing)| Some((*device, landing.body.as_ref()?)));
    let landing = alive.min_by_key(|(_, landing)| &landing.key);
    let session_id = match landing {
        Some((device, landing)) => {
            let key = Key::entity(generation, KeyKind::Device, device);
            match read::<Device>(state, &key)? {
                Some(stored) => session_at(state, generation, (device, &stored), &landing.key)?
                    .map(|session| session.id(device)),
                None => None,
            }
        }
        None => None,
    };
    Ok(Some(ClickRow {
        click_id: fact.id,
        link_id: fact.touch.click.map(|click| click.link).unwrap_or_default(),
        time: fact.time,
        landed_by: landing.map(|(device, _)| device),
        session_id,
        rebuilt: click.logged.is_empty(),
        bot: fact.bot,
    }))
}
