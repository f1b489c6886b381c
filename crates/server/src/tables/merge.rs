//! Small parts of `events` made into large ones, so that their number grows with its logarithm.

use super::error::TablesError;
use super::manifest::EventPart;
use super::refresh::Step;
use millstream_store::tables::{PartWriter, Table, read_part};

/// Parts of one size that are merged.
pub(super) const MERGED: usize = 8;

/// The size class of a part; none when it is large enough to stay. Classes grow by [`MERGED`].
fn class(part: &EventPart, part_rows: u64) -> Option<u32> {
    if part.rows >= part_rows / 2 {
        return None;
    }
    Some((part_rows / part.rows.max(1)).ilog(MERGED as u64))
}

/// Merges the parts of every class that has enough of them, smallest first.
pub(super) fn merge(
    step: &Step<'_>,
    mut parts: Vec<EventPart>,
) -> Result<Vec<EventPart>, TablesError> {
    let part_rows = step.parts.limits.part_rows;
    for merged in (0..=part_rows.max(1).ilog(MERGED as u64)).rev() {
        let alike = |part: &EventPart| class(part, part_rows) == Some(merged);
        if parts.iter().filter(|part| alike(part)).count() < MERGED {
            continue;
        }
        let (small, mut others): (Vec<_>, Vec<_>) = parts.into_iter().partition(alike);
        others.extend(join(step, &small)?);
        parts = others;
    }
    Ok(parts)
}

/// The rows of all these parts, in as few files as the largest size allows.
fn join(step: &Step<'_>, small: &[EventPart]) -> Result<Vec<EventPart>, TablesError> {
    let columns = Table::Events.kept_columns();
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let mut joined = Vec::new();
    let mut writing: Option<(String, PartWriter)> = None;
    for part in small {
        if step.closing() {
            return Err(TablesError::Closing);
        }
        let limit = step.parts.limits.part_rows;
        let full = writing.take_if(|(_, open)| open.rows() + part.rows > limit);
        if let Some((file, full)) = full {
            joined.push(EventPart::new(file, full.finish()?));
        }
        let (_, out) = match &mut writing {
            Some(open) => open,
            None => writing.insert(step.part(Table::Events)?),
        };
        read_part(&step.dir.join(&part.file), &names, &mut |cells| {
            out.cells(cells)?;
            Ok(true)
        })?;
    }
    if let Some((file, last)) = writing {
        joined.push(EventPart::new(file, last.finish()?));
    }
    Ok(joined)
}
