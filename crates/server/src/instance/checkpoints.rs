//! Checkpoints of the state in `checkpoints/`, one numbered folder each. The two newest are kept.

use super::error::InstanceError;
use super::generations;
use millstream_event::Lane;
use millstream_log::LanePositions;
use millstream_store::checkpoint::{self, CheckpointSize, OpenView};
use millstream_store::{LaneHead, StateStore, StoreError};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Checkpoints that are kept. Retention stops before the older one, so that one damaged checkpoint
/// loses nothing.
const KEPT: usize = 2;
/// Written last: says what the folder must hold.
const MANIFEST_FILE: &str = "checkpoint.json";

#[derive(Serialize, Deserialize)]
struct Manifest {
    /// Version of what the state means: state of another one must be folded again.
    layout: u32,
    lanes: u64,
    entries: u64,
}

/// The checkpoints of one data directory.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    dir: PathBuf,
    generation: u16,
    layout: u32,
}

impl Checkpoints {
    /// Those of a data directory, for state of this generation and layout.
    pub fn of(dir: &Path, generation: u16, layout: u32) -> Self {
        Self { dir: dir.join("checkpoints"), generation, layout }
    }

    /// Every finished checkpoint, oldest first.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn all(&self) -> Result<Vec<PathBuf>, InstanceError> {
        let listed = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(InstanceError::io("list", &self.dir))?,
        };
        let mut found = Vec::new();
        for entry in listed {
            let path = entry.map_err(InstanceError::io("list", &self.dir))?.path();
            found.extend(number(&path).map(|number| (number, path)));
        }
        found.sort_unstable();
        Ok(found.into_iter().map(|(_, path)| path).collect())
    }

    /// When the newest one was written; before the first one, when it was last recorded which state is
    /// in force.
    pub fn newest_at(&self) -> Option<SystemTime> {
        let file = match self.all().ok()?.pop() {
            Some(newest) => newest.join(MANIFEST_FILE),
            None => self.dir.with_file_name(generations::FILE),
        };
        fs::metadata(file).and_then(|about| about.modified()).ok()
    }

    /// Writes one more, and removes all but the two newest.
    ///
    /// # Errors
    /// When the state cannot be read or a file cannot be written; the earlier ones then stay.
    pub fn write(&self, open: OpenView<'_>) -> Result<CheckpointSize, InstanceError> {
        let before = self.all()?;
        let next = before.last().and_then(|path| number(path)).unwrap_or(0) + 1;
        let path = self.dir.join(next.to_string());
        let unfinished = self.dir.join("unfinished");
        remove(&unfinished)?;
        let size = checkpoint::write(open, self.generation, &unfinished)?;
        let manifest = Manifest { layout: self.layout, lanes: size.lanes, entries: size.entries };
        let finish = || -> io::Result<()> {
            let file = unfinished.join(MANIFEST_FILE);
            fs::write(&file, serde_json::to_vec(&manifest).map_err(io::Error::other)?)?;
            File::open(&file)?.sync_all()?;
            File::open(&unfinished)?.sync_all()?;
            fs::rename(&unfinished, &path)?;
            File::open(&self.dir)?.sync_all()
        };
        finish().map_err(InstanceError::io("write", &path))?;
        let keep = before.len().min(KEPT - 1);
        for old in &before[..before.len() - keep] {
            remove(old)?;
        }
        Ok(size)
    }

    /// Removes all but the newest.
    ///
    /// # Errors
    /// When a folder cannot be removed.
    pub fn keep_newest(&self) -> Result<(), InstanceError> {
        let mut all = self.all()?;
        all.pop();
        all.iter().try_for_each(|old| remove(old))
    }

    /// Where the older of the two newest checkpoints stands, which is read to its end first; `None`
    /// while there are fewer than two.
    ///
    /// # Errors
    /// When it is damaged or cannot be read.
    pub fn floor(&self) -> Result<Option<LanePositions>, InstanceError> {
        let all = self.all()?;
        let Some(older) = all.len().checked_sub(KEPT).and_then(|at| all.get(at)) else {
            return Ok(None);
        };
        let manifest = self.manifest(older)?;
        let (heads, size) = checkpoint::verify(older)?;
        check(older, &manifest, size)?;
        Ok(Some(positions(&heads)))
    }

    /// Loads one into an empty store. When it fails the store must be removed.
    ///
    /// # Errors
    /// When it is damaged, of another layout, or cannot be read.
    pub fn load(&self, path: &Path, store: &dyn StateStore) -> Result<(), InstanceError> {
        let manifest = self.manifest(path)?;
        check(path, &manifest, checkpoint::read(path, store)?)
    }

    fn manifest(&self, path: &Path) -> Result<Manifest, InstanceError> {
        let file = path.join(MANIFEST_FILE);
        let text = fs::read(&file).map_err(InstanceError::io("read", &file))?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|_| unusable(path, "its description cannot be read"))?;
        if manifest.layout != self.layout {
            return Err(unusable(path, "another version of the program folded it"));
        }
        Ok(manifest)
    }
}

/// The next positions of all lanes.
pub(super) fn positions(heads: &[LaneHead; Lane::COUNT]) -> LanePositions {
    let mut positions = LanePositions::default();
    for lane in Lane::all() {
        positions.set(lane, heads[lane.index()].next);
    }
    positions
}

fn check(path: &Path, manifest: &Manifest, size: CheckpointSize) -> Result<(), InstanceError> {
    if (manifest.lanes, manifest.entries) == (size.lanes, size.entries) {
        return Ok(());
    }
    Err(unusable(path, "a part of it is missing"))
}

fn unusable(path: &Path, reason: &'static str) -> InstanceError {
    StoreError::Checkpoint { path: path.display().to_string(), reason }.into()
}

/// The number of a finished checkpoint.
fn number(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.parse().ok()
}

/// Removes every checkpoint of a data directory.
///
/// # Errors
/// When the folder cannot be removed.
pub fn remove_all(dir: &Path) -> Result<(), InstanceError> {
    remove(&dir.join("checkpoints"))
}

fn remove(dir: &Path) -> Result<(), InstanceError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(InstanceError::io("remove", dir)(error))
        }
        _ => Ok(()),
    }
}
