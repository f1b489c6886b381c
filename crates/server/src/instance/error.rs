//! Why a data directory could not be opened, backed up or restored.

use millstream_event::Lane;
use millstream_log::LogError;
use millstream_store::StoreError;
use std::path::Path;

/// A data directory that cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// Another process has it open.
    #[error(
        "{dir} is in use by another process{}: stop it, or talk to it{}",
        pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default(),
        admin.as_ref().map(|admin| format!(" at {admin}")).unwrap_or_default()
    )]
    Running {
        /// The folder.
        dir: String,
        /// The process, once it has said so.
        pid: Option<u32>,
        /// Its admin plane, once it listens.
        admin: Option<String>,
    },
    /// A file operation failed.
    #[error("cannot {doing} {path}: {source}; check that it is writable and the disk has room")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The key is gone, but the log it belongs to is not.
    #[error(
        "{path} is missing beside a log that was written with it: restore it from a backup, for \
         without it no erasure finds its records and no link handed out before is recognised"
    )]
    KeyMissing {
        /// Where it should be.
        path: String,
    },
    /// The key is not 32 bytes.
    #[error("{path} has {bytes} bytes instead of 32: restore it from a backup")]
    KeyDamaged {
        /// Where it is.
        path: String,
        /// Its size.
        bytes: usize,
    },
    /// Others can read the key.
    #[error("{path} can be read by others (mode {mode:o}): chmod 600 {path}")]
    KeyExposed {
        /// Where it is.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes for a new key: {0}")]
    Random(String),
    /// The state was folded from another log, or from a part of this one that is lost.
    #[error(
        "the state does not belong to this log: lane {lane} {how}; it is folded again from the log"
    )]
    OtherTimeline {
        /// The first lane that differs.
        lane: Lane,
        /// How.
        how: String,
    },
    /// The state, or a checkpoint, ends before the log begins.
    #[error(
        "the state of lane {lane} ends at position {next}, but the log is kept from {first} on: a \
         newer checkpoint or a backup is needed"
    )]
    TooFarBack {
        /// The first such lane.
        lane: Lane,
        /// What would be folded next.
        next: u64,
        /// The first position kept.
        first: u64,
    },
    /// Retention does not know how far it may go.
    #[error("what destinations are owed cannot be told: {0}; the log is kept whole until it can")]
    Needed(String),
    /// Rows cannot be let go.
    #[error("old rows stay for now: {0}")]
    Rows(String),
    /// 65,536 generations were folded in this directory.
    #[error("this directory has used up its 65,536 generations: import its log into a new one")]
    GenerationsUsedUp,
    /// A folder that must be empty is not.
    #[error("{path} is not empty: name a folder that does not exist or is empty")]
    NotEmpty {
        /// The folder.
        path: String,
    },
    /// A folder is not a backup.
    #[error("{path} is not a backup: {why}")]
    NotABackup {
        /// The folder.
        path: String,
        /// What is missing.
        why: String,
    },
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The state cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl InstanceError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { doing, path, source }
    }
}
