//! Things in quarantine tried once more: their text is read by the rules of today.

use super::reading::{ReplayError, Writer};
use millstream_event::consent::{self, Outcome as Kept};
use millstream_event::wire::receipt::{Limits, Outcome, Receipt};
use millstream_event::wire::{combined, segment};
use millstream_event::{
    EntityId, Event, Flags, Hash128, Header, Kind, Lane, Quarantine, QuarantineReason, Record,
};
use millstream_log::Append;
use millstream_pipeline::query;
use millstream_store::Reading;
use std::sync::Arc;

pub(super) fn replay(
    writer: &mut Writer<'_>,
    reason: Option<QuarantineReason>,
    told: &dyn Fn(u64, u64),
) -> Result<(), ReplayError> {
    let parts = writer.parts;
    let mut places = Vec::new();
    let state = Reading(parts.state);
    query::quarantine(&state, parts.generation, &mut |(lane, _, entry)| {
        if reason.is_none_or(|wanted| wanted == entry.reason) {
            places.push((lane, entry.position));
        }
        Ok(true)
    })?;
    places.sort_unstable();
    let all = places.len() as u64;
    for (done, (lane, position)) in (0..).zip(places) {
        told(done, all);
        writer.counts.selected += 1;
        let record = parts.log.read_at(lane, position)?;
        let thing = record.as_ref().filter(|record| record.header.kind == Kind::Quarantine);
        let read = thing.and_then(|record| {
            Some((record, serde_json::from_slice::<Quarantine>(&record.payload).ok()?))
        });
        match read {
            Some((record, thing)) => one(writer, record, thing)?,
            None => writer.counts.without_text += 1,
        }
    }
    Ok(())
}

fn one(writer: &mut Writer<'_>, record: &Record, thing: Quarantine) -> Result<(), ReplayError> {
    let Some(raw) = thing.raw.as_deref() else {
        writer.counts.without_text += 1;
        return Ok(());
    };
    let mut found = read(writer, record, &thing, raw).map(|event| (event, None));
    let mending = Arc::clone(&writer.parts.mending);
    if found.is_none() {
        let mut mended = mending.mended((thing.reason, &thing.source), raw);
        found = mended.find_map(|(rule, text)| {
            Some((read(writer, record, &thing, &text)?, Some(&*rule.name)))
        });
    }
    let Some((event, rule)) = found else {
        writer.counts.still_broken += 1;
        return Ok(());
    };
    if let Some(rule) = rule {
        *writer.counts.mended.entry(rule.into()).or_default() += 1;
    }
    let event_record =
        Append { header: header(writer, record, event.subject()), payload: event.encode()? };
    let detail = match rule {
        None => thing.detail.clone(),
        Some(rule) => format!("{}; mended by rule {rule}", thing.detail).into(),
    };
    let resolved = Quarantine { resolved: true, raw: None, detail, ..thing };
    let word =
        Append { header: writer.in_place_of(record), payload: serde_json::to_vec(&resolved)? };
    writer.write([event_record, word])
}

fn header(writer: &Writer<'_>, record: &Record, subject: EntityId) -> Header {
    Header {
        subject: Hash128::keyed(&writer.parts.subject_key, "subject", &[&subject.0.0]),
        control_version: writer.parts.registry.control_version(),
        ..Header::new(Kind::Event, Lane::of(subject), record.header.received)
    }
}

/// The event that the text tells by the rules of today, with what consent leaves of it.
fn read(writer: &Writer<'_>, record: &Record, thing: &Quarantine, raw: &str) -> Option<Event> {
    let settings = Arc::clone(&writer.parts.settings);
    let receipt = Receipt {
        consent: writer.parts.consent.of(None),
        flags: flags(record, thing),
        click_key: Some(&writer.parts.click_key),
        ..Receipt::new(
            thing.source.clone(),
            thing.received.unwrap_or(record.header.received),
            &settings,
        )
    };
    let outcome: Outcome = match segment::Body::single(None, raw.as_bytes()) {
        Ok(body) => body.outcomes(&receipt, &Limits::default()).next()?,
        Err(_) => combined::parse(raw.as_bytes(), 0, &receipt),
    };
    let parsed = outcome.ok()?;
    let mut event = parsed.event;
    event.consent = writer.parts.consent.of(event.country.as_deref()).overridden(parsed.stated);
    match consent::restrict(event) {
        Kept::Keep(event) => Some(*event),
        Kept::AggregateOnly(_) => None,
    }
}

/// What capture received carries its own stamp in the record, and of its request nothing but the text
/// was kept: no agent, no country. History brings a stamp of its own.
fn flags(record: &Record, thing: &Quarantine) -> Flags {
    match thing.received == Some(record.header.received) {
        true => Flags::default().degraded_by(Flags::FROM_QUARANTINE),
        false => Flags::IMPORTED,
    }
}
