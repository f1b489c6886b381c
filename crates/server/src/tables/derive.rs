//! Tables that stand in the state whole, written lane by lane.

use super::error::TablesError;
use super::manifest::Bucket;
use super::moved::{Moved, Watch};
use super::refresh::Step;
use millstream_pipeline::query::{self, ReadError, Rows, StateRead};
use millstream_pipeline::rows::SessionRow;
use millstream_store::LaneReading;
use millstream_store::tables::{PartWriter, Row, Table};

/// Reads one table's rows of one lane.
type Query<'a, R> = &'a dyn Fn(&dyn StateRead, Rows<'_, R>) -> Result<(), ReadError>;

/// Writes the files of a table again whose lanes changed; sessions that events must leave are added
/// to `moved`.
pub(super) fn table(
    step: &Step<'_>,
    (table, buckets): (Table, &[Bucket]),
    changed: &[bool],
    moved: &mut Moved,
) -> Result<Vec<Bucket>, TablesError> {
    let (generation, window) = (step.parts.generation, step.parts.window);
    let renew = |bucket: &Bucket, moved: &mut Moved| match table {
        Table::Sessions => {
            let mut watch = Watch::of(step, bucket)?;
            let query: Query<'_, _> = &|state, rows| query::sessions(state, generation, rows);
            let fresh =
                renew(step, (table, bucket), query, &mut |row: &SessionRow| watch.row(row))?;
            watch.finish(moved);
            Ok(fresh)
        }
        Table::Touches => renew(
            step,
            (table, bucket),
            &|s, rows| query::touches(s, generation, rows),
            &mut |_| {},
        ),
        Table::Conversions => renew(
            step,
            (table, bucket),
            &|s, rows| query::conversions(s, generation, rows),
            &mut |_| {},
        ),
        Table::Credits => renew(
            step,
            (table, bucket),
            &|s, rows| query::credits(s, generation, window, rows),
            &mut |_| {},
        ),
        _ => Ok(vec![bucket.clone()]),
    };
    let mut all = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        let touched = bucket.lanes().any(|lane| changed[lane.index()]);
        match touched {
            true => all.extend(renew(bucket, moved)?),
            false => all.push(bucket.clone()),
        }
    }
    Ok(all)
}

/// The rows of the bucket's lanes as the state has them now, in as many files as they need.
fn renew<R: Row>(
    step: &Step<'_>,
    (table, bucket): (Table, &Bucket),
    query: Query<'_, R>,
    each: &mut dyn FnMut(&R),
) -> Result<Vec<Bucket>, TablesError> {
    let mut fresh = Vec::new();
    let mut writing: Option<(String, PartWriter)> = None;
    let mut first = bucket.first;
    for lane in bucket.lanes() {
        let mut failed = None;
        let state = LaneReading { state: step.state, lane };
        query(&state, &mut |row| {
            each(&row);
            failed = write(step, table, &mut writing, &row).err();
            Ok(failed.is_none())
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        let full =
            writing.as_ref().is_some_and(|(_, part)| part.rows() >= step.parts.limits.bucket_rows);
        if full && lane.number() < bucket.last {
            fresh.push(close((first, lane.number()), writing.take())?);
            first = lane.number() + 1;
        }
    }
    fresh.push(close((first, bucket.last), writing)?);
    Ok(fresh)
}

fn write<R: Row>(
    step: &Step<'_>,
    table: Table,
    writing: &mut Option<(String, PartWriter)>,
    row: &R,
) -> Result<(), TablesError> {
    if step.closing() {
        return Err(TablesError::Closing);
    }
    let (_, part) = match writing {
        Some(open) => open,
        None => writing.insert(step.part(table)?),
    };
    Ok(part.row(row, true)?)
}

fn close(
    (first, last): (u8, u8),
    writing: Option<(String, PartWriter)>,
) -> Result<Bucket, TablesError> {
    let Some((file, part)) = writing else {
        return Ok(Bucket { first, last, ..Bucket::empty() });
    };
    let size = part.finish()?;
    Ok(Bucket { first, last, file: Some(file), rows: size.rows, bytes: size.bytes })
}
