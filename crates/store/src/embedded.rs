//! The embedded store: one fjall keyspace (a log-structured merge tree with a journal).
//!
//! Heads stand beside the state under [`RESERVED_PREFIX`] and change in the same batch. A batch
//! goes to the journal as one checksummed entry before it is visible, in commit order; a cut
//! journal loses whole commits from its end, never the middle of one. Nothing is synced: what a
//! power failure takes is folded again from the log.

use crate::error::StoreError;
use crate::head::LaneHead;
use crate::port::{LaneCommit, Pair, RESERVED_PREFIX, StateStore, StateView, Visit, check_keys};
use crate::room;
use fjall::config::CompressionPolicy;
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, Snapshot,
};
use millstream_event::Lane;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Settings of the embedded store; the defaults come from `examples/soak.rs`.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Blocks kept in memory.
    pub cache_bytes: u64,
    /// Writes kept in memory before they become a sorted file.
    pub memtable_bytes: u64,
    /// Bound of the journal on disk; at least 64 MiB.
    pub journal_bytes: u64,
    /// Threads that write and merge sorted files. With more than one, the engine's first asks again
    /// and again for something to write while another merges: it takes a core and does nothing.
    pub worker_threads: usize,
    /// Compress sorted files (LZ4).
    pub compress: bool,
    /// Version of what the state means. State of another version is damaged: it must be refolded.
    pub layout: u32,
}

/// The smallest journal bound the engine takes.
pub const JOURNAL_BYTES_MIN: u64 = 64 << 20;

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 512 << 20,
            memtable_bytes: 40 << 20,
            journal_bytes: 256 << 20,
            worker_threads: 1,
            compress: true,
            layout: 13,
        }
    }
}

/// The embedded [`StateStore`].
pub struct FjallStore {
    database: Database,
    state: Keyspace,
    /// Comparing heads and committing are one step.
    committing: Mutex<()>,
    dir: PathBuf,
}

const KEYSPACE: &str = "state";
/// Key of the layout's version; longer than a head's key.
const LAYOUT_KEY: &[u8] = b"\xff\xff\xfflayout";

fn head_key(generation: u16, lane: Lane) -> [u8; 5] {
    let [high, low] = generation.to_be_bytes();
    [RESERVED_PREFIX[0], RESERVED_PREFIX[1], high, low, lane.number()]
}

impl FjallStore {
    /// Opens the state in `dir`, making it when there is none.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it; [`StoreError::Damaged`] when it cannot
    /// be used and must be refolded; [`StoreError::Io`] for causes outside of it.
    pub fn open(dir: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        // The engine asserts on some damaged files: a panic while opening is a damaged state, too.
        let opened = catch_unwind(AssertUnwindSafe(|| open_engine(dir, options)));
        let (database, state) = match opened {
            Ok(result) => result.map_err(|error| classify(dir, error))?,
            Err(_) => {
                return Err(damaged(dir, "the engine stopped while reading it".to_owned()));
            }
        };
        let store = Self { database, state, committing: Mutex::new(()), dir: dir.to_owned() };
        store.check_layout(dir, options.layout)?;
        Ok(store)
    }

    /// Bytes on disk, journal included.
    ///
    /// # Errors
    /// When the engine cannot tell.
    pub fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.database.disk_space().map_err(engine("measure its size"))
    }

    /// Has everything committed reach the disk: for a state that cannot be folded again.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.database.persist(PersistMode::SyncAll).map_err(engine("sync the state"))
    }

    fn check_layout(&self, dir: &Path, layout: u32) -> Result<(), StoreError> {
        match self.get(LAYOUT_KEY)? {
            None => self
                .state
                .insert(LAYOUT_KEY, layout.to_le_bytes())
                .map_err(engine("record the layout")),
            Some(found) if found == layout.to_le_bytes() => Ok(()),
            Some(_) => Err(damaged(dir, "another version of the program folded it".to_owned())),
        }
    }
}

fn open_engine(dir: &Path, options: &StoreOptions) -> fjall::Result<(Database, Keyspace)> {
    let database = Database::builder(dir)
        .cache_size(options.cache_bytes)
        .max_journaling_size(options.journal_bytes.max(JOURNAL_BYTES_MIN))
        .worker_threads(options.worker_threads.max(1))
        .open()?;
    let state = database.keyspace(KEYSPACE, || {
        let compression =
            if options.compress { CompressionType::Lz4 } else { CompressionType::None };
        KeyspaceCreateOptions::default()
            .max_memtable_size(options.memtable_bytes)
            .data_block_compression_policy(CompressionPolicy::new([
                CompressionType::None,
                compression,
            ]))
    })?;
    Ok((database, state))
}

fn damaged(dir: &Path, reason: String) -> StoreError {
    StoreError::Damaged { path: dir.display().to_string(), reason }
}

fn engine(doing: &'static str) -> impl FnOnce(fjall::Error) -> StoreError {
    move |source| StoreError::Engine { doing, source: Box::new(source) }
}

/// Damage is what refolding cures; a full disk or missing rights are not.
fn classify(dir: &Path, error: fjall::Error) -> StoreError {
    use std::io::ErrorKind::{InvalidData, NotFound, UnexpectedEof};
    match error {
        fjall::Error::Locked => StoreError::Locked { path: dir.display().to_string() },
        fjall::Error::Io(source) | fjall::Error::Storage(fjall::LsmError::Io(source))
            if !matches!(source.kind(), InvalidData | NotFound | UnexpectedEof) =>
        {
            StoreError::io("open the state in", dir)(source)
        }
        other => damaged(dir, format!("{other:?}")),
    }
}

fn decode_head(bytes: Option<&[u8]>) -> Result<LaneHead, StoreError> {
    let Some(bytes) = bytes else {
        return Ok(LaneHead::default());
    };
    LaneHead::decode(bytes).ok_or_else(|| StoreError::Engine {
        doing: "read a lane's head",
        source: "its length is wrong".into(),
    })
}

impl StateView for FjallStore {
    fn head(&self, generation: u16, lane: Lane) -> Result<LaneHead, StoreError> {
        let found = self.state.get(head_key(generation, lane)).map_err(engine("read a head"))?;
        decode_head(found.as_deref())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.state.get(key).map_err(engine("read a key"))?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        scan(&self.database.snapshot(), &self.state, prefix, visit)
    }

    fn range(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        range(&self.database.snapshot(), &self.state, (from, to), visit)
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        last(&self.database.snapshot(), &self.state, (from, to))
    }
}

fn scan(
    snapshot: &Snapshot,
    state: &Keyspace,
    prefix: &[u8],
    visit: Visit<'_>,
) -> Result<(), StoreError> {
    for entry in snapshot.prefix(state, prefix) {
        let (key, value) = entry.into_inner().map_err(engine("scan"))?;
        if key.starts_with(&RESERVED_PREFIX) || !visit(&key, &value)? {
            break;
        }
    }
    Ok(())
}

type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// The keys from `from` to `to` that are not the store's own; none when `to` lies before `from`.
fn bounds<'a>(from: &'a [u8], to: &'a [u8]) -> Option<Bounds<'a>> {
    let end = if to < &RESERVED_PREFIX[..] {
        Bound::Included(to)
    } else {
        Bound::Excluded(&RESERVED_PREFIX[..])
    };
    (from <= to && from < &RESERVED_PREFIX[..]).then_some((Bound::Included(from), end))
}

fn range(
    snapshot: &Snapshot,
    state: &Keyspace,
    (from, to): (&[u8], &[u8]),
    visit: Visit<'_>,
) -> Result<(), StoreError> {
    let Some(bounds) = bounds(from, to) else { return Ok(()) };
    for entry in snapshot.range::<&[u8], _>(state, bounds) {
        let (key, value) = entry.into_inner().map_err(engine("scan"))?;
        if !visit(&key, &value)? {
            break;
        }
    }
    Ok(())
}

fn last(
    snapshot: &Snapshot,
    state: &Keyspace,
    (from, to): (&[u8], &[u8]),
) -> Result<Option<Pair>, StoreError> {
    let Some(bounds) = bounds(from, to) else { return Ok(None) };
    let found = snapshot.range::<&[u8], _>(state, bounds).next_back();
    let Some(entry) = found else { return Ok(None) };
    let (key, value) = entry.into_inner().map_err(engine("find the last key"))?;
    Ok(Some((key.to_vec(), value.to_vec())))
}

impl StateStore for FjallStore {
    fn commit(&self, generation: u16, commits: &[(Lane, LaneCommit)]) -> Result<(), StoreError> {
        check_keys(commits)?;
        let size = commits.iter().map(|(_, step)| 1 + step.puts.len() + step.deletes.len()).sum();
        let mut batch = fjall::OwnedWriteBatch::with_capacity(self.database.clone(), size);
        for (lane, step) in commits {
            batch.insert(&self.state, head_key(generation, *lane), step.head.encode());
            for (key, value) in &step.puts {
                batch.insert(&self.state, &**key, value.as_slice());
            }
            for key in &step.deletes {
                batch.remove(&self.state, &**key);
            }
        }
        let _one_at_a_time = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        for (lane, step) in commits {
            if self.head(generation, *lane)? != step.expected {
                return Err(StoreError::Fenced { lane: *lane });
            }
        }
        room::check(&self.dir)?;
        batch.commit().map_err(engine("commit"))
    }

    fn snapshot(&self) -> Result<Box<dyn StateView>, StoreError> {
        Ok(Box::new(FjallSnapshot {
            snapshot: self.database.snapshot(),
            state: self.state.clone(),
        }))
    }
}

/// A snapshot of a [`FjallStore`].
struct FjallSnapshot {
    snapshot: Snapshot,
    state: Keyspace,
}

impl StateView for FjallSnapshot {
    fn head(&self, generation: u16, lane: Lane) -> Result<LaneHead, StoreError> {
        let key = head_key(generation, lane);
        let found = self.snapshot.get(&self.state, key).map_err(engine("read a head"))?;
        decode_head(found.as_deref())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.snapshot.get(&self.state, key).map_err(engine("read a key"))?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        scan(&self.snapshot, &self.state, prefix, visit)
    }

    fn range(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        range(&self.snapshot, &self.state, (from, to), visit)
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        last(&self.snapshot, &self.state, (from, to))
    }
}
