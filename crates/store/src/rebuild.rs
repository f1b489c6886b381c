//! Starting over: state that cannot be used is moved aside, for the log holds everything.

use crate::embedded::{FjallStore, StoreOptions};
use crate::error::StoreError;
use std::path::{Path, PathBuf};

/// How the state was found.
#[derive(Debug)]
pub enum Found {
    /// As it was left (or none yet).
    Kept,
    /// It could not be used; the store begins empty and everything is folded again.
    SetAside {
        /// Where it now is; removed the next time something is set aside.
        path: PathBuf,
        /// Why it could not be used.
        because: StoreError,
    },
}

impl FjallStore {
    /// As [`Self::open`], but damaged state is renamed to `DIR.damaged` and the store begins empty.
    /// Only the last damaged state is kept.
    ///
    /// # Errors
    /// As [`Self::open`], without [`StoreError::Damaged`]; [`StoreError::Io`] when the damaged
    /// folder cannot be renamed.
    pub fn open_or_rebuild(
        dir: &Path,
        options: &StoreOptions,
    ) -> Result<(Self, Found), StoreError> {
        match Self::open(dir, options) {
            Ok(store) => Ok((store, Found::Kept)),
            Err(because @ StoreError::Damaged { .. }) => {
                let path = set_aside(dir)?;
                Ok((Self::open(dir, options)?, Found::SetAside { path, because }))
            }
            Err(other) => Err(other),
        }
    }
}

/// Renames the state folder `dir` to `DIR.damaged`, in place of an earlier one, and says where it is.
///
/// # Errors
/// When the folder cannot be renamed.
pub fn set_aside(dir: &Path) -> Result<PathBuf, StoreError> {
    let mut name = dir.file_name().unwrap_or_default().to_os_string();
    name.push(".damaged");
    let aside = dir.with_file_name(name);
    if aside.exists() {
        std::fs::remove_dir_all(&aside).map_err(StoreError::io("remove", &aside))?;
    }
    std::fs::rename(dir, &aside).map_err(StoreError::io("set aside", dir))?;
    Ok(aside)
}
