//! Tables of what was logged: events joined with what became of them, and quarantine.

use super::{ExportError, ExportParts, ExportRequest, united};
use millstream_event::{
    Event, EventKind, Flags, Hash128, Kind, Lane, Position, Quarantine, QuarantineReason, Record,
    Span, envelope,
};
use millstream_log::{EventLog, LanePositions};
use millstream_pipeline::query::{self, EventName, EventsKept, Outcome};
use millstream_pipeline::state::Quarantined;
use millstream_stitch::Agents;
use millstream_store::Reading;
use millstream_store::tables::{
    DecisionRow, EventRow, QuarantineRow, Sorter, TableError, TableWriter, write_rows, writer,
};
use std::collections::BTreeMap;
use std::io::Write;

/// Where the records of both tables begin and end: what retention has kept, up to now.
fn range(log: &dyn EventLog) -> (LanePositions, LanePositions) {
    (log.tails(), log.heads())
}

/// Writes one row per distinct event: the copy that counts, or one that is not folded yet.
pub(super) fn events(
    parts: ExportParts<'_>,
    request: &ExportRequest,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    let with_revision = request.with_revision;
    let mut table = writer::open(request.format, writer::columns::<EventRow>(with_revision), out)?;
    let rows = sorted(parts, request, &|_| true, &mut |packed| {
        write_event(parts, packed, with_revision, &mut *table)
    })?;
    table.finish()?;
    Ok(rows)
}

/// Writes one row per decision that was answered and logged.
pub(super) fn decisions(
    parts: ExportParts<'_>,
    request: &ExportRequest,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    let mut table = writer::open(request.format, writer::columns::<DecisionRow>(false), out)?;
    let decided = |event: &Event| event.kind == EventKind::Decision;
    let rows = sorted(parts, request, &decided, &mut |packed| {
        let (_, event) = unpack(packed).ok_or(TableError::Spill)?;
        match super::decisions::row(&event) {
            Some(row) => writer::write_row(&mut *table, &row, false),
            None => Ok(()),
        }
    })?;
    table.finish()?;
    Ok(rows)
}

/// Hands the events that are wanted and count to `write`, in the table's order; returns how many.
fn sorted(
    parts: ExportParts<'_>,
    request: &ExportRequest,
    wanted: &dyn Fn(&Event) -> bool,
    write: &mut dyn FnMut(&[u8]) -> Result<(), TableError>,
) -> Result<u64, ExportError> {
    let read = Reading(parts.state);
    let kept = EventsKept::read(&read, parts.generation)?;
    let wanted = |lane: Lane, event: &Event| kept.shows(lane, event.event_time) && wanted(event);
    let mut sorter = Sorter::new(request.sorter.clone());
    let mut failed = None;
    let (from, to) = range(parts.log);
    parts.log.scan(&from, &to, &mut |record| {
        let taken = take_event(&read, parts, (record, &wanted), &mut sorter);
        failed = taken.err();
        failed.is_none()
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    let mut rows = 0;
    sorter.finish(&mut |packed| {
        rows += 1;
        write(packed)
    })?;
    Ok(rows)
}

/// Which events of a lane are wanted.
type Wanted<'a> = &'a dyn Fn(Lane, &Event) -> bool;

/// Sorts in an event record whose copy counts. Payloads that cannot be read are in quarantine.
fn take_event(
    read: &Reading<'_>,
    parts: ExportParts<'_>,
    (mut record, wanted): (Record, Wanted<'_>),
    sorter: &mut Sorter,
) -> Result<(), ExportError> {
    if record.header.kind != Kind::Event {
        return Ok(());
    }
    let Ok(event) = envelope::decode(record.header.contract_version, &record.payload) else {
        return Ok(());
    };
    if !wanted(record.header.lane, &event) {
        return Ok(());
    }
    let generation = parts.generation;
    let key = EventName::of(&event).key((generation, parts.properties));
    let counting = query::counting_at(read, generation, &key, event.forms_session())?;
    let outcome = counting.map_or(Outcome::InFlight, |it| it.outcome_of(record.position));
    if outcome == Outcome::Duplicate {
        return Ok(());
    }
    let sort_key = sort_key(&event);
    if counting.is_some_and(|it| it.other.is_some()) {
        let event = united(parts.log, record.header.lane, (event, counting.as_ref()))?;
        record.header.contract_version = envelope::CONTRACT_VERSION;
        record.payload = event.encode()?;
    }
    sorter.push(sort_key, pack(outcome, &record))?;
    Ok(())
}

/// Bytes that sort as the table does: event time, SDK sequence, id, source, subject.
fn sort_key(event: &Event) -> Vec<u8> {
    // Flipping the sign bit makes two's complement sort as unsigned bytes.
    let time = (event.event_time.0 as u64) ^ (1 << 63);
    let mut key = time.to_be_bytes().to_vec();
    key.extend_from_slice(&event.sequence.to_be_bytes());
    for text in [event.id.as_str(), event.source.as_str()] {
        key.extend_from_slice(text.as_bytes());
        // Ids hold no control characters: a zero sorts shorter ids first.
        key.push(0);
    }
    key.extend_from_slice(&event.subject().0.0);
    key
}

/// A row while it is being sorted: outcome, session, contract version, payload.
fn pack(outcome: Outcome, record: &Record) -> Vec<u8> {
    let (tag, session) = match outcome {
        Outcome::Visible { session_id: Some(id), .. } => (2, id),
        Outcome::Visible { session_id: None, .. } => (1, Hash128::default()),
        Outcome::InFlight | Outcome::Duplicate => (0, Hash128::default()),
    };
    let version = record.header.contract_version.to_le_bytes();
    [&[tag][..], &session.0, &version, &record.payload].concat()
}

fn unpack(packed: &[u8]) -> Option<(Outcome, Event)> {
    let (head, payload) = packed.split_first_chunk::<19>()?;
    let mut session = Hash128::default();
    session.0.copy_from_slice(&head[1..17]);
    let event = envelope::decode(u16::from_le_bytes([head[17], head[18]]), payload).ok()?;
    let person_id = event.subject();
    let outcome = match head[0] {
        2 => Outcome::Visible { session_id: Some(session), person_id },
        1 => Outcome::Visible { session_id: None, person_id },
        _ => Outcome::InFlight,
    };
    Some((outcome, event))
}

/// The row of an event, with what a look at it alone tells.
pub(crate) fn event_row(
    agents: &dyn Agents,
    horizon: Span,
    outcome: Outcome,
    event: Event,
) -> EventRow {
    let agent = agents.classify(event.user_agent.as_deref().unwrap_or_default());
    let imported = event.flags.has(Flags::IMPORTED);
    EventRow {
        late: !imported && event.received - event.event_time > horizon,
        bot: agent.bot,
        device: agent.device.as_str().into(),
        browser: agent.browser,
        os: agent.os,
        outcome,
        event,
    }
}

fn write_event(
    parts: ExportParts<'_>,
    packed: &[u8],
    with_revision: bool,
    table: &mut dyn TableWriter,
) -> Result<(), TableError> {
    let (outcome, event) = unpack(packed).ok_or(TableError::Spill)?;
    let row = event_row(parts.agents, parts.horizon, outcome, event);
    writer::write_row(table, &row, with_revision)
}

/// Writes one row per quarantined thing: the record that counts.
pub(super) fn quarantine(
    parts: ExportParts<'_>,
    request: &ExportRequest,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    let read = Reading(parts.state);
    let mut counting: BTreeMap<(Lane, Position), (Hash128, Quarantined)> = BTreeMap::new();
    query::quarantine(&read, parts.generation, &mut |(lane, id, entry)| {
        counting.insert((lane, entry.position), (id, entry));
        Ok(true)
    })?;
    let mut rows = Vec::new();
    let (from, to) = range(parts.log);
    parts.log.scan(&from, &to, &mut |record| {
        if let Some((id, entry)) = counting.remove(&(record.header.lane, record.position)) {
            rows.push(quarantine_row(&record, id, entry));
        }
        !counting.is_empty()
    })?;
    Ok(write_rows(rows, request.format, request.with_revision, out)?)
}

/// The thing as it was logged; what the fold itself found unreadable is told by the state alone.
fn quarantine_row(record: &Record, id: Hash128, entry: Quarantined) -> QuarantineRow {
    let logged = serde_json::from_slice::<Quarantine>(&record.payload).ok();
    QuarantineRow(logged.filter(|thing| thing.id == id).unwrap_or_else(|| Quarantine {
        id,
        reason: entry.reason,
        detail: match entry.reason {
            QuarantineReason::PastRetention => "it happened before what retention keeps".into(),
            _ => "the logged payload cannot be read".into(),
        },
        source: entry.source,
        received: Some(entry.received),
        bytes: u32::try_from(record.payload.len()).unwrap_or(u32::MAX),
        raw: None,
        resolved: false,
    }))
}
