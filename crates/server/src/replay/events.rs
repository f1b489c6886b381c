//! Logged events read again: where a visitor came from, by the domains that are ours today.

use super::reading::{ReplayError, Writer};
use super::selection::Selection;
use millstream_event::control::Settings;
use millstream_event::{Arrival, Event, EventKind, Kind, Record, envelope};
use millstream_log::{Append, LanePositions};
use millstream_pipeline::query::{self, EventName};
use millstream_store::Reading;

/// Records between two words of progress, and two rests.
const TOLD_EVERY: u64 = 1_000;

pub(super) fn replay(
    writer: &mut Writer<'_>,
    selection: &Selection,
    told: &dyn Fn(u64, u64),
) -> Result<(), ReplayError> {
    let (tails, heads) = (writer.parts.log.tails(), writer.parts.log.heads());
    pass(writer, selection, (&tails, &heads), told)?;
    // What was stamped by earlier rules and was on its way to the log meanwhile.
    let behind = writer.parts.log.heads();
    match selection.dry_run || behind == heads {
        true => Ok(()),
        false => pass(writer, &selection.as_captured(), (&heads, &behind), told),
    }
}

fn pass(
    writer: &mut Writer<'_>,
    selection: &Selection,
    (from, to): (&LanePositions, &LanePositions),
    told: &dyn Fn(u64, u64),
) -> Result<(), ReplayError> {
    let parts = writer.parts;
    let (mut seen, all) = (0, to.records_since(from));
    let mut outcome = Ok(());
    parts.log.scan(from, to, &mut |record| {
        seen += 1;
        if seen % TOLD_EVERY == 0 {
            told(seen, all);
            writer.pace();
        }
        outcome = one(writer, selection, &record);
        outcome.is_ok()
    })?;
    outcome
}

fn one(writer: &mut Writer<'_>, selection: &Selection, record: &Record) -> Result<(), ReplayError> {
    let replayed = selection.only_captured && record.header.replay_epoch > 0;
    if record.header.kind != Kind::Event || replayed {
        return Ok(());
    }
    // What cannot be read any more is in quarantine, and no event.
    let Ok(event) = envelope::decode(record.header.contract_version, &record.payload) else {
        return Ok(());
    };
    if !selection.takes(record.header.received, event.id.as_str())
        || !counts(writer, &event, record)?
    {
        return Ok(());
    }
    writer.counts.selected += 1;
    match read_again(&event, &writer.parts.settings) {
        None => writer.counts.unchanged += 1,
        Some(again) => {
            writer.moved(format!("{} -> {}", origin(&event), origin(&again)));
            let event = again;
            let header = writer.in_place_of(record);
            writer.write([Append { header, payload: event.encode()? }])?;
        }
    }
    Ok(())
}

/// Where an event says that its visitor came from.
fn origin(event: &Event) -> String {
    let named = |arrival: &Arrival| format!("{} / {}", arrival.source, arrival.medium);
    event.arrival.as_ref().map_or_else(|| "no touch".to_owned(), named)
}

/// True for the copies that the event is made of: another one's reading changes nothing.
fn counts(writer: &Writer<'_>, event: &Event, record: &Record) -> Result<bool, ReplayError> {
    let (state, generation) = (Reading(writer.parts.state), writer.parts.generation);
    let key = EventName::of(event).key((generation, writer.parts.properties));
    let counting = query::counting_at(&state, generation, &key, false)?;
    Ok(counting.is_some_and(|counting| counting.is_made_of(record.position)))
}

/// The event by the rules of today; none where they read it as it is. A click of ours carries its
/// link, and a fact told with its channel carries that: neither is read off a page.
fn read_again(event: &Event, settings: &Settings) -> Option<Event> {
    let page = &event.page;
    let told = page.url.is_none() && page.referrer.is_none();
    if told || event.kind == EventKind::Click {
        return None;
    }
    let (url, referrer) = (page.url.as_deref(), page.referrer.as_deref());
    let arrival = Arrival::classify(&event.campaign, url, referrer, settings);
    (arrival != event.arrival).then(|| Event { arrival, ..event.clone() })
}
