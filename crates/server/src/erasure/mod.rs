//! Erasing a person: what was logged of it is overwritten where it stands, what was made of that is
//! taken back, and a receipt says so.
//!
//! The log's records keep their place and length, so positions and chains hold; an erased record is
//! blank and belongs to nobody. The fold takes back what it made of them, by orders in the log; then the
//! state is written anew without their rows, and the earlier state, its checkpoints and its tables are
//! removed. Versions of probable links are files of their own: the links of those who were erased are
//! dropped from each.
//!
//! Who was erased is remembered only by keyed hashes, in `erasures.jsonl`: enough to erase the same people
//! again from a backup that is restored later, and of no use to anybody without the log's key.

mod access;
mod blank;
mod people;
mod register;
mod subject;
mod sweep;
mod verify;

pub use access::{AccessError, Asked, access};
pub use people::find;
pub use register::{Erasure, Register, unfinished};
pub use subject::{Marks, Wanted};
pub use sweep::{Swept, begun, learn, sweep_events, sweep_told};
pub use verify::{Finding, Needles, scan, scan_rows};

/// Why something could not be erased.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// Nobody was named.
    #[error("nobody is named: give --user or --anonymous")]
    Nobody,
    /// An id is none.
    #[error("{0:?} is no id: use 1 to 255 bytes without control characters")]
    Id(String),
    /// The log.
    #[error(transparent)]
    Log(#[from] millstream_log::LogError),
    /// The state.
    #[error(transparent)]
    State(#[from] millstream_pipeline::ReadError),
    /// A file.
    #[error("{path} cannot be read or written: {source}; check the disk and permissions")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of the register.
    #[error("{path} holds a line that is no erasure: {why}; restore the file from a copy")]
    Register {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
}
