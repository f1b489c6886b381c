//! Subject access: everything that is kept of a person, one JSON object a line. What it tells is what an
//! erasure would overwrite, and what was made of that.

use super::subject::Wanted;
use super::sweep::{Reach, contains, event_of};
use crate::export::{ExportError, ExportParts, ExportRequest, export};
use crate::forward::document::document;
use crate::forward::value::to_text;
use millstream_event::{AnonymousId, EntityId, Kind, Timestamp, UserId};
use millstream_log::LogError;
use millstream_pipeline::query::{self, ReadError};
use millstream_store::Reading;
use millstream_store::tables::{Format, Table};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Tables whose rows name the person they belong to.
const TABLES: [Table; 5] =
    [Table::People, Table::Sessions, Table::Touches, Table::Conversions, Table::Credits];

/// Why nothing could be told.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Nobody is known by it.
    #[error("nothing is kept of {0:?}; give a user's or a device's id as it was sent")]
    Nobody(String),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The state.
    #[error(transparent)]
    State(#[from] ReadError),
    /// A table.
    #[error(transparent)]
    Table(#[from] ExportError),
    /// The output.
    #[error("the output takes no more: {0}; check its free space")]
    Output(#[from] io::Error),
}

/// Who asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// A user's or device's id.
    pub id: &'a str,
    /// When.
    pub at: Timestamp,
    /// True when not everything logged is folded yet: rows may be missing.
    pub provisional: bool,
}

/// Writes what is kept of a user or device by this id, with a last line that says how much that was.
///
/// # Errors
/// See [`AccessError`].
pub fn access(
    parts: ExportParts<'_>,
    key: &[u8; 32],
    asked: &Asked<'_>,
    out: &mut dyn Write,
) -> Result<(), AccessError> {
    let id = asked.id;
    let events = logged(parts, key, id, out)?;
    let mut rows = 0;
    if let Some(person) = person(parts, id)? {
        for table in TABLES {
            let record = table.name();
            let mut of_person =
                OfPerson { record, person: person.to_string(), held: Vec::new(), rows: 0, out };
            export(parts, &ExportRequest::new(table, Format::JsonLines), &mut of_person)?;
            rows += of_person.rows;
        }
    }
    if events + rows == 0 {
        return Err(AccessError::Nobody(id.to_owned()));
    }
    let end = json!({
        "record": "end", "id": id, "at": asked.at.to_rfc3339(), "provisional": asked.provisional,
        "logged": events, "rows": rows,
    });
    Ok(line(out, &end)?)
}

fn line(out: &mut dyn Write, value: &Value) -> io::Result<()> {
    writeln!(out, "{value}")
}

fn person(parts: ExportParts<'_>, id: &str) -> Result<Option<EntityId>, ReadError> {
    let state = &Reading(parts.state);
    let user = UserId::parse(id).map(|id| EntityId::user(&id));
    let device = AnonymousId::parse(id).map(|id| EntityId::device(&id));
    for entity in [user, device].into_iter().flatten() {
        if let Some(person) = query::person_of(state, parts.generation, entity)? {
            return Ok(Some(person));
        }
    }
    Ok(None)
}

/// Writes the events, as they are understood and as they are stored, and what quarantine holds.
fn logged(
    parts: ExportParts<'_>,
    key: &[u8; 32],
    id: &str,
    out: &mut dyn Write,
) -> Result<u64, AccessError> {
    let all = Reach::of(parts.log);
    let wanted = Wanted { users: vec![id.to_owned()], anonymous: vec![id.to_owned()] };
    let marks = all.learn(parts.log, key, &wanted.marks(key))?;
    let (mut found, mut failed) = (0, None);
    all.visit(parts.log, &mut |record| {
        let stored = || serde_json::from_slice::<Value>(&record.payload).unwrap_or_default();
        let told = match event_of(&record) {
            Some(event) if marks.fits(key, &event) => {
                let told = to_text(&document(&event)).ok();
                let event = told.and_then(|text| serde_json::from_str::<Value>(&text).ok());
                json!({ "record": "event", "event": event, "stored": stored() })
            }
            None if record.header.kind == Kind::Quarantine
                && contains(&record.payload, id.as_bytes()) =>
            {
                json!({ "record": "quarantine", "stored": stored() })
            }
            _ => return true,
        };
        found += 1;
        failed = line(out, &told).err();
        failed.is_none()
    })?;
    failed.map_or(Ok(found), |error| Err(error.into()))
}

/// Passes the rows of one person on, out of a table written as JSON lines.
struct OfPerson<'a> {
    record: &'static str,
    person: String,
    held: Vec<u8>,
    rows: u64,
    out: &'a mut dyn Write,
}

impl Write for OfPerson<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        while let Some(end) = self.held.iter().position(|byte| *byte == b'\n') {
            let row: Vec<u8> = self.held.drain(..=end).collect();
            let row: Value = serde_json::from_slice(&row).map_err(io::Error::other)?;
            if row["person_id"] == self.person.as_str() {
                self.rows += 1;
                line(self.out, &json!({ "record": self.record, "row": row }))?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
