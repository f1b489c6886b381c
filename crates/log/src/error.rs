//! Why the log could not do what it was asked.

/// Why a group was not made durable.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// The queue before the writer is full; try again shortly.
    #[error("the log's queue is full: more arrives than the disk makes durable; retry with back-off")]
    Overloaded,
    /// The configured size or the disk is used up.
    #[error("the log has reached its disk bound: free space or raise log.bytes_max; it resumes by itself")]
    DiskFull,
    /// An fdatasync failed: nothing more is accepted until a restart.
    #[error("the log is poisoned, an earlier fdatasync failed ({0}): restart after checking the disk")]
    Poisoned(String),
    /// A record is over the limit.
    #[error("a record of {bytes} bytes is over the limit of {limit}: send less in one event")]
    TooLarge {
        /// Its size with the header.
        bytes: usize,
        /// The limit.
        limit: usize,
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
}
