//! Parts of `events` written again, where what is derived of their rows has changed.

use super::arrivals::Replaced;
use super::error::TablesError;
use super::manifest::EventPart;
use super::moved::Moved;
use super::refresh::Step;
use crate::export::{event_row, united};
use millstream_event::{
    AnonymousId, ClickId, EntityId, EventId, EventKind, Hash128, Lane, SourceId, UserId, envelope,
};
use millstream_log::LogError;
use millstream_pipeline::query::{self, Counting, EventName};
use millstream_store::Reading;
use millstream_store::tables::events::kind_name;
use millstream_store::tables::{Cell, Column, EventRow, Table, TableError, read_part};

/// Writes those parts again that hold a row of a moved session, of a replaced copy, or one that is no
/// longer kept.
pub(super) fn correct(
    step: &Step<'_>,
    parts: Vec<EventPart>,
    moved: &Moved,
    replaced: &Replaced,
) -> Result<Vec<EventPart>, TablesError> {
    let mut corrected = Vec::with_capacity(parts.len());
    for part in parts {
        if step.closing() {
            return Err(TablesError::Closing);
        }
        match concerns(step, &part, moved, replaced)? {
            true => corrected.extend(rewrite(step, &part, moved, replaced)?),
            false => corrected.push(part),
        }
    }
    Ok(corrected)
}

/// True when a row of the part is to be changed, or may be.
fn concerns(
    step: &Step<'_>,
    part: &EventPart,
    moved: &Moved,
    replaced: &Replaced,
) -> Result<bool, TablesError> {
    if !step.kept.all_show(part.first) {
        return Ok(true);
    }
    if replaced.ids.is_empty() && !moved.reaches(part.first, part.last) {
        return Ok(false);
    }
    let mut found = false;
    read_part(&step.dir.join(&part.file), &["event_id", "session_id"], &mut |cells| {
        let [event, session] = cells else { return Ok(false) };
        found = session_of(session).is_some_and(|id| moved.sessions.contains(&id))
            || text(event).is_some_and(|id| replaced.ids.contains(id));
        Ok(!found)
    })?;
    Ok(found)
}

fn text<'a>(cell: &'a Cell<'_>) -> Option<&'a str> {
    match cell {
        Cell::Text(text) => Some(text),
        _ => None,
    }
}

fn session_of(cell: &Cell<'_>) -> Option<Hash128> {
    Hash128::parse_hex(text(cell)?)
}

/// Whom a row of `events` names.
pub struct Named {
    /// The user.
    pub user: Option<UserId>,
    /// The device.
    pub device: Option<AnonymousId>,
    /// The click, where it is one.
    pub click: Option<EntityId>,
}

/// Where the columns stand that name an event.
pub(super) struct Names {
    kind: usize,
    time: usize,
    id: usize,
    source: usize,
    anonymous: usize,
    user: usize,
    click: usize,
    session: usize,
}

impl Names {
    pub(super) fn of(columns: &[Column]) -> Option<Self> {
        let at = |name: &str| columns.iter().position(|column| column.name == name);
        Some(Self {
            kind: at("kind")?,
            time: at("event_time")?,
            id: at("event_id")?,
            source: at("source")?,
            anonymous: at("anonymous_id")?,
            user: at("user_id")?,
            click: at("click_id")?,
            session: at("session_id")?,
        })
    }

    /// True when the row is one that tables still show.
    fn is_kept(&self, step: &Step<'_>, cells: &[Cell<'_>]) -> bool {
        let Cell::Time(time) = cells[self.time] else { return true };
        step.kept.all_show(time)
            || self
                .event(cells)
                .is_none_or(|(subject, ..)| step.kept.shows(Lane::of(subject), time))
    }

    /// Whom a row names.
    pub(super) fn named(&self, cells: &[Cell<'_>]) -> Named {
        let is_click = text(&cells[self.kind]) == Some(kind_name(EventKind::Click));
        let click = text(&cells[self.click]).filter(|_| is_click).and_then(ClickId::parse);
        Named {
            user: text(&cells[self.user]).and_then(UserId::parse),
            device: text(&cells[self.anonymous]).and_then(AnonymousId::parse),
            click: click.map(|click| EntityId::click(&click)),
        }
    }

    /// The event that a row shows.
    fn event<'a>(&self, cells: &'a [Cell<'_>]) -> Option<(EntityId, &'a str, SourceId)> {
        let id = text(&cells[self.id])?;
        let source = SourceId::parse(text(&cells[self.source])?)?;
        let Named { user, device, click } = self.named(cells);
        let subject = match (click, device, user) {
            (Some(click), ..) => click,
            (_, Some(device), _) => EntityId::device(&device),
            (_, _, Some(user)) => EntityId::user(&user),
            _ => EntityId::lone_event(&source, &EventId::parse(id)?),
        };
        Some((subject, id, source))
    }
}

/// The row of an event of which another side was told since; none where the log does not keep it.
fn told_anew(
    step: &Step<'_>,
    (subject, counting): (EntityId, Option<Counting>),
) -> Result<Option<EventRow>, TableError> {
    let lane = Lane::of(subject);
    let unread = |error: LogError| TableError::Read(error.to_string());
    let Some(counting) = counting else { return Ok(None) };
    let record = match step.parts.log.read_at(lane, counting.position) {
        Ok(Some(record)) => record,
        Ok(None) | Err(LogError::Removed { .. }) => return Ok(None),
        Err(error) => return Err(unread(error)),
    };
    let Ok(event) = envelope::decode(record.header.contract_version, &record.payload) else {
        return Ok(None);
    };
    let event = united(&*step.parts.log, lane, (event, Some(&counting))).map_err(unread)?;
    let outcome = counting.outcome_of(counting.position);
    Ok(Some(event_row(&*step.parts.agents, step.parts.horizon, outcome, event)))
}

/// The part with its rows as they are now; none when no row is left.
fn rewrite(
    step: &Step<'_>,
    part: &EventPart,
    moved: &Moved,
    replaced: &Replaced,
) -> Result<Option<EventPart>, TablesError> {
    let columns = Table::Events.kept_columns();
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let Some(places) = Names::of(&columns) else { return Ok(Some(part.clone())) };
    let (file, mut out) = step.part(Table::Events)?;
    let (state, generation) = (Reading(step.state), step.parts.generation);
    let unread = |error: query::ReadError| TableError::Read(error.to_string());
    read_part(&step.dir.join(&part.file), &names, &mut |cells| {
        if !places.is_kept(step, cells) {
            return Ok(true);
        }
        let leaves = session_of(&cells[places.session])
            .is_some_and(|session| moved.sessions.contains(&session));
        let copied = text(&cells[places.id]).is_some_and(|id| replaced.ids.contains(id));
        if !leaves && !copied {
            out.cells(cells)?;
            return Ok(true);
        }
        let Some((subject, id, source)) = places.event(cells) else {
            return Err(TableError::Read(format!("{}: a row names no event", part.file)));
        };
        let key =
            EventName { subject, id, source: &source }.key((generation, &step.parts.properties));
        if replaced.keys.contains(&key) {
            return Ok(true);
        }
        // Rows with a session are of events that form sessions.
        let counting = query::counting_at(&state, generation, &key, leaves).map_err(unread)?;
        if replaced.joined.contains(&key)
            && let Some(event) = told_anew(step, (subject, counting))?
        {
            out.row(&event, false)?;
            return Ok(true);
        }
        let mut row = cells.to_vec();
        if leaves {
            row[places.session] = Cell::maybe_hash(counting.and_then(|it| it.session_id));
        }
        out.cells(&row)?;
        Ok(true)
    })?;
    let size = out.finish()?;
    Ok((size.rows > 0).then(|| EventPart::new(file, size)))
}
