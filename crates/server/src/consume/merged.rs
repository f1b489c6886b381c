//! Sums of all lanes together, held in memory beside the state that they are of.
//!
//! A metric's sums are read off the state when a report first asks for them. From then on every commit adds
//! what it changes, under the lock that snapshots are taken under: sums and snapshot are always of
//! one instant. What a report reads is shared with what is held, and copied by whoever commits
//! meanwhile.

use millstream_pipeline::rollup::{Cell, CellPlace, Metric};
use millstream_pipeline::sums::{MetricSums, SumsRead};
use millstream_pipeline::{Key, ReadError};
use millstream_store::{Reading, StateStore, StateView, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most sums that are held; a report that needs more adds them up each time. About 50 bytes each.
pub const CELLS_MAX: usize = 2_000_000;

/// A metric, of bots or of everybody else.
type Which = (Metric, bool);

/// See the module.
pub struct Merged {
    generation: u16,
    cells_max: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    ready: BTreeMap<Which, Ready>,
    /// What commits changed since a snapshot that is being added up.
    missed: BTreeMap<Which, MetricSums>,
    /// Too many to be held.
    beyond: BTreeSet<Which>,
    /// Commits that changed sums.
    commits: u64,
    /// Counts how often something was asked for.
    asked: u64,
}

struct Ready {
    sums: Arc<MetricSums>,
    /// When it was asked for last.
    asked: u64,
}

impl Merged {
    /// Holds nothing yet, and at most so many sums.
    pub fn new(generation: u16, cells_max: usize) -> Self {
        Self { generation, cells_max, held: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits, and adds what that changes.
    ///
    /// # Errors
    /// What `commit` returned; nothing is added then.
    pub(super) fn commit(
        &self,
        cells: &[(Key, Box<Cell>)],
        commit: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut held = self.lock();
        commit()?;
        if !cells.is_empty() {
            held.add(cells);
            held.trim(self.cells_max);
        }
        Ok(())
    }

    /// A snapshot of `store` with the sums that belong to it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn view(self: &Arc<Self>, store: &Arc<dyn StateStore>) -> Result<MergedView, StoreError> {
        let held = self.lock();
        let state = store.snapshot()?;
        let known = held.ready.iter().map(|(which, ready)| (*which, Arc::clone(&ready.sums)));
        Ok(MergedView {
            state,
            known: Mutex::new(known.collect()),
            commits: held.commits,
            merged: Arc::clone(self),
            store: Arc::clone(store),
        })
    }

    /// Says that a metric's sums were asked for.
    fn asked(&self, which: Which) {
        let mut held = self.lock();
        held.asked += 1;
        let asked = held.asked;
        if let Some(ready) = held.ready.get_mut(&which) {
            ready.asked = asked;
        }
    }

    /// Holds sums from now on; they were read when `commits` had been committed.
    fn keep(
        &self,
        which: Which,
        (sums, commits): (&Arc<MetricSums>, u64),
        store: &dyn StateStore,
    ) -> Result<(), ReadError> {
        let mut held = self.lock();
        let known = held.ready.contains_key(&which) || held.missed.contains_key(&which);
        if known || held.beyond.contains(&which) {
            return Ok(());
        }
        if sums.cells() > self.cells_max {
            held.beyond.insert(which);
            return Ok(());
        }
        if held.commits == commits {
            held.hold(which, Arc::clone(sums), self.cells_max);
            return Ok(());
        }
        // Something was committed meanwhile: they are read again, and commits remembered until then.
        let now = store.snapshot().map_err(|error| ReadError::Store(error.to_string()))?;
        held.missed.insert(which, MetricSums::default());
        drop(held);
        let read = MetricSums::read(&Reading(&*now), self.generation, which);
        let mut held = self.lock();
        let missed = held.missed.remove(&which).unwrap_or_default();
        let mut sums = read?;
        sums.merge(&missed);
        held.hold(which, Arc::new(sums), self.cells_max);
        Ok(())
    }
}

impl Held {
    fn add(&mut self, cells: &[(Key, Box<Cell>)]) {
        self.commits += 1;
        if self.ready.is_empty() && self.missed.is_empty() {
            return;
        }
        for (key, cell) in cells {
            let Some(place) = CellPlace::of(key) else { continue };
            let which = (place.metric, place.bot);
            if let Some(ready) = self.ready.get_mut(&which) {
                Arc::make_mut(&mut ready.sums).add(key, cell);
            } else if let Some(missed) = self.missed.get_mut(&which) {
                missed.add(key, cell);
            }
        }
    }

    fn hold(&mut self, which: Which, sums: Arc<MetricSums>, cells_max: usize) {
        self.asked += 1;
        self.ready.insert(which, Ready { sums, asked: self.asked });
        self.trim(cells_max);
    }

    /// Lets go of what was not asked for the longest while too much is held.
    fn trim(&mut self, cells_max: usize) {
        while self.ready.values().map(|ready| ready.sums.cells()).sum::<usize>() > cells_max {
            let oldest = self.ready.iter().min_by_key(|(_, ready)| ready.asked);
            let Some(which) = oldest.map(|(which, _)| *which) else { return };
            self.ready.remove(&which);
        }
    }
}

/// A snapshot of the state, and the sums that belong to it. Holds space: drop it soon.
pub struct MergedView {
    state: Box<dyn StateView>,
    known: Mutex<BTreeMap<Which, Arc<MetricSums>>>,
    commits: u64,
    merged: Arc<Merged>,
    store: Arc<dyn StateStore>,
}

impl Deref for MergedView {
    type Target = dyn StateView;

    fn deref(&self) -> &Self::Target {
        &*self.state
    }
}

impl SumsRead for MergedView {
    fn sums(&self, metric: Metric, bot: bool) -> Result<Arc<MetricSums>, ReadError> {
        let which = (metric, bot);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sums) = known.get(&which) {
            self.merged.asked(which);
            return Ok(Arc::clone(sums));
        }
        let sums = MetricSums::read(&Reading(&*self.state), self.merged.generation, which)?;
        let sums = Arc::new(sums);
        known.insert(which, Arc::clone(&sums));
        self.merged.keep(which, (&sums, self.commits), &*self.store)?;
        Ok(sums)
    }
}
