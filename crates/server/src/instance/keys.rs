//! The data directory's key and what is derived from it.

use super::error::InstanceError;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Bytes of the key.
const KEY_BYTES: usize = 32;
/// Its file in the log's folder.
pub(super) const KEY_FILE: &str = "key";
/// Owner may read and write, nobody else anything.
const KEY_MODE: u32 = 0o600;

/// Keys for separate uses: knowing one tells nothing of the others.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Hashes the subjects in record headers.
    pub subject: [u8; 32],
    /// Signs `ms_click`.
    pub click: [u8; 32],
    /// Signs cookies.
    pub cookie: [u8; 32],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Keys {
    /// Derives the keys from the data directory's own (BLAKE3 key derivation).
    pub fn derive(master: &[u8; KEY_BYTES]) -> Self {
        let derive = |context| blake3::derive_key(context, master);
        Self {
            subject: derive("millstream 2026 subject hash"),
            click: derive("millstream 2026 click token"),
            cookie: derive("millstream 2026 cookie"),
        }
    }

    /// Reads the key in `log_dir`; makes one when there is neither a key nor a segment.
    pub(super) fn load_or_create(log_dir: &Path) -> Result<Self, InstanceError> {
        let path = log_dir.join(KEY_FILE);
        if !path.exists() {
            if has_segments(log_dir)? {
                return Err(InstanceError::KeyMissing { path: path.display().to_string() });
            }
            create(log_dir, &path)?;
        }
        let bytes = fs::read(&path).map_err(InstanceError::io("read", &path))?;
        let mode =
            fs::metadata(&path).map_err(InstanceError::io("read", &path))?.permissions().mode();
        if mode & 0o077 != 0 {
            let mode = mode & 0o777;
            return Err(InstanceError::KeyExposed { path: path.display().to_string(), mode });
        }
        let damaged =
            || InstanceError::KeyDamaged { path: path.display().to_string(), bytes: bytes.len() };
        let master: &[u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| damaged())?;
        Ok(Self::derive(master))
    }
}

fn has_segments(log_dir: &Path) -> Result<bool, InstanceError> {
    for entry in fs::read_dir(log_dir).map_err(InstanceError::io("list", log_dir))? {
        let name = entry.map_err(InstanceError::io("list", log_dir))?.file_name();
        if name.to_string_lossy().ends_with(".segment") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes a key under another name first, so that a crash leaves a whole key or none.
fn create(log_dir: &Path, path: &Path) -> Result<(), InstanceError> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| InstanceError::Random(error.to_string()))?;
    let new = log_dir.join("key.new");
    let write = || -> std::io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(KEY_MODE).open(&new)?;
        file.write_all(&key)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(log_dir)?.sync_all()
    };
    write().map_err(InstanceError::io("write the key", path))
}
