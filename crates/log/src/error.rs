//! Why the log could not do what it was asked.

use millstream_event::record::HeaderError;
use millstream_event::{Lane, Position};
use std::path::Path;

/// Why a group was not made durable.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// The queue before the writer is full; try again shortly.
    #[error(
        "the log's queue is full: more arrives than the disk makes durable; retry with back-off"
    )]
    Overloaded,
    /// The configured size or the disk is used up.
    #[error(
        "the log has reached its disk bound: free space or raise log.bytes_max; it resumes by itself"
    )]
    DiskFull,
    /// An fdatasync failed: nothing more is accepted until a restart.
    #[error(
        "the log is poisoned, an earlier fdatasync failed ({0}): restart after checking the disk"
    )]
    Poisoned(String),
    /// A record is over the limit.
    #[error("a record of {bytes} bytes is over the limit of {limit}: send less in one event")]
    TooLarge {
        /// Its size with the header.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A group is larger than the whole queue and could never be taken.
    #[error(
        "a group of {records} records and {bytes} bytes is over the queue's limit of \
         {records_max} records and {bytes_max} bytes: append it in smaller groups"
    )]
    GroupTooLarge {
        /// Its records.
        records: usize,
        /// Its bytes with the headers.
        bytes: usize,
        /// The limit on records.
        records_max: usize,
        /// The limit on bytes.
        bytes_max: usize,
    },
    /// The log is closing.
    #[error("the log is shutting down: retry once the process is back")]
    Closed,
}

/// Why the log could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A file operation failed.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Bytes that had been made durable are no longer what was written.
    #[error(
        "{path} is damaged at byte {offset}: {what}. Nothing was cut, for valid records follow or \
         should follow: restore the file from a copy, or, to give up everything from there on, \
         stop the process, `truncate -s {offset} {path}` and remove the later segments"
    )]
    Damaged {
        /// The segment.
        path: String,
        /// Where the first bad record or frame begins.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A segment's first page is no longer what was written.
    #[error(
        "the header page of {path} is damaged: restore the file from a copy, or, to give up \
         everything in it and after it, stop the process and remove it and the later segments"
    )]
    HeaderDamaged {
        /// The segment.
        path: String,
    },
    /// The first page of a file of kept records is no longer what was written.
    #[error(
        "{path} is damaged or of another version: restore it from a copy, or, to give up what \
         destinations are still owed of it, stop the process and remove it"
    )]
    KeptDamaged {
        /// The file.
        path: String,
    },
    /// A segment between two others is gone.
    #[error("{path} is missing while older and newer segments exist: restore it from a copy")]
    Missing {
        /// The segment.
        path: String,
    },
    /// A segment that this log cannot have written.
    #[error("{path} does not belong here: {what}")]
    Foreign {
        /// The segment.
        path: String,
        /// Why not.
        what: &'static str,
    },
    /// A valid record that only a newer version understands.
    #[error("cannot read the record at byte {offset} of {path}: {source}")]
    Unsupported {
        /// The segment.
        path: String,
        /// Where the record begins.
        offset: u64,
        /// What is not understood.
        source: HeaderError,
    },
    /// The records wanted were removed by retention.
    #[error(
        "lane {lane} is kept from position {} on, but {} was asked for: restore a checkpoint, or \
         begin at the first position kept", first.0, wanted.0
    )]
    Removed {
        /// The lane.
        lane: Lane,
        /// The position asked for.
        wanted: Position,
        /// The first one kept.
        first: Position,
    },
    /// A position that the log never reached, or lost.
    #[error(
        "lane {lane} ends before position {}, but {} was asked for: the log lost its tail or is \
         another one; restore a checkpoint at or before the log's end", head.0, wanted.0
    )]
    Ahead {
        /// The lane.
        lane: Lane,
        /// The position asked for.
        wanted: Position,
        /// The next position of the lane.
        head: Position,
    },
    /// The payload that is to stand in for an erased one does not fit.
    #[error("a replacement of {bytes} bytes does not fit in a payload of {limit}: shorten it")]
    ReplacementTooLarge {
        /// Its size.
        bytes: usize,
        /// The size of the payload to be erased.
        limit: usize,
    },
    /// An option that makes no sense.
    #[error("{option} is {value}, but must lie in {least}..={most}: change the configuration")]
    Option {
        /// Its configuration key.
        option: &'static str,
        /// Its value.
        value: u64,
        /// The least that works.
        least: u64,
        /// The most that works.
        most: u64,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
}

impl LogError {
    /// A failed file operation.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { doing, path, source }
    }
}
