//! Why the kept tables could not be refreshed.

use millstream_log::LogError;
use millstream_pipeline::query::ReadError;
use millstream_store::StoreError;
use millstream_store::tables::TableError;
use std::path::Path;

/// A refresh that failed. The tables stay as they were.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// A file operation failed.
    #[error(
        "cannot {doing} {path}: {source}; check that the disk has room and the folder is writable"
    )]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A table file could not be read or written.
    #[error(
        "{0}; if it happens again stop the instance and remove its folder tables: it is made anew"
    )]
    Table(#[from] TableError),
    /// State could not be read.
    #[error(transparent)]
    State(#[from] ReadError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The state is being folded again and has not come as far as the tables.
    #[error(
        "the tables are ahead of the state, which is being folded again; ask again when it has caught up"
    )]
    Ahead,
    /// The process ends.
    #[error("the process is closing; ask again when it runs")]
    Closing,
}

impl TablesError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { doing, path, source }
    }
}
