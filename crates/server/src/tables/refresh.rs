//! One refresh: from a snapshot of the state and the log behind the last one to a new version.

use super::arrivals::{self, Arrivals};
use super::error::TablesError;
use super::manifest::{Manifest, shape};
use super::moved::Moved;
use super::version::{Version, Versions};
use super::{correct, derive, merge};
use crate::report::Freshness;
use arc_swap::ArcSwap;
use millstream_event::{Lane, Span};
use millstream_log::{EventLog, LanePositions, LogError};
use millstream_pipeline::query::EventsKept;
use millstream_stitch::{Agents, Properties};
use millstream_store::tables::{PartWriter, Table};
use millstream_store::{LaneHead, Reading, StateStore, StateView};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bounds of a refresh and of what it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TablesLimits {
    /// Records of the log that one step reads; the next step goes on behind them.
    pub step_records: u64,
    /// How long one step reads. While a snapshot is open the state library keeps in memory
    /// everything that is written meanwhile.
    pub step_time: Duration,
    /// Rows of one part of `events`: what one late event has written again.
    pub part_rows: u64,
    /// Rows of another table after which the next lane begins a file of its own.
    pub bucket_rows: u64,
}

impl Default for TablesLimits {
    fn default() -> Self {
        Self {
            step_records: 500_000,
            step_time: Duration::from_secs(2),
            part_rows: 131_072,
            bucket_rows: 50_000,
        }
    }
}

/// What the tables are made of.
#[derive(Clone)]
pub struct TablesParts {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The state.
    pub store: Arc<dyn StateStore>,
    /// Recognises user agents.
    pub agents: Arc<dyn Agents + Send + Sync>,
    /// The generation to show.
    pub generation: u16,
    /// Which sources see the same actions.
    pub properties: Properties,
    /// How long a touch can be credited.
    pub window: Span,
    /// Events received later than this after they happened are labelled late.
    pub horizon: Span,
    /// How far the fold is.
    pub freshness: Arc<dyn Fn() -> Freshness + Send + Sync>,
    /// Bounds.
    pub limits: TablesLimits,
}

impl TablesParts {
    /// Names everything that decides what the tables hold, besides the log.
    fn shape(&self) -> String {
        shape(&format!("{} {} {} ", self.generation, self.window.0, self.horizon.0))
    }
}

/// The kept tables of one data directory.
pub struct Tables {
    pub(super) parts: ArcSwap<TablesParts>,
    pub(super) dir: PathBuf,
    pub(super) versions: Mutex<Versions>,
    /// One refresh at a time; true once the tables are known to belong to this log.
    refreshing: Mutex<bool>,
    closing: AtomicBool,
}

/// What every part of a refresh works with.
pub(super) struct Step<'a> {
    pub(super) parts: &'a TablesParts,
    /// The snapshot.
    pub(super) state: &'a dyn StateView,
    /// Which events are shown.
    pub(super) kept: EventsKept,
    pub(super) dir: &'a Path,
    number: u64,
    files: Cell<u32>,
    closing: &'a AtomicBool,
}

impl Step<'_> {
    /// True when the process wants to end.
    pub(super) fn closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Begins a new file of a table.
    pub(super) fn part(&self, table: Table) -> Result<(String, PartWriter), TablesError> {
        let file = self.files.get();
        self.files.set(file + 1);
        let name = format!("{}-{:08}-{file:03}.parquet", table.name(), self.number);
        let time = (table == Table::Events).then_some("event_time");
        let part = PartWriter::create(&self.dir.join(&name), table.kept_columns(), time)?;
        Ok((name, part))
    }
}

impl Tables {
    /// Opens the tables in `dir`, which is made; what a crash left behind is removed. Tables that
    /// cannot be used are made anew by the first refresh.
    ///
    /// # Errors
    /// When the folder cannot be made or listed.
    pub fn open(dir: &Path, parts: TablesParts) -> Result<Self, TablesError> {
        fs::create_dir_all(dir).map_err(TablesError::io("make", dir))?;
        let shape = parts.shape();
        let manifest = Manifest::read(dir, &shape).unwrap_or_else(|reason| {
            tracing::warn!(reason, "the kept tables are made anew");
            None
        });
        let manifest = manifest.unwrap_or_else(|| Manifest::empty(&shape));
        Manifest::remove_others(dir, &manifest.names())?;
        let freshness = manifest.freshness();
        Ok(Self {
            parts: ArcSwap::from_pointee(parts),
            dir: dir.to_owned(),
            versions: Versions::new(Version::new(dir, manifest, freshness)),
            refreshing: Mutex::default(),
            closing: AtomicBool::new(false),
        })
    }

    /// Makes the tables anew of another generation: they are empty until their next refresh. Over the same
    /// one, whose state was written anew, they go on.
    pub fn follow(&self, parts: TablesParts) {
        let mut checked = self.lock();
        if self.parts.load().shape() == parts.shape() {
            self.parts.store(Arc::new(parts));
            return;
        }
        let empty = Manifest::empty(&parts.shape());
        self.parts.store(Arc::new(parts));
        *checked = false;
        let freshness = empty.freshness();
        if let Err(error) = self.publish(empty, freshness) {
            tracing::warn!(%error, "files of the earlier tables stay behind; the next start removes them");
        }
    }

    /// The tables as they are. Before the first refresh of this process it brings them up to date,
    /// since they may belong to another history.
    ///
    /// # Errors
    /// As [`Self::refresh`].
    pub fn current(&self) -> Result<Arc<Version>, TablesError> {
        if !*self.lock() {
            return self.refresh();
        }
        Ok(Versions::current(&self.versions))
    }

    /// Brings the tables up to everything folded now, and returns them.
    ///
    /// # Errors
    /// When state or log cannot be read, or a file cannot be written: the tables stay as they were.
    pub fn refresh(&self) -> Result<Arc<Version>, TablesError> {
        while self.step()? {}
        Ok(Versions::current(&self.versions))
    }

    /// Has refreshes end soon, with an error.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// True once [`Self::close`] was called.
    pub(super) fn closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, bool> {
        self.refreshing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One bounded step of a refresh; true when there is more to take in.
    pub(super) fn step(&self) -> Result<bool, TablesError> {
        let mut checked = self.lock();
        if self.closing() {
            return Err(TablesError::Closing);
        }
        if !*checked {
            self.check_timeline()?;
            *checked = true;
        }
        let before = Versions::current(&self.versions);
        // Asked before the snapshot: what is folded in between is not promised.
        let parts = self.parts.load_full();
        let freshness = (parts.freshness)();
        let state = parts.store.snapshot()?;
        let heads = heads(&*state, parts.generation)?;
        let folded = positions(&heads);
        let (known, reached) = (before.manifest.folded(), before.manifest.reached());
        if !folded.covers(&known) {
            return Err(TablesError::Ahead);
        }
        if folded == known && reached == folded {
            let manifest = before.manifest.clone();
            drop(before);
            self.publish(manifest, freshness)?;
            return Ok(false);
        }
        let step = self.begin((&parts, &*state), &before.manifest)?;
        let mut manifest = make(&step, &before.manifest, &heads)?;
        // Held no longer than needed: the one its space, the other its files.
        drop((state, before));
        let whole = manifest.reached() == folded;
        manifest.set_freshness(match whole {
            true => freshness,
            false => Freshness { provisional: true, complete_until: None, ..freshness },
        });
        manifest.write(&self.dir)?;
        let freshness = manifest.freshness();
        self.publish(manifest, freshness)?;
        Ok(!whole)
    }

    /// What the next version is made with.
    pub(super) fn begin<'a>(
        &'a self,
        (parts, state): (&'a TablesParts, &'a dyn StateView),
        before: &Manifest,
    ) -> Result<Step<'a>, TablesError> {
        Ok(Step {
            parts,
            state,
            kept: EventsKept::read(&Reading(state), parts.generation)?,
            dir: &self.dir,
            number: before.number + 1,
            files: Cell::new(0),
            closing: &self.closing,
        })
    }

    /// Puts a version in force and removes files that nobody reads any more.
    pub(super) fn publish(
        &self,
        manifest: Manifest,
        freshness: Freshness,
    ) -> Result<(), TablesError> {
        let version = Version::new(&self.dir, manifest, freshness);
        let alive = Versions::publish(&self.versions, version);
        let kept: BTreeSet<String> = alive.iter().flat_map(|it| it.manifest.names()).collect();
        Manifest::remove_others(&self.dir, &kept)
    }

    /// Tables that another history of the log made are dropped: they are made anew.
    fn check_timeline(&self) -> Result<(), TablesError> {
        let current = Versions::current(&self.versions);
        let parts = self.parts.load_full();
        let (log, folded) = (&*parts.log, current.manifest.folded());
        let belongs = log.heads().covers(&folded)
            && match log.chains(&folded) {
                Ok(chains) => Lane::all()
                    .zip(&current.manifest.lanes)
                    .all(|(lane, place)| place.chain == chains.get(lane)),
                // Nothing to compare with any more.
                Err(LogError::Removed { .. }) => true,
                Err(other) => return Err(other.into()),
            };
        if !belongs {
            tracing::warn!(
                "the kept tables belong to another history of the log: they are made anew"
            );
            let empty = Manifest::empty(&parts.shape());
            let freshness = empty.freshness();
            self.publish(empty, freshness)?;
        }
        Ok(())
    }
}

/// The next version's manifest, its files written.
fn make(
    step: &Step<'_>,
    before: &Manifest,
    heads: &[LaneHead; Lane::COUNT],
) -> Result<Manifest, TablesError> {
    let (known, folded) = (before.folded(), positions(heads));
    let from = kept_from(step, &before.reached(), &folded);
    let Arrivals { parts, reached, replaced } = arrivals::take(step, &from, &folded)?;
    let changed: Vec<bool> = Lane::all().map(|lane| known.get(lane) != folded.get(lane)).collect();
    let mut manifest = before.clone();
    manifest.number += 1;
    let mut moved = Moved::default();
    for (name, buckets) in &mut manifest.derived {
        let known = Table::KEPT.into_iter().find(|table| table.name() == name);
        if let Some(table) = known {
            *buckets = derive::table(step, (table, buckets), &changed, &mut moved)?;
        }
    }
    // Rows that came in this step are right already.
    let earlier = std::mem::take(&mut manifest.events);
    manifest.events = correct::correct(step, earlier, &moved, &replaced)?;
    manifest.events.extend(parts);
    manifest.events = merge::merge(step, manifest.events)?;
    manifest.set_places(&reached, heads);
    Ok(manifest)
}

/// Where to read on: records that retention has removed meanwhile are gone for the tables, too.
fn kept_from(step: &Step<'_>, reached: &LanePositions, folded: &LanePositions) -> LanePositions {
    let tails = step.parts.log.tails();
    let mut from = reached.clone();
    for (lane, tail) in tails.iter() {
        from.set(lane, reached.get(lane).max(tail).min(folded.get(lane)));
    }
    let lost = from.records_since(reached);
    if lost > 0 && *reached != LanePositions::default() {
        tracing::warn!(lost, "retention removed records before the kept tables had read them");
    }
    from
}

fn heads(state: &dyn StateView, generation: u16) -> Result<[LaneHead; Lane::COUNT], TablesError> {
    let mut heads = [LaneHead::default(); Lane::COUNT];
    for lane in Lane::all() {
        heads[lane.index()] = state.head(generation, lane)?;
    }
    Ok(heads)
}

fn positions(heads: &[LaneHead; Lane::COUNT]) -> LanePositions {
    let mut positions = LanePositions::default();
    for lane in Lane::all() {
        positions.set(lane, heads[lane.index()].next);
    }
    positions
}
