//! Parts of `events` written again, where what is derived of their rows has changed.

use super::arrivals::Replaced;
use super::error::TablesError;
use super::manifest::EventPart;
use super::moved::Moved;
use super::refresh::Step;
use millstream_event::{
    AnonymousId, ClickId, EntityId, EventId, EventKind, Hash128, SourceId, UserId,
};
use millstream_pipeline::query::{self, EventName};
use millstream_store::Reading;
use millstream_store::tables::events::kind_name;
use millstream_store::tables::{Cell, Column, Table, TableError, read_part};

/// Writes those parts again that hold a row of a moved session or of a replaced copy.
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

/// Where the columns stand that name an event.
struct Names {
    kind: usize,
    id: usize,
    source: usize,
    anonymous: usize,
    user: usize,
    click: usize,
    session: usize,
}

impl Names {
    fn of(columns: &[Column]) -> Option<Self> {
        let at = |name: &str| columns.iter().position(|column| column.name == name);
        Some(Self {
            kind: at("kind")?,
            id: at("event_id")?,
            source: at("source")?,
            anonymous: at("anonymous_id")?,
            user: at("user_id")?,
            click: at("click_id")?,
            session: at("session_id")?,
        })
    }

    /// The event that a row shows.
    fn event<'a>(&self, cells: &'a [Cell<'_>]) -> Option<EventName<'a>> {
        let (id, source) = (text(&cells[self.id])?, text(&cells[self.source])?);
        let is_click = text(&cells[self.kind]) == Some(kind_name(EventKind::Click));
        let click = text(&cells[self.click]).filter(|_| is_click).and_then(ClickId::parse);
        let device = text(&cells[self.anonymous]).and_then(AnonymousId::parse);
        let user = text(&cells[self.user]).and_then(UserId::parse);
        let subject = match (click, device, user) {
            (Some(click), ..) => EntityId::click(&click),
            (_, Some(device), _) => EntityId::device(&device),
            (_, _, Some(user)) => EntityId::user(&user),
            _ => EntityId::lone_event(&SourceId::parse(source)?, &EventId::parse(id)?),
        };
        Some(EventName { subject, id, source })
    }
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
        let leaves = session_of(&cells[places.session])
            .is_some_and(|session| moved.sessions.contains(&session));
        let copied = text(&cells[places.id]).is_some_and(|id| replaced.ids.contains(id));
        if !leaves && !copied {
            out.cells(cells)?;
            return Ok(true);
        }
        let Some(event) = places.event(cells) else {
            return Err(TableError::Read(format!("{}: a row names no event", part.file)));
        };
        let key = event.key(generation);
        if replaced.keys.contains(&key) {
            return Ok(true);
        }
        // Rows with a session are of events that form sessions.
        let counting = query::counting_at(&state, generation, &key, leaves).map_err(unread)?;
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
