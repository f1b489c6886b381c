//! Backup and restore: a checkpoint of the state, the key, the log's segments, and what was learned.
//!
//! The state is taken first, from one snapshot, and the segments afterwards, newest first: the copy
//! of the log always reaches at least as far as the state. What is kept of removed segments comes last:
//! retention moves it there before the segment goes, so that nothing is missed between. Opening the restored folder cuts the
//! torn tail of the last segment, if any, and folds what came after the checkpoint.

use super::error::InstanceError;
use super::keys::KEY_FILE;
use super::{Generation, Generations, InForce, Instance, InstanceOptions, log_dir};
use super::{removals, row_removals};
use crate::decide::{MODELS_DIR, ROUTES_DIR};
use crate::erasure::Register;
use crate::linking;
use millstream_store::FjallStore;
use millstream_store::checkpoint::{self, CheckpointSize};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Written last: a folder without it is no whole backup.
const MANIFEST_FILE: &str = "backup.json";
const CHECKPOINT_DIR: &str = "checkpoint";
const MANIFEST_VERSION: u32 = 1;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupReport {
    version: u32,
    /// The generation in force.
    #[serde(default)]
    pub generation: Generation,
    /// Keys of state.
    pub entries: u64,
    /// Bytes of state.
    pub state_bytes: u64,
    /// Segments of the log.
    pub segments: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
}

/// Copies an open data directory into `to`, which must not exist or be empty, while it goes on.
///
/// # Errors
/// When something cannot be read or written; `to` is then no whole backup.
pub fn backup(instance: &Instance, to: &Path) -> Result<BackupReport, InstanceError> {
    require_empty(to)?;
    let InForce { generation, store, .. } = instance.in_force();
    let CheckpointSize { entries, bytes, .. } =
        checkpoint::write(&|| store.snapshot(), generation, &to.join(CHECKPOINT_DIR))?;
    // First: what goes meanwhile is noted anew where the copy is put to work.
    copy_line_files(&instance.dir, to)?;
    let (segments, log_bytes) = copy_log(&log_dir(&instance.dir), &log_dir(to))?;
    copy_learned(&instance.dir, to)?;
    // Last, so that nobody who was erased meanwhile is missing.
    copy_register(&instance.dir, to)?;
    let report = BackupReport {
        version: MANIFEST_VERSION,
        generation: instance.generations.in_force(),
        entries,
        state_bytes: bytes,
        segments,
        log_bytes,
    };
    let manifest = to.join(MANIFEST_FILE);
    let write = || -> io::Result<()> {
        fs::write(&manifest, serde_json::to_vec_pretty(&report).map_err(io::Error::other)?)?;
        File::open(&manifest)?.sync_all()?;
        File::open(to)?.sync_all()
    };
    write().map_err(InstanceError::io("write", &manifest))?;
    Ok(report)
}

/// Makes a data directory of a backup. `dir` must not exist or be empty.
///
/// # Errors
/// [`InstanceError::NotABackup`] when `from` is none; otherwise what could not be read or written;
/// `dir` is then to be removed.
pub fn restore(
    from: &Path,
    dir: &Path,
    options: &InstanceOptions,
) -> Result<BackupReport, InstanceError> {
    let manifest = from.join(MANIFEST_FILE);
    let not_a_backup =
        |why: String| InstanceError::NotABackup { path: from.display().to_string(), why };
    let text = fs::read(&manifest)
        .map_err(|error| not_a_backup(format!("{MANIFEST_FILE} cannot be read: {error}")))?;
    let report: BackupReport = serde_json::from_slice(&text)
        .map_err(|error| not_a_backup(format!("{MANIFEST_FILE} is damaged: {error}")))?;
    if report.version != MANIFEST_VERSION {
        return Err(not_a_backup("another version of the program wrote it".to_owned()));
    }
    require_empty(dir)?;
    copy_line_files(from, dir)?;
    copy_log(&log_dir(from), &log_dir(dir))?;
    copy_learned(from, dir)?;
    let unfinished = dir.join("state.restoring");
    let store = FjallStore::open(&unfinished, &options.store)?;
    checkpoint::read(&from.join(CHECKPOINT_DIR), &store)?;
    drop(store);
    Generations::restore(dir, report.generation.clone())?;
    let state = report.generation.folder(dir);
    fs::rename(&unfinished, &state).map_err(InstanceError::io("rename", &unfinished))?;
    Ok(report)
}

/// Copies who was erased, where anybody was.
fn copy_register(from: &Path, to: &Path) -> Result<(), InstanceError> {
    copy_line_file(Register::of(from).path(), Register::of(to).path())
}

/// Copies a file that need not be there.
/// Copies what tells of retention.
fn copy_line_files(from: &Path, to: &Path) -> Result<(), InstanceError> {
    [removals::NAME, row_removals::NAME]
        .into_iter()
        .try_for_each(|name| copy_line_file(&from.join(name), &to.join(name)))
}

fn copy_line_file(from: &Path, to: &Path) -> Result<(), InstanceError> {
    match copy(from, to) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(InstanceError::io("copy", from)(error))
        }
        _ => Ok(()),
    }
}

fn require_empty(dir: &Path) -> Result<(), InstanceError> {
    fs::create_dir_all(dir).map_err(InstanceError::io("make", dir))?;
    let mut entries = fs::read_dir(dir).map_err(InstanceError::io("list", dir))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(InstanceError::NotEmpty { path: dir.display().to_string() }),
    }
}

/// Copies the key, every segment and what is kept of removed ones; returns how many segments and bytes.
fn copy_log(from: &Path, to: &Path) -> Result<(u64, u64), InstanceError> {
    fs::create_dir_all(to).map_err(InstanceError::io("make", to))?;
    copy(&from.join(KEY_FILE), &to.join(KEY_FILE))
        .map_err(InstanceError::io("copy", &from.join(KEY_FILE)))?;
    let (mut segments, mut bytes) = (0, 0);
    for name in named(from, ".segment")?.iter().rev() {
        match copy(&from.join(name), &to.join(name)) {
            Ok(copied) => {
                segments += 1;
                bytes += copied;
            }
            // Retention took it: it takes the oldest first, so no older one is needed.
            Err(error) if error.kind() == ErrorKind::NotFound && segments > 0 => break,
            Err(error) => return Err(InstanceError::io("copy", &from.join(name))(error)),
        }
    }
    for name in named(from, ".kept")? {
        match copy(&from.join(&name), &to.join(&name)) {
            Ok(copied) => bytes += copied,
            // Nobody is owed anything of it any more.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(InstanceError::io("copy", &from.join(name))(error)),
        }
    }
    File::open(to).and_then(|dir| dir.sync_all()).map_err(InstanceError::io("sync", to))?;
    Ok((segments, bytes))
}

/// The files with numbers for names that end so, in order.
fn named(folder: &Path, ending: &str) -> Result<Vec<OsString>, InstanceError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(InstanceError::io("list", folder))? {
        let name = entry.map_err(InstanceError::io("list", folder))?.file_name();
        if name.to_string_lossy().ends_with(ending) {
            names.push(name);
        }
    }
    // Longer names are later numbers.
    names.sort_by_key(|name| (name.len(), name.clone()));
    Ok(names)
}

/// Copies what was learned: probable links, models, ways from page to page.
fn copy_learned(from: &Path, to: &Path) -> Result<(), InstanceError> {
    let folders = [linking::DIR, MODELS_DIR, ROUTES_DIR];
    folders.into_iter().try_for_each(|name| copy_folder(&from.join(name), &to.join(name)))
}

/// Copies a folder and those in it; it need not be there.
fn copy_folder(from: &Path, to: &Path) -> Result<(), InstanceError> {
    if !from.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(to).map_err(InstanceError::io("make", to))?;
    for entry in fs::read_dir(from).map_err(InstanceError::io("list", from))? {
        let name = entry.map_err(InstanceError::io("list", from))?.file_name();
        let (from, to) = (from.join(&name), to.join(&name));
        match from.is_dir() {
            true => copy_folder(&from, &to)?,
            // What is just being written is renamed meanwhile.
            false => copy_line_file(&from, &to)?,
        }
    }
    File::open(to).and_then(|dir| dir.sync_all()).map_err(InstanceError::io("sync", to))
}

/// Copies contents and permissions, durably.
fn copy(from: &Path, to: &Path) -> io::Result<u64> {
    let bytes = fs::copy(from, to)?;
    File::open(to)?.sync_all()?;
    Ok(bytes)
}
