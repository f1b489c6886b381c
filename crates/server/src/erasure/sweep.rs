//! The sweep: every record of those who are marked, overwritten where it stands.

use super::ErasureError;
use super::blank::{REPLACEMENT, is_blank};
use super::subject::{Marks, entities};
use millstream_event::{EntityId, Kind, Lane, Position, Record, envelope};
use millstream_log::{EventLog, LanePositions, LogError};
use std::collections::BTreeSet;

/// What a sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Those marked, with the devices that were found to be theirs.
    pub marks: Marks,
    /// Everybody and everything of theirs that records name.
    pub entities: BTreeSet<EntityId>,
    /// Events overwritten.
    pub events: u64,
    /// Other records overwritten: messages between lanes, things in quarantine.
    pub others: u64,
}

/// Overwrites what the log holds of those who are marked. The same again finds nothing left. An entity
/// that others are part of, too (an order, a device that somebody else uses), keeps what is theirs.
///
/// # Errors
/// When the log cannot be read or written.
pub fn sweep(
    log: &dyn EventLog,
    key: &[u8; 32],
    marks: &Marks,
    known: &BTreeSet<EntityId>,
    texts: &[String],
) -> Result<Swept, ErasureError> {
    let mut swept = Swept { marks: marks.clone(), entities: known.clone(), ..Swept::default() };
    let all = Reach::of(log);
    let mut places: Vec<(Lane, Position)> = Vec::new();
    all.visit(log, &mut |record| {
        if let Some(event) = event_of(&record) {
            swept.marks.learn(key, &event);
        }
        true
    })?;
    all.visit(log, &mut |record| {
        if let Some(event) = event_of(&record)
            && swept.marks.fits(key, &event)
        {
            swept.entities.extend(entities(&event));
            places.push((record.header.lane, record.position));
        }
        true
    })?;
    swept.events = places.len() as u64;
    all.visit(log, &mut |record| {
        let named = match record.header.kind {
            Kind::Item => names_any(&record.payload, &swept.entities),
            Kind::Quarantine => texts.iter().any(|text| contains(&record.payload, text.as_bytes())),
            _ => false,
        };
        if named && !is_blank(&record) {
            places.push((record.header.lane, record.position));
        }
        true
    })?;
    swept.others = places.len() as u64 - swept.events;
    for (lane, position) in places {
        match log.erase(lane, position, REPLACEMENT) {
            // Retention was faster.
            Err(LogError::Removed { .. }) => {}
            other => drop(other?),
        }
    }
    Ok(swept)
}

/// Everything that is logged up to an instant, with what is kept of removed segments.
pub(super) struct Reach {
    from: LanePositions,
    to: LanePositions,
}

impl Reach {
    /// Up to now.
    pub(super) fn of(log: &dyn EventLog) -> Self {
        Self { from: log.tails(), to: log.heads() }
    }

    /// Visits all of it, until `visit` returns false. What retention removes meanwhile ends in an error:
    /// it may have been kept after that was looked through.
    pub(super) fn visit(
        &self,
        log: &dyn EventLog,
        visit: &mut dyn FnMut(Record) -> bool,
    ) -> Result<(), LogError> {
        let mut wanted = true;
        log.scan_kept(&mut |record| {
            wanted = visit(record);
            wanted
        })?;
        if wanted { log.scan(&self.from, &self.to, visit) } else { Ok(()) }
    }
}

pub(super) fn event_of(record: &Record) -> Option<millstream_event::Event> {
    if record.header.kind != Kind::Event || is_blank(record) {
        return None;
    }
    envelope::decode(record.header.contract_version, &record.payload).ok()
}

/// Entities stand in messages as their sixteen bytes.
fn names_any(payload: &[u8], entities: &BTreeSet<EntityId>) -> bool {
    payload.windows(16).any(|window| {
        let Ok(bytes) = window.try_into() else { return false };
        entities.contains(&EntityId(millstream_event::Hash128(bytes)))
    })
}

/// True when the text stands somewhere in the bytes.
pub(super) fn contains(bytes: &[u8], text: &[u8]) -> bool {
    !text.is_empty()
        && aho_corasick::AhoCorasick::new([text]).is_ok_and(|search| search.is_match(bytes))
}
