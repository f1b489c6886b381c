//! `instance.json`: where the running process listens.

use super::error::InstanceError;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// Where a process listens, as `http://` or `https://` addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// The public plane.
    #[serde(default)]
    pub public: Option<String>,
    /// The admin plane.
    #[serde(default)]
    pub admin: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    pid: u32,
    #[serde(flatten)]
    addresses: Addresses,
}

/// The file of one data directory.
pub(super) struct Presence {
    path: PathBuf,
}

impl Presence {
    pub(super) fn of(dir: &Path) -> Self {
        Self { path: dir.join("instance.json") }
    }

    /// Replaces the file in one step.
    pub(super) fn write(&self, addresses: &Addresses) -> Result<(), InstanceError> {
        let written = Written { pid: std::process::id(), addresses: addresses.clone() };
        let new = self.path.with_extension("json.new");
        let text = serde_json::to_vec(&written).map_err(std::io::Error::other);
        text.and_then(|text| fs::write(&new, text))
            .and_then(|()| fs::rename(&new, &self.path))
            .map_err(InstanceError::io("write", &self.path))
    }

    /// Process id and admin address, as far as the file tells.
    pub(super) fn read(&self) -> (Option<u32>, Option<String>) {
        let written: Option<Written> =
            fs::read(&self.path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        written.map_or((None, None), |written| (Some(written.pid), written.addresses.admin))
    }

    /// Removes the file when it is there.
    pub(super) fn remove(&self) -> Result<(), InstanceError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(InstanceError::io("remove", &self.path)(error))
            }
            _ => Ok(()),
        }
    }
}
