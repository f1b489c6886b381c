//! The sweep: every record of those who are marked, overwritten where it stands.

use super::ErasureError;
use super::blank::{REPLACEMENT, is_blank};
use super::subject::Marks;
use millstream_event::{EntityId, Event, EventKind, Kind, Lane, Position, Record, envelope};
use millstream_log::{EventLog, LanePositions, LogError};
use millstream_pipeline::erasing::Erased;
use millstream_pipeline::retention::{Forget, Order};
use std::collections::BTreeSet;

/// What a sweep of events did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Those marked.
    pub marks: Marks,
    /// Those of them that events named.
    pub erased: Erased,
    /// Their clicks.
    pub clicks: BTreeSet<EntityId>,
    /// Events overwritten.
    pub events: u64,
}

impl Swept {
    fn note(&mut self, key: &[u8; 32], event: &Event) {
        let users = [&event.user_id, &event.previous_id].into_iter().flatten();
        let marked = users.filter(|user| self.marks.marks_user(key, user));
        self.erased.users.extend(marked.map(EntityId::user));
        let device = event.anonymous_id.as_ref().filter(|id| self.marks.marks_device(key, id));
        self.erased.devices.extend(device.map(EntityId::device));
        if event.kind == EventKind::Click {
            self.clicks.insert(event.subject());
        }
        self.events += 1;
    }
}

/// Everybody marked, with the devices that the log shows to be theirs.
///
/// # Errors
/// When the log cannot be read.
pub fn learn(log: &dyn EventLog, key: &[u8; 32], marks: &Marks) -> Result<Marks, ErasureError> {
    Ok(Reach::of(log).learn(log, key, marks)?)
}

/// Overwrites the events of those who are marked. The same again finds nothing left.
///
/// # Errors
/// When the log cannot be read or written.
pub fn sweep_events(
    log: &dyn EventLog,
    key: &[u8; 32],
    marks: &Marks,
) -> Result<Swept, ErasureError> {
    let all = Reach::of(log);
    let mut swept = Swept { marks: marks.clone(), ..Swept::default() };
    let mut places: Vec<(Lane, Position)> = Vec::new();
    all.visit(log, &mut |record| {
        if let Some(event) = event_of(&record)
            && swept.marks.fits(key, &event)
        {
            swept.note(key, &event);
            places.push((record.header.lane, record.position));
        }
        true
    })?;
    overwrite(log, places)?;
    Ok(swept)
}

/// Overwrites what lanes were told of those who are erased, before these positions, where all of it is
/// folded; and what quarantine holds of them. Returns how many records.
///
/// # Errors
/// When the log cannot be read or written.
pub fn sweep_told(
    log: &dyn EventLog,
    folded: &LanePositions,
    whom: &BTreeSet<EntityId>,
    texts: &[String],
) -> Result<u64, ErasureError> {
    let mut places: Vec<(Lane, Position)> = Vec::new();
    Reach { from: log.tails(), to: folded.clone() }.visit(log, &mut |record| {
        let named = match record.header.kind {
            Kind::Item => names_any(&record.payload, whom),
            // All of them have been followed.
            Kind::Tick => forget_of(&record.payload).is_some(),
            Kind::Quarantine => texts.iter().any(|text| contains(&record.payload, text.as_bytes())),
            _ => false,
        };
        if named && !is_blank(&record) {
            places.push((record.header.lane, record.position));
        }
        true
    })?;
    let told = places.len() as u64;
    overwrite(log, places)?;
    Ok(told)
}

/// Those whom lanes were told to forget by an erasure that was broken off: one that came to its end has
/// overwritten its orders.
///
/// # Errors
/// When the log cannot be read.
pub fn begun(log: &dyn EventLog) -> Result<Erased, ErasureError> {
    let mut found = Erased::default();
    Reach::of(log).visit(log, &mut |record| {
        if let (Kind::Tick, Some(forget)) = (record.header.kind, forget_of(&record.payload)) {
            match forget.users.contains(&forget.subject) {
                true => found.users.insert(forget.subject),
                false if forget.own => found.devices.insert(forget.subject),
                false => found.others.insert(forget.subject),
            };
            found.users.extend(forget.users);
        }
        true
    })?;
    Ok(found)
}

fn forget_of(payload: &[u8]) -> Option<Forget> {
    match serde_json::from_slice(payload) {
        Ok(Order::Forget(forget)) => Some(forget),
        _ => None,
    }
}

fn overwrite(log: &dyn EventLog, places: Vec<(Lane, Position)>) -> Result<(), ErasureError> {
    for (lane, position) in places {
        match log.erase(lane, position, REPLACEMENT) {
            // Retention was faster.
            Err(LogError::Removed { .. }) => {}
            other => drop(other?),
        }
    }
    Ok(())
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

    /// Everybody marked, with the devices that events show to be theirs.
    pub(super) fn learn(
        &self,
        log: &dyn EventLog,
        key: &[u8; 32],
        marks: &Marks,
    ) -> Result<Marks, LogError> {
        let (mut known, mut news) = (marks.clone(), true);
        // What a later event tells may say something of an earlier one.
        while news {
            news = false;
            self.visit(log, &mut |record| {
                news |= event_of(&record).is_some_and(|event| known.learn(key, &event));
                true
            })?;
        }
        Ok(known)
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

pub(super) fn event_of(record: &Record) -> Option<Event> {
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
