//! Who was erased, by keyed hashes: a line for each erasure.

use super::ErasureError;
use super::subject::Marks;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The file's name, in a data directory and in a backup.
const NAME: &str = "erasures.jsonl";

/// One erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Number of the receipt.
    pub receipt: String,
    /// When it was asked for.
    pub at: String,
    /// Who.
    pub marks: Marks,
}

/// The file.
#[derive(Clone, Debug)]
pub struct Register(PathBuf);

impl Register {
    /// That of a folder.
    pub fn of(dir: &Path) -> Self {
        Self(dir.join(NAME))
    }

    /// One in a file of its own.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn failed(&self, source: std::io::Error) -> ErasureError {
        ErasureError::File { path: self.0.display().to_string(), source }
    }

    /// Every erasure; none where there is no file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> Result<Vec<Erasure>, ErasureError> {
        let text = match std::fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(error)),
        };
        let broken = |error: serde_json::Error| ErasureError::Register {
            path: self.0.display().to_string(),
            why: error.to_string(),
        };
        text.lines().map(|line| serde_json::from_str(line).map_err(broken)).collect()
    }

    /// Adds one, durably.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&self, erasure: &Erasure) -> Result<(), ErasureError> {
        let write = || {
            let mut line = serde_json::to_vec(erasure)?;
            line.push(b'\n');
            let mut file = OpenOptions::new().create(true).append(true).open(&self.0)?;
            file.write_all(&line)?;
            file.sync_all()?;
            match self.0.parent() {
                Some(folder) => File::open(folder)?.sync_all(),
                None => Ok(()),
            }
        };
        write().map_err(|error| self.failed(error))
    }
}
