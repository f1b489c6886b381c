//! The tables that SQL reads, kept as Parquet files beside the state, in `tables/`.
//!
//! Nobody waits for them: neither capture nor fold knows that they exist. A refresh takes a snapshot
//! of the state, reads what the log holds between the last refresh and that snapshot, and writes
//! new files; then one rename puts the new manifest in force. A crash before it leaves the tables
//! as they were; what it left behind is removed at the next start.
//!
//! - `events`: parts, appended to. A part is written again only when an event in it changed its
//!   session (a late event came before its first, or joined two) or lost to a better copy. Small
//!   parts are merged.
//! - `sessions`, `touches`, `conversions`, `credits`: files that hold some neighbouring lanes each,
//!   written again when one of their lanes was folded on.
//!
//! Everything refreshed is as of one snapshot, so the tables are equal to an export made of it.

mod arrivals;
mod correct;
mod derive;
mod error;
mod forgetting;
mod keeper;
mod manifest;
mod merge;
mod moved;
mod refresh;
mod version;

pub use correct::Named;
pub use error::TablesError;
pub use keeper::{TablesKeeper, TablesOptions};
pub use refresh::{Tables, TablesLimits, TablesParts};
pub use version::Version;

#[cfg(test)]
mod tests;
