//! The derived tables, walked entity by entity. Rows come in the order of the state's keys.

use super::{ReadError, Rows, StateRead, read, walk};
use crate::apply::effective_click;
use crate::key::{Key, KeyKind};
use crate::rows::{ClickRow, ConversionRow, CreditRow, PersonRow, SessionRow, TouchRow};
use crate::state::{Click, Device, Person, living};
use millstream_attribute::{Conversion, Model, Touch, credits as credits_of};
use millstream_event::{EntityId, Revision, Span};
use millstream_stitch::Session;

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
        for session in device.timeline.sessions() {
            if !rows(session_row(key.entity_id(), &device, session))? {
                return Ok(false);
            }
        }
        Ok(true)
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

fn each_person(
    state: &dyn StateRead,
    generation: u16,
    visit: &mut dyn FnMut(EntityId, Person) -> Result<bool, ReadError>,
) -> Result<(), ReadError> {
    walk::<Person>(state, generation, KeyKind::Person, &mut |key, person| {
        visit(key.entity_id(), person)
    })
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
    each_person(state, generation, &mut |id, person| {
        for item in person.touches.values() {
            let Some(touch) = &item.body else { continue };
            if !rows(touch_row(id, touch, Revision(item.version)))? {
                return Ok(false);
            }
        }
        Ok(true)
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
    each_person(state, generation, &mut |id, person| {
        for item in person.conversions.values() {
            let Some(conversion) = item.body.as_ref().filter(|conversion| !conversion.bot) else {
                continue;
            };
            if !rows(conversion_row(id, conversion, Revision(item.version)))? {
                return Ok(false);
            }
        }
        Ok(true)
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
        order_id: conversion.order.clone(),
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
    each_person(state, generation, &mut |id, person| {
        for conversion in living(&person.conversions).filter(|conversion| !conversion.bot) {
            for row in credit_rows(id, &person, conversion, window) {
                if !rows(row)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    })
}

pub(super) fn credit_rows(
    id: EntityId,
    person: &Person,
    conversion: &Conversion,
    window: Span,
) -> alloc::vec::Vec<CreditRow> {
    let mut rows = alloc::vec::Vec::new();
    for model in Model::ALL {
        for credit in credits_of(living(&person.touches), conversion, model, window) {
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
                revision: person.revision,
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
    each_person(state, generation, &mut |id, person| {
        let alive = person.members.iter().filter(|(_, member)| member.body.is_some());
        let devices: alloc::vec::Vec<EntityId> = alive.map(|((device, _), _)| *device).collect();
        if devices.is_empty() {
            return Ok(true);
        }
        rows(PersonRow {
            person_id: id,
            devices,
            touches: living(&person.touches).count() as u64,
            conversions: living(&person.conversions).filter(|conversion| !conversion.bot).count()
                as u64,
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
            let stored = read::<Device>(state, &key)?;
            stored.and_then(|stored| Some(stored.timeline.session_at(&landing.key)?.id(device)))
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
