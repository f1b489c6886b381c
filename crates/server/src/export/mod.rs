//! Tables out of a data directory: rows of the state, and of the log joined with it.
//!
//! Everything comes from one snapshot of the state; events that are logged behind it are told as
//! `in_flight`. Rows of mutable tables are sorted in memory (they grow with sessions and people);
//! events are sorted through temporary files, so that their number is bounded by the disk.

mod decisions;
mod derived;
mod events;
mod request;
mod united;

pub(crate) use events::event_row;
pub use request::{ExportRequest, RequestError};
pub(crate) use united::united;

use millstream_event::Span;
use millstream_log::{EventLog, LogError};
use millstream_pipeline::query::ReadError;
use millstream_stitch::{Agents, Properties};
use millstream_store::tables::{Table, TableError};
use millstream_store::{Reading, StateView, StoreError};
use std::io::Write;

/// What an export reads.
#[derive(Clone, Copy)]
pub struct ExportParts<'a> {
    /// The log.
    pub log: &'a dyn EventLog,
    /// A snapshot of the state.
    pub state: &'a dyn StateView,
    /// The generation to show.
    pub generation: u16,
    /// Which sources see the same actions.
    pub properties: &'a Properties,
    /// How long a touch can be credited.
    pub window: Span,
    /// Events received later than this after they happened are labelled late.
    pub horizon: Span,
    /// Recognises user agents.
    pub agents: &'a dyn Agents,
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The table could not be written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// State could not be read.
    #[error(transparent)]
    State(#[from] ReadError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An event that was put together cannot be held.
    #[error("an event cannot be put together: {0}; free memory and export again")]
    Event(#[from] serde_json::Error),
}

/// Writes one table to `out`; returns how many rows.
///
/// # Errors
/// When state or log cannot be read, or `out` refuses bytes.
pub fn export(
    parts: ExportParts<'_>,
    request: &ExportRequest,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    let read = &Reading(parts.state);
    match request.table {
        Table::Events => events::events(parts, request, out),
        Table::Decisions => events::decisions(parts, request, out),
        Table::Quarantine => events::quarantine(parts, request, out),
        _ => derived::derived(read, (parts.generation, parts.window), request, out),
    }
}

#[cfg(test)]
mod tests;
