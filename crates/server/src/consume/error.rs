//! Why the consumer could not start or did not finish.

use crate::instance::InstanceError;
use millstream_log::LogError;
use millstream_pipeline::ReadError;
use millstream_store::StoreError;

/// Why the consumer could not start.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// An option that makes no sense.
    #[error("{option} is 0, but must be at least 1: change it in the configuration")]
    Option {
        /// Its name.
        option: &'static str,
    },
    /// State and log do not belong together.
    #[error(transparent)]
    Timeline(#[from] InstanceError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stored controls or outbox rows cannot be read.
    #[error(transparent)]
    State(#[from] ReadError),
    /// No thread could be started.
    #[error("cannot start the thread {name}: {source}; raise the limit on processes")]
    Thread {
        /// Its name.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Why not everything logged is folded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrainError {
    /// The deadline passed first.
    #[error(
        "{lag_records} records and {outbox} items are not folded yet: wait longer, or see the \
         status for what holds them up"
    )]
    Deadline {
        /// Records behind.
        lag_records: u64,
        /// Items whose outbox rows still stand.
        outbox: u64,
    },
    /// Folding stopped.
    #[error("folding stopped: {0}")]
    Stopped(String),
    /// The consumer is shutting down.
    #[error("the consumer is shutting down")]
    Closed,
}
