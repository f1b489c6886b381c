//! Import: real files into the log, idempotent, through the same envelope as capture.
//!
//! One thread reads lines and numbers equal ones, several parse, and the log takes groups without
//! being waited for. Ids come from content, so that an import may be cut short anywhere and simply
//! be run again.

mod bounded;
mod columns;
mod input;
mod intake;
mod lines;
mod occurrences;
mod options;
mod parquet;
mod parse;
mod run;

pub use bounded::{Bounded, ROW_BYTES_MAX};
pub use input::Input;
pub use lines::LINE_BYTES_MAX;
pub use options::ImportOptions;
pub use parse::{Format, LandingsOf};
pub use run::{ImportCounts, ImportParts, Progress, run};

use crate::links::EditError;
use millstream_log::AppendError;

/// Why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// An input cannot be read.
    #[error(
        "cannot read {name}: {source}; what was read before is kept, run the import again once it can be read"
    )]
    Read {
        /// Its name.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The log did not take it.
    #[error(
        "the import stopped: {0}; what was durable is kept, run the same import again to finish it"
    )]
    Append(#[from] AppendError),
    /// The own domain could not be written to the control history.
    #[error("the own domain could not be recorded: {0}")]
    Settings(#[from] EditError),
    /// An event cannot be written.
    #[error("an event cannot be written as JSON: {0}")]
    Encode(#[from] serde_json::Error),
    /// A map is missing or wrong.
    #[error("the column map cannot be used: {0}; see `millstream import --help`")]
    Map(String),
    /// A worker ended early.
    #[error("an import thread ended early: run the same import again")]
    Worker,
}
