//! Tables that stand in the state whole.

use super::{ExportError, ExportRequest};
use millstream_event::Span;
use millstream_event::control::Control;
use millstream_pipeline::StateRead;
use millstream_pipeline::exposures::exposures;
use millstream_pipeline::query::{self, ReadError, Rows};
use millstream_store::tables::{ExposureRow, LinkRow, Row, SpendRow, Table, write_rows};
use std::io::Write;

/// Writes a table other than events and quarantine.
pub(super) fn derived(
    read: &dyn StateRead,
    (generation, window): (u16, Span),
    request: &ExportRequest,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    match request.table {
        Table::Sessions => write(request, out, |rows| query::sessions(read, generation, rows)),
        Table::People => write(request, out, |rows| query::people(read, generation, rows)),
        Table::Touches => write(request, out, |rows| query::touches(read, generation, rows)),
        Table::Conversions => {
            write(request, out, |rows| query::conversions(read, generation, rows))
        }
        Table::Credits => {
            write(request, out, |rows| query::credits(read, generation, window, rows))
        }
        Table::Clicks => write(request, out, |rows| query::clicks(read, generation, rows)),
        Table::Links => write(request, out, |rows| links(read, generation, rows)),
        Table::Spend => write(request, out, |rows| {
            query::spend(read, generation, i32::MIN..=i32::MAX, &mut |spend| rows(SpendRow(spend)))
        }),
        Table::Exposures => write(request, out, |rows| {
            exposures(read, generation, &mut |device, exposure| {
                rows(ExposureRow { device, exposure })
            })
        }),
        Table::Events | Table::Decisions | Table::Quarantine => Ok(0),
    }
}

fn write<R: Row>(
    request: &ExportRequest,
    out: &mut dyn Write,
    query: impl FnOnce(Rows<'_, R>) -> Result<(), ReadError>,
) -> Result<u64, ExportError> {
    let mut rows = Vec::new();
    query(&mut |row| {
        rows.push(row);
        Ok(true)
    })?;
    Ok(write_rows(rows, request.format, request.with_revision, out)?)
}

/// Every version of every link.
fn links(read: &dyn StateRead, generation: u16, rows: Rows<'_, LinkRow>) -> Result<(), ReadError> {
    query::controls(read, generation, &mut |(position, control)| match control {
        Control::Link(link) => rows(LinkRow { link, position }),
        _ => Ok(true),
    })
}
