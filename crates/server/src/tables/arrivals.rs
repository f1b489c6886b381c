//! What the log brought since the last refresh, as new parts of `events`.

use super::error::TablesError;
use super::manifest::EventPart;
use super::refresh::Step;
use crate::export::{event_row, united};
use millstream_event::{Kind, Record, envelope};
use millstream_log::LanePositions;
use millstream_pipeline::Key;
use millstream_pipeline::query::{self, EventName, Outcome};
use millstream_store::Reading;
use millstream_store::tables::{PartWriter, Table};
use std::collections::{HashMap, HashSet};
use std::time::Instant;

/// Events with copies that are counted exactly in one step. Beyond it the earlier parts are searched
/// although it may be in vain.
const COPIED_MAX: usize = 1 << 20;

/// What the records read brought.
pub(super) struct Arrivals {
    pub(super) parts: Vec<EventPart>,
    /// Where reading stopped.
    pub(super) reached: LanePositions,
    /// Events of which an earlier part may hold a copy that no longer counts.
    pub(super) replaced: Replaced,
}

/// Events whose earlier rows no longer count.
#[derive(Default)]
pub(super) struct Replaced {
    /// Their keys.
    pub(super) keys: HashSet<Key>,
    /// Events to whose earlier row the other side of the same action was told since.
    pub(super) joined: HashSet<Key>,
    /// The ids of all these: quick to compare with rows.
    pub(super) ids: HashSet<Box<str>>,
}

/// Copies seen in this step of events that have several.
#[derive(Default)]
struct Copies {
    seen: HashMap<Key, u64>,
    /// Events whose counting copy came in this step: how many copies there are.
    counting: Vec<(Key, Box<str>, u64)>,
    /// Events to whose counting copy the other side of the same action came in this step.
    joining: Vec<(Key, Box<str>, u64)>,
}

impl Copies {
    /// Those of which not every copy came in this step.
    fn replaced(self) -> Replaced {
        let mut replaced = Replaced::default();
        let seen = self.seen;
        let earlier = |(key, _, copies): &(Key, Box<str>, u64)| {
            seen.get(key).is_none_or(|seen| seen < copies)
        };
        for (key, id, _) in self.counting.into_iter().filter(earlier) {
            replaced.keys.insert(key);
            replaced.ids.insert(id);
        }
        for (key, id, _) in self.joining.into_iter().filter(earlier) {
            replaced.joined.insert(key);
            replaced.ids.insert(id);
        }
        replaced
    }
}

/// Writes the events between `from` and `to` that count.
pub(super) fn take(
    step: &Step<'_>,
    from: &LanePositions,
    to: &LanePositions,
) -> Result<Arrivals, TablesError> {
    let mut reached = from.clone();
    let mut writing = Writing { step, open: None, parts: Vec::new() };
    let mut copies = Copies::default();
    let began = Instant::now();
    let (mut left, mut failed) = (step.parts.limits.step_records, None);
    step.parts.log.scan(from, to, &mut |record| {
        reached.set(record.header.lane, record.position.next());
        left -= 1;
        let taken = match step.closing() {
            true => Err(TablesError::Closing),
            false => take_record(&mut writing, &mut copies, &record),
        };
        failed = taken.err();
        failed.is_none() && left > 0 && began.elapsed() < step.parts.limits.step_time
    })?;
    match failed {
        Some(error) => Err(error),
        None => Ok(Arrivals { parts: writing.finish()?, reached, replaced: copies.replaced() }),
    }
}

fn take_record(
    writing: &mut Writing<'_>,
    copies: &mut Copies,
    record: &Record,
) -> Result<(), TablesError> {
    if record.header.kind != Kind::Event {
        return Ok(());
    }
    // Payloads that cannot be read are in quarantine.
    let Ok(event) = envelope::decode(record.header.contract_version, &record.payload) else {
        return Ok(());
    };
    let step = writing.step;
    if !step.kept.shows(record.header.lane, event.event_time) {
        return Ok(());
    }
    let generation = step.parts.generation;
    let key = EventName::of(&event).key((generation, &step.parts.properties));
    let state = Reading(step.state);
    let counting = query::counting_at(&state, generation, &key, event.forms_session())?;
    let outcome = counting.map_or(Outcome::InFlight, |it| it.outcome_of(record.position));
    if let Some(counting) = counting.filter(|it| it.copies > 1) {
        if copies.seen.len() < COPIED_MAX || copies.seen.contains_key(&key) {
            *copies.seen.entry(key).or_default() += 1;
        }
        let told = (key, event.id.as_str().into(), counting.copies);
        if outcome != Outcome::Duplicate {
            copies.counting.push(told);
        } else if counting.is_made_of(record.position) {
            copies.joining.push(told);
        }
    }
    if outcome == Outcome::Duplicate {
        return Ok(());
    }
    let event = united(&*step.parts.log, record.header.lane, (event, counting.as_ref()))?;
    let row = event_row(&*step.parts.agents, step.parts.horizon, outcome, event);
    writing.part()?.row(&row, false)?;
    Ok(())
}

/// Parts being written, one at a time.
struct Writing<'a> {
    step: &'a Step<'a>,
    open: Option<(String, PartWriter)>,
    parts: Vec<EventPart>,
}

impl Writing<'_> {
    fn part(&mut self) -> Result<&mut PartWriter, TablesError> {
        if self
            .open
            .as_ref()
            .is_some_and(|(_, part)| part.rows() >= self.step.parts.limits.part_rows)
        {
            self.close()?;
        }
        if self.open.is_none() {
            self.open = Some(self.step.part(Table::Events)?);
        }
        match &mut self.open {
            Some((_, part)) => Ok(part),
            None => Err(TablesError::Closing),
        }
    }

    fn close(&mut self) -> Result<(), TablesError> {
        if let Some((file, part)) = self.open.take() {
            self.parts.push(EventPart::new(file, part.finish()?));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<EventPart>, TablesError> {
        self.close()?;
        Ok(self.parts)
    }
}
