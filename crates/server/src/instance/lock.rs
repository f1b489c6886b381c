//! One process per data directory: an advisory lock that the system drops with the process.

use super::error::InstanceError;
use super::presence::Presence;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// The lock, held until dropped.
pub(super) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock or says who has it.
    pub(super) fn take(dir: &Path) -> Result<Self, InstanceError> {
        let path = dir.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(InstanceError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                let (pid, admin) = Presence::of(dir).read();
                Err(InstanceError::Running { dir: dir.display().to_string(), pid, admin })
            }
            Err(TryLockError::Error(error)) => Err(InstanceError::io("lock", &path)(error)),
        }
    }
}
