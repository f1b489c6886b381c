//! Erasing a person: what was logged of it is overwritten where it stands, everything made of that is
//! made anew, and a receipt says so.
//!
//! The log's records keep their place and length, so positions and chains hold; an erased record is
//! blank and belongs to nobody. State, tables and checkpoints follow from the log: the log is folded anew
//! into a fresh folder and the earlier ones are removed. Versions of probable links are files of their own: the
//! links of those who were erased are dropped from each.
//!
//! Who was erased is remembered only by keyed hashes, in `erasures.jsonl`: enough to erase the same people
//! again from a backup that is restored later, and of no use to anybody without the log's key.

mod access;
mod blank;
mod register;
mod subject;
mod sweep;
mod verify;

pub use access::{AccessError, Asked, access};
pub use register::{Erasure, Register};
pub use subject::{Marks, Wanted};
pub use sweep::{Swept, sweep};
pub use verify::{Finding, Needles, scan};

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
