//! Why the store could not do what it was asked.

use millstream_event::Lane;
use std::path::Path;

/// A store operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another owner moved the lane on.
    #[error("lane {lane} was moved on by another owner: reload its head and fold again")]
    Fenced {
        /// The lane.
        lane: Lane,
    },
    /// A key in the range that the store keeps for itself.
    #[error(
        "a key begins with FF FF, which the store keeps for itself: keys begin with a \
         generation below 65535"
    )]
    ReservedKey,
    /// Another process has the state open.
    #[error("the state in {path} is open in another process: stop that one first")]
    Locked {
        /// The folder.
        path: String,
    },
    /// The state on disk cannot be used.
    #[error(
        "the state in {path} cannot be used: {reason}; it can be rebuilt from the log: remove \
         that folder and start again"
    )]
    Damaged {
        /// The folder.
        path: String,
        /// What was found.
        reason: String,
    },
    /// The engine failed.
    #[error(
        "the state store failed to {doing}: {source}; state can be rebuilt from the log: if a \
         restart does not help, remove the state folder and start again"
    )]
    Engine {
        /// What was being done.
        doing: &'static str,
        /// What the engine said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The disk has no room for a commit. Nothing was changed: the same commit may be tried again.
    #[error(
        "the disk has {free} bytes free, and the state needs {wanted} to go on: make room, it then \
         goes on by itself"
    )]
    Full {
        /// Bytes free.
        free: u64,
        /// Bytes that must be.
        wanted: u64,
    },
    /// A file operation failed.
    #[error(
        "cannot {doing} {path}: {source}; check that the disk has room and the path is writable"
    )]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A checkpoint file is not what it should be.
    #[error(
        "the checkpoint {path} is damaged: {reason}; use another backup, or leave the checkpoint out: the state is then refolded from the log"
    )]
    Checkpoint {
        /// The file.
        path: String,
        /// What was found.
        reason: &'static str,
    },
    /// What a visitor of a scan reported.
    #[error("{0}")]
    Visitor(Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { doing, path, source }
    }
}
