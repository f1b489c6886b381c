//! One data directory, opened by one process: its lock, keys, log and state.
//!
//! | path | what |
//! | --- | --- |
//! | `lock` | held while a process has the directory open |
//! | `instance.json` | process id and addresses of that process |
//! | `log/key` | 32 random bytes, mode 0600: every derived key comes from it |
//! | `log/*.segment` | the log: the truth |
//! | `state/`, `state-N/`, `state-N.M/` | what the fold made of it: can be removed at any time and is then folded again |
//! | `generation.json` | which state is in force, and the rules it was folded by |
//! | `tables/` | rows of the state and the log as Parquet, for SQL: can be removed like the state |
//! | `checkpoints/` | the two newest copies of the state; the log is kept from the older one on |

mod aging;
mod backup;
mod checkpoints;
mod error;
mod generations;
mod keeper;
mod keys;
mod line_file;
mod lock;
mod orders;
mod presence;
mod removals;
mod renewal;
mod row_removals;
mod state;
mod timeline;

use aging::Aging;
pub use aging::RowDays;
pub use backup::{BackupReport, backup, restore};
use checkpoints::Checkpoints;
pub use error::InstanceError;
pub use generations::{Generation, Generations};
pub use keeper::{Keeper, Keeping, Needed, NeededFrom};
pub use keys::Keys;
pub use orders::Orders;
pub use presence::Addresses;
pub use removals::{Removal, RemovalVerdict};
pub use row_removals::{ClassVerdict, RowRemoval, RowVerdict};
pub use timeline::check_timeline;

use crate::priority::{NICENESS, stepped_back};
use lock::DirectoryLock;
use millstream_log::disk::SystemDisk;
use millstream_log::{EventLog, SegmentLog, SegmentOptions};
use millstream_store::{Reading, StateStore, StoreOptions};
use presence::Presence;
use removals::Removals;
use row_removals::RowRemovals;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How a data directory is opened.
#[derive(Clone, Debug)]
pub struct InstanceOptions {
    /// Bounds of the log.
    pub log: SegmentOptions,
    /// Settings of the state store.
    pub store: StoreOptions,
    /// How long rows are kept.
    pub row_days: RowDays,
    /// How far the state's own threads and the keeper step back behind capture; 0 for not at all.
    pub niceness: u8,
}

impl Default for InstanceOptions {
    fn default() -> Self {
        Self {
            log: SegmentOptions::default(),
            store: StoreOptions::default(),
            row_days: RowDays::default(),
            niceness: NICENESS,
        }
    }
}

/// An open data directory. Dropping it removes `instance.json` and releases the lock.
pub struct Instance {
    /// The folder.
    pub dir: PathBuf,
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Which states there are.
    pub generations: Generations,
    /// Keys derived from the data directory's own.
    pub keys: Keys,
    /// Why the state was set aside and is folded again, when it was.
    pub rebuilt: Option<String>,
    /// Bytes that a crash had left unfinished at the log's end and that were cut off.
    pub log_cut: Option<String>,
    in_force: RwLock<InForce>,
    options: InstanceOptions,
    presence: Presence,
    _lock: DirectoryLock,
}

/// The folder of the log in a data directory.
pub fn log_dir(dir: &Path) -> PathBuf {
    dir.join("log")
}

/// The state that answers are read from.
#[derive(Clone)]
pub struct InForce {
    /// Its generation.
    pub generation: u16,
    /// How many states this process put in force before it: what is kept in memory of an earlier one may
    /// name somebody who was erased since.
    pub era: u32,
    /// The state.
    pub store: Arc<dyn StateStore>,
}

impl Instance {
    /// Opens the data directory, making what is missing. Damaged state, and state that another log
    /// made, is set aside to be folded again.
    ///
    /// # Errors
    /// [`InstanceError::Running`] when another process has it open; otherwise what cannot be read
    /// or written, and what to do about it.
    pub fn open(dir: &Path, options: &InstanceOptions) -> Result<Self, InstanceError> {
        fs::create_dir_all(log_dir(dir)).map_err(InstanceError::io("make", &log_dir(dir)))?;
        let lock = DirectoryLock::take(dir)?;
        let presence = Presence::of(dir);
        presence.remove()?;
        let keys = Keys::load_or_create(&log_dir(dir))?;
        let log = SegmentLog::open(Arc::new(SystemDisk), &log_dir(dir), options.log.clone())?;
        let log_cut = log.cut().map(|cut| format!("{cut:?}"));
        // What the state library writes and merges in threads of its own is no hurry either.
        let generations = Generations::open(dir)?;
        let in_force = generations.in_force();
        let (store, rebuilt) =
            stepped_back(options.niceness, || state::open(dir, &log, (&in_force, options)))?;
        let generation = in_force.number;
        Ok(Self {
            dir: dir.to_owned(),
            log: Arc::new(log),
            generations,
            keys,
            rebuilt,
            log_cut,
            in_force: RwLock::new(InForce { generation, era: 0, store: Arc::new(store) }),
            options: options.clone(),
            presence,
            _lock: lock,
        })
    }

    /// The state that answers are read from.
    pub fn in_force(&self) -> InForce {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens the state of a generation that was begun; what cannot be used is begun anew.
    ///
    /// # Errors
    /// When its folder cannot be read or written.
    pub fn open_next(&self, generation: &Generation) -> Result<Arc<dyn StateStore>, InstanceError> {
        let open = || state::open_next(&self.dir, &*self.log, (generation, &self.options));
        Ok(Arc::new(stepped_back(self.options.niceness, open)?))
    }

    /// Puts the generation that was begun in force, with the state that [`Self::open_next`] gave.
    /// Checkpoints are of the earlier one, and go.
    ///
    /// # Errors
    /// When that cannot be recorded: the earlier one is still in force.
    pub fn succeed(&self, next: InForce) -> Result<(), InstanceError> {
        self.generations.succeed()?;
        self.put_in_force(next);
        if let Err(error) = checkpoints::remove_all(&self.dir) {
            tracing::warn!(%error, "checkpoints of the earlier state stay behind and cannot be used");
        }
        Ok(())
    }

    fn put_in_force(&self, next: InForce) {
        let mut in_force = self.in_force.write().unwrap_or_else(PoisonError::into_inner);
        *in_force = InForce { era: in_force.era.wrapping_add(1), ..next };
    }

    fn removals(&self) -> Removals {
        Removals::of(&self.dir, self.keys.subject, &self.options.log)
    }

    fn row_removals(&self) -> RowRemovals {
        RowRemovals::of(&self.dir, self.keys.subject, self.options.row_days)
    }

    /// What retention removed from the log and let go of rows, and whether that is all that is missing.
    ///
    /// # Errors
    /// When that, the log or the state cannot be read.
    pub fn removed(&self) -> Result<RemovalVerdict, InstanceError> {
        let InForce { generation, store, .. } = self.in_force();
        let rows = self.row_removals().verify((&Reading(&*store), generation))?;
        let mut told = self.removals().verify(&*self.log)?;
        told.broken = told.broken.or_else(|| rows.broken.clone());
        Ok(RemovalVerdict { intact: told.broken.is_none(), rows, ..told })
    }

    /// The way to the lanes of the generation in force; each step may take so long.
    pub fn orders(&self, patience: Duration) -> Orders {
        let InForce { generation, store, .. } = self.in_force();
        let (log, closing) = (Arc::clone(&self.log), Arc::default());
        Orders { log, store, generation, patience, closing }
    }

    /// What writes checkpoints of this directory and applies its retention, step by step.
    pub fn keeping(&self) -> Keeping {
        let InForce { generation, store, .. } = self.in_force();
        let checkpoints = Checkpoints::of(&self.dir, generation, self.options.store.layout);
        let closing = Arc::default();
        let orders = Orders { closing: Arc::clone(&closing), ..self.orders(aging::PATIENCE) };
        let (days, removals) = (self.options.row_days, self.row_removals());
        let aging = Aging { orders, days, removals, done: None };
        let keeping =
            Keeping::new(Arc::clone(&self.log), store, checkpoints, generation, self.removals());
        keeping.letting_go(aging, closing)
    }

    /// The same on a thread of its own: a checkpoint whenever the newest is older than `every`;
    /// retention waits for `needed_from`.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn keep(
        &self,
        every: Duration,
        needed_from: Option<NeededFrom>,
    ) -> std::io::Result<Keeper> {
        let mut keeping = self.keeping();
        if let Some(needed_from) = needed_from {
            keeping = keeping.needed_from(needed_from);
        }
        stepped_back(self.options.niceness, || Keeper::start(keeping, every))
    }

    /// Tells other processes where this one listens, in `instance.json`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn announce(&self, addresses: &Addresses) -> Result<(), InstanceError> {
        self.presence.write(addresses)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Err(error) = self.presence.remove() {
            tracing::warn!(%error, "instance.json stays behind; the next start removes it");
        }
    }
}

#[cfg(test)]
mod tests;
