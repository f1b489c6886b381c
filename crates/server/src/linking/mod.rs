//! Probable identity links of one data directory: fitted at a cut, kept beside what is certain, used
//! where somebody asks for them.
//!
//! [`gather`] reads devices off a snapshot of the state and, what only the log holds, off the log up to
//! that snapshot; `millstream_stitch::linkage` fits; the [`Shelf`] keeps versions of the result as
//! files, one of them in force. Nothing of it is read by the fold.

mod artefact;
mod gather;
mod people;
mod shelf;
#[cfg(test)]
mod tests;

pub use artefact::{Artefact, Cut, DeviceCounts, LinkDay, Outcome, Told, VersionLine};
pub use gather::{DEVICES_MAX, GatherParts, Gathered, gather};
pub use people::Joined;
pub use shelf::{DIR, Numbered, Shelf, VERSIONS_MAX};

use crate::report::ReportError;
use millstream_log::LogError;
use millstream_pipeline::query::ReadError;
use millstream_store::StoreError;

/// Links shown where nobody says how many.
pub const SHOWN_DEFAULT: usize = 20;
/// Most links of one answer.
pub const SHOWN_MAX: usize = 1_000;

/// Why links could not be fitted, kept or read.
#[derive(Debug, thiserror::Error)]
pub enum LinkingError {
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] ReadError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A file cannot be read or written.
    #[error("cannot {doing} {path}: {source}; check that it is writable and the disk has room")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error(
        "{path} is damaged ({why}): restore another version with `millstream link --restore N`"
    )]
    Damaged {
        /// Which.
        path: String,
        /// What the parser said.
        why: String,
    },
    /// There is no such version.
    #[error("there is no version {wanted}: kept are {kept}, and 0 stands for none")]
    NoVersion {
        /// What was asked for.
        wanted: u32,
        /// Which there are.
        kept: String,
    },
    /// Devices were gathered before somebody was erased.
    #[error("somebody was erased while devices were compared: run `millstream link` again")]
    Erased,
}

impl From<LinkingError> for ReportError {
    fn from(error: LinkingError) -> Self {
        Self::read(error)
    }
}
