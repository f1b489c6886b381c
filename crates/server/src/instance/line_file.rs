//! A file of JSON lines that grows at its end.

use super::error::InstanceError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct LineFile {
    path: PathBuf,
}

impl LineFile {
    /// The file at a path; it may not be there yet.
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The lines, and the bytes that they take. What follows them was cut short by the end of a process:
    /// it was never told, and what it would have told is noted again.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<(Vec<T>, u64), InstanceError> {
        let mut text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(InstanceError::io("read", &self.path)(error)),
        };
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        let broken = |error| {
            InstanceError::io("read", &self.path)(io::Error::other::<serde_json::Error>(error))
        };
        let lines = text.lines().map(|line| serde_json::from_str(line).map_err(broken));
        Ok((lines.collect::<Result<_, _>>()?, text.len() as u64))
    }

    /// Adds a line behind the whole ones, which take so many bytes. It is durable afterwards.
    pub(super) fn append<T: Serialize>(&self, line: &T, whole: u64) -> Result<(), InstanceError> {
        let write = || -> io::Result<()> {
            let mut line = serde_json::to_vec(line)?;
            line.push(b'\n');
            let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
            file.set_len(whole)?;
            file.write_all(&line)?;
            file.sync_all()?;
            match self.path.parent() {
                Some(folder) => File::open(folder)?.sync_all(),
                None => Ok(()),
            }
        };
        write().map_err(InstanceError::io("write", &self.path))
    }
}
