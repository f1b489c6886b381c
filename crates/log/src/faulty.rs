//! A disk in memory that fails on request: for tests of everything that stands on the log.
//!
//! It keeps for each file what programs see and what a crash leaves. A sync copies the changed
//! pages over; a crash keeps any subset of the unsynced ones. A failed sync forgets which pages had
//! changed, as page caches do: they stay visible until the crash and a later sync does not save
//! them. Names (creations, removals, renames) are durable after the folder's sync; a crash keeps
//! any number of the first unsynced ones, as journals do.

use crate::disk::{Disk, DiskFile, Opening};
use crate::guard::lock;
use crate::nonce::Nonces;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

const PAGE: usize = 4096;

/// The disk, as a test controls it. Clones share it.
#[derive(Clone, Default)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<u64, Content>,
    next_file: u64,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    /// The name table after each unsynced change.
    unsynced_names: Vec<BTreeMap<PathBuf, u64>>,
    /// Counts crashes: files opened before one are gone.
    life: u64,
    space: Option<usize>,
    syncs_until_failure: Option<u64>,
    /// Syncs that still work, then the seed of a crash.
    syncs_until_crash: Option<(u64, u64)>,
    write_bytes_max: Option<usize>,
    syncs: u64,
}

#[derive(Clone, Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

impl Content {
    /// A sync that works.
    fn settle(&mut self) {
        self.durable.resize(self.seen.len(), 0);
        for page in std::mem::take(&mut self.dirty) {
            self.keep(page);
        }
    }

    fn keep(&mut self, page: usize) {
        let end = (page * PAGE + PAGE).min(self.seen.len());
        let start = (page * PAGE).min(end);
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        self.durable[start..end].copy_from_slice(&self.seen[start..end]);
    }

    fn crash(&mut self, chance: &Nonces) {
        let length = self.seen.len();
        if length < self.durable.len() && chance.below(2) == 0 {
            self.durable.truncate(length);
        }
        for page in std::mem::take(&mut self.dirty) {
            if chance.below(2) == 0 {
                self.keep(page);
            }
        }
        if length > self.durable.len() && chance.below(2) == 0 {
            self.durable.resize(length, 0);
        }
        self.seen.clone_from(&self.durable);
    }

    fn touch(&mut self, from: usize, to: usize) {
        self.dirty.extend(from / PAGE..to.div_ceil(PAGE));
    }
}

impl FaultyDisk {
    /// An empty disk without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The disk as a program sees it until the next crash; then every call fails.
    pub fn mount(&self) -> Arc<dyn Disk> {
        Arc::new(Mounted { state: Arc::clone(&self.state), life: lock(&self.state).life })
    }

    /// Cuts the power. What was not synced is kept or lost as `seed` decides.
    pub fn crash(&self, seed: u64) {
        lock(&self.state).crash(seed);
    }

    /// Lets `count` more syncs of files work and cuts the power in the one after, as
    /// [`Self::crash`] does; `None` cuts none.
    pub fn crash_in_sync_after(&self, count: Option<u64>, seed: u64) {
        lock(&self.state).syncs_until_crash = count.map(|count| (count, seed));
    }

    /// Lets `count` more syncs of files work and fails the one after; `None` fails none. A failure
    /// happens once.
    pub fn fail_sync_after(&self, count: Option<u64>) {
        lock(&self.state).syncs_until_failure = count;
    }

    /// Bytes that all files together may have; `None` for no limit.
    pub fn limit_space(&self, bytes: Option<usize>) {
        lock(&self.state).space = bytes;
    }

    /// The most that one write call takes; `None` for everything.
    pub fn limit_write(&self, bytes: Option<usize>) {
        lock(&self.state).write_bytes_max = bytes;
    }

    /// Successful syncs of files so far.
    pub fn syncs(&self) -> u64 {
        lock(&self.state).syncs
    }

    /// Bytes that all files together have.
    pub fn used(&self) -> usize {
        lock(&self.state).used()
    }

    /// What programs see in a file, or `None` when it is not there.
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let state = lock(&self.state);
        let id = state.names.get(path)?;
        state.files.get(id).map(|content| content.seen.clone())
    }

    /// Replaces a file's durable content, as a fault of the medium or an operator would; makes the
    /// file when it is not there.
    pub fn replace(&self, path: &Path, bytes: Vec<u8>) {
        let mut state = lock(&self.state);
        let id = state.next_file;
        state.next_file += 1;
        let content = Content { seen: bytes.clone(), durable: bytes, dirty: BTreeSet::new() };
        state.files.insert(id, content);
        state.names.insert(path.to_owned(), id);
        state.durable_names.insert(path.to_owned(), id);
        state.unsynced_names.iter_mut().for_each(|names| {
            names.insert(path.to_owned(), id);
        });
    }

    /// Flips one bit of a file's durable content; nothing when the file does not reach there.
    pub fn flip_bit(&self, path: &Path, bit: usize) {
        let mut state = lock(&self.state);
        let State { files, names, .. } = &mut *state;
        let Some(content) = names.get(path).and_then(|id| files.get_mut(id)) else { return };
        for bytes in [&mut content.seen, &mut content.durable] {
            if let Some(byte) = bytes.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }
}

impl State {
    fn crash(&mut self, seed: u64) {
        let chance = Nonces::from_seed(seed);
        self.life += 1;
        let changes = std::mem::take(&mut self.unsynced_names);
        let kept = chance.below(changes.len() as u64 + 1) as usize;
        if let Some(names) = changes.into_iter().take(kept).next_back() {
            self.durable_names = names;
        }
        self.names = self.durable_names.clone();
        let Self { files, names, .. } = self;
        files.retain(|id, _| names.values().any(|named| named == id));
        files.values_mut().for_each(|content| content.crash(&chance));
    }

    fn used(&self) -> usize {
        self.names.values().filter_map(|id| self.files.get(id)).map(|file| file.seen.len()).sum()
    }

    /// What the next sync of a file will do.
    fn sync_outcome(&mut self) -> io::Result<()> {
        match &mut self.syncs_until_crash {
            Some((0, seed)) => {
                let seed = *seed;
                self.syncs_until_crash = None;
                self.crash(seed);
                return Err(power_cut());
            }
            Some((left, _)) => *left -= 1,
            None => {}
        }
        match &mut self.syncs_until_failure {
            Some(0) => {
                self.syncs_until_failure = None;
                Err(io::Error::other("input/output error of the medium"))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn name_changed(&mut self) {
        self.unsynced_names.push(self.names.clone());
    }
}

fn power_cut() -> io::Error {
    io::Error::other("the power was cut")
}

struct Mounted {
    state: Arc<Mutex<State>>,
    life: u64,
}

impl Mounted {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = lock(&self.state);
        if state.life == self.life { Ok(state) } else { Err(power_cut()) }
    }
}

impl Disk for Mounted {
    fn open(&self, path: &Path, opening: Opening) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state()?;
        let there = state.names.get(path).copied();
        let id = match (there, opening) {
            (Some(id), Opening::Read | Opening::Write) => id,
            (None, Opening::Read | Opening::Write) => return Err(io::ErrorKind::NotFound.into()),
            (_, Opening::Create) => {
                let id = state.next_file;
                state.next_file += 1;
                state.files.insert(id, Content::default());
                state.names.insert(path.to_owned(), id);
                state.name_changed();
                id
            }
        };
        let disk = Self { state: Arc::clone(&self.state), life: self.life };
        Ok(Arc::new(FaultyFile { disk, id, writable: opening != Opening::Read }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state()?;
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        self.state().map(|_| ())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state()?;
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        state.name_changed();
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state()?;
        let id = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), id);
        state.name_changed();
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        let mut state = self.state()?;
        state.durable_names = state.names.clone();
        state.unsynced_names.clear();
        Ok(())
    }
}

struct FaultyFile {
    disk: Mounted,
    id: u64,
    writable: bool,
}

impl FaultyFile {
    fn with<T>(
        &self,
        act: impl FnOnce(&mut Content, &mut Limits) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.disk.state()?;
        let mut limits = Limits {
            room: state.space.map(|space| space.saturating_sub(state.used())),
            write_bytes_max: state.write_bytes_max,
        };
        let content = state.files.get_mut(&self.id).ok_or(io::ErrorKind::NotFound)?;
        act(content, &mut limits)
    }

    fn check_writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }
}

struct Limits {
    room: Option<usize>,
    write_bytes_max: Option<usize>,
}

impl DiskFile for FaultyFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|content, _| {
            let from = usize::try_from(offset).unwrap_or(usize::MAX).min(content.seen.len());
            let length = into.len().min(content.seen.len() - from);
            into[..length].copy_from_slice(&content.seen[from..from + length]);
            Ok(length)
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.check_writable()?;
        self.with(|content, limits| {
            let from = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
            let mut length = bytes.len().min(limits.write_bytes_max.unwrap_or(usize::MAX));
            if let Some(room) = limits.room {
                length = length.min((content.seen.len() + room).saturating_sub(from));
                if length == 0 && !bytes.is_empty() {
                    return Err(io::ErrorKind::StorageFull.into());
                }
            }
            let old = content.seen.len();
            if old < from + length {
                content.seen.resize(from + length, 0);
            }
            content.seen[from..from + length].copy_from_slice(&bytes[..length]);
            content.touch(from.min(old), from + length);
            Ok(length)
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.check_writable()?;
        let mut state = self.disk.state()?;
        let outcome = state.sync_outcome();
        let content = state.files.get_mut(&self.id).ok_or(io::ErrorKind::NotFound)?;
        if outcome.is_err() {
            content.dirty.clear();
            return outcome;
        }
        content.settle();
        state.syncs += 1;
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        self.with(|content, _| {
            let len = usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
            let old = content.seen.len();
            content.seen.resize(len, 0);
            content.touch(old.min(len), old.max(len));
            Ok(())
        })
    }

    fn len(&self) -> io::Result<u64> {
        self.with(|content, _| Ok(content.seen.len() as u64))
    }
}
