//! The keeper: one thread that writes checkpoints and lets retention go as far as they, and those
//! who have yet to read the log, allow.

use super::aging::Aging;
use super::checkpoints::{Checkpoints, positions};
use super::error::InstanceError;
use super::removals::Removals;
use millstream_event::{Lane, Timestamp};
use millstream_log::{EventLog, LanePositions, Owed};
use millstream_pipeline::StateRead;
use millstream_store::{LaneHead, Pair, Reading, StateStore, StateView, StoreError, Visit};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often retention is applied between checkpoints: segments grow old and many meanwhile.
const RETAIN_EVERY: Duration = Duration::from_secs(60);

/// How long after its start the first look is: whoever opens a directory for a moment has other things
/// to do, and one that is often started again must not put off what is due for ever.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// How soon rows are looked after while some have to go.
const AGE_EVERY: Duration = Duration::from_secs(1);

fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// What others need of the log.
#[derive(Default)]
pub struct Needed {
    /// From where on all of it; none when nobody does.
    pub whole: Option<LanePositions>,
    /// Single records that are kept where the log itself goes.
    pub owed: Option<Owed>,
}

/// What others need of the log, by a generation's state.
pub type NeededFrom = Arc<dyn Fn(&dyn StateRead, u16) -> Result<Needed, String> + Send + Sync>;

/// What is kept, and how far it may be let go.
pub struct Keeping {
    log: Arc<dyn EventLog>,
    store: Arc<dyn StateStore>,
    checkpoints: Checkpoints,
    generation: u16,
    /// Where the newest checkpoint of this process stands.
    written: Option<LanePositions>,
    /// Where the older of two checkpoints stands.
    floor: Option<LanePositions>,
    needed_from: Option<NeededFrom>,
    removals: Removals,
    aging: Option<Aging>,
    closing: Arc<AtomicBool>,
}

impl Keeping {
    /// Of an open log and its state.
    pub fn new(
        log: Arc<dyn EventLog>,
        store: Arc<dyn StateStore>,
        checkpoints: Checkpoints,
        generation: u16,
        removals: Removals,
    ) -> Self {
        let (needed_from, aging, closing) = (None, None, Arc::default());
        Self {
            log,
            store,
            checkpoints,
            generation,
            written: None,
            floor: None,
            needed_from,
            removals,
            aging,
            closing,
        }
    }

    /// Has retention wait for others, too.
    #[must_use]
    pub fn needed_from(mut self, needed_from: NeededFrom) -> Self {
        self.needed_from = Some(needed_from);
        self
    }

    /// Has rows go that are kept for a time only; `closing` ends the wait for them.
    #[must_use]
    pub(super) fn letting_go(mut self, aging: Aging, closing: Arc<AtomicBool>) -> Self {
        (self.aging, self.closing) = (Some(aging), closing);
        self
    }

    /// Has the fold let go of rows that are too old on this day; true once all of them are gone.
    ///
    /// # Errors
    /// When the state cannot be read or the log not written.
    pub fn let_go(&mut self, now: Timestamp) -> Result<bool, InstanceError> {
        self.aging.as_mut().map_or(Ok(true), |aging| aging.go_on(now))
    }

    /// How long to wait before the next look: less while rows have to go.
    fn pause(&self, every: Duration) -> Duration {
        let due = self.aging.as_ref().is_some_and(|aging| aging.is_due(wall_clock()));
        every.min(if due { AGE_EVERY } else { RETAIN_EVERY })
    }

    /// Writes a checkpoint unless nothing was folded since the last one; true when it did.
    ///
    /// # Errors
    /// When the state cannot be read, a file cannot be written, or an earlier checkpoint is damaged.
    pub fn checkpoint(&mut self) -> Result<bool, InstanceError> {
        let mut heads = [LaneHead::default(); Lane::COUNT];
        for lane in Lane::all() {
            heads[lane.index()] = self.store.head(self.generation, lane)?;
        }
        let reached = positions(&heads);
        if self.written.as_ref() == Some(&reached) || reached == LanePositions::default() {
            return Ok(false);
        }
        let size = self.checkpoints.write(&|| {
            let view = self.store.snapshot()?;
            Ok(Box::new(Interruptible { view, closing: Arc::clone(&self.closing) }))
        })?;
        self.written = Some(reached);
        self.floor = None;
        self.floor = self.checkpoints.floor()?;
        tracing::info!(keys = size.entries, bytes = size.bytes, "a checkpoint was written");
        Ok(true)
    }

    /// Removes what the log need not keep, never past the older of two checkpoints and what others
    /// still need.
    ///
    /// # Errors
    /// When a file cannot be removed, or when it cannot be told what others need.
    pub fn retain(&self) -> Result<(), InstanceError> {
        let Some(floor) = &self.floor else { return Ok(()) };
        let needed = match &self.needed_from {
            Some(needed) => needed(&Reading(&*self.store), self.generation),
            None => Ok(Needed::default()),
        };
        let Needed { whole, owed } = needed.map_err(InstanceError::Needed)?;
        let floor = match whole {
            Some(needed) => floor.least(&needed),
            None => floor.clone(),
        };
        self.log.set_retention_floor(&floor, owed.as_ref())?;
        if let Some(removal) = self.removals.note(&*self.log, wall_clock())? {
            tracing::info!(
                records = removal.records,
                "retention removed the log's oldest segments"
            );
        }
        Ok(())
    }

    /// Works until `stop` is dropped.
    fn run(mut self, every: Duration, stop: &Receiver<()>) {
        let age = self.checkpoints.newest_at().and_then(|at| at.elapsed().ok()).unwrap_or_default();
        let mut due = Instant::now() + every.saturating_sub(age);
        match self.checkpoints.floor() {
            Ok(floor) => self.floor = floor,
            Err(error) => self.report(Err(error)),
        }
        let mut pause = self.pause(every).min(FIRST_LOOK);
        while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(pause) {
            if Instant::now() >= due {
                // After a failure the next one is tried no sooner: the disk may be full.
                due = Instant::now() + every;
                let written = self.checkpoint();
                self.report(written.map(drop));
            }
            self.report(self.retain());
            let gone = self.let_go(wall_clock());
            self.report(gone.map(drop));
            pause = self.pause(every);
        }
    }

    fn report(&self, outcome: Result<(), InstanceError>) {
        match outcome {
            Err(error) if !self.closing.load(Ordering::Acquire) => {
                tracing::error!(%error, "what retention should remove stays until this is mended");
            }
            _ => {}
        }
    }
}

/// The running thread. Dropping it ends it, also in the middle of a checkpoint.
pub struct Keeper {
    closing: Arc<AtomicBool>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Writes a checkpoint whenever the newest one is older than `every`.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(keeping: Keeping, every: Duration) -> io::Result<Self> {
        let closing = Arc::clone(&keeping.closing);
        let (stop, told) = channel();
        let thread = std::thread::Builder::new()
            .name("keeper".into())
            .spawn(move || keeping.run(every, &told))?;
        Ok(Self { closing, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Release);
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the keeper ended with a panic");
        }
    }
}

/// A view whose scans end in an error once the process is closing: a checkpoint holds nobody up.
struct Interruptible {
    view: Box<dyn StateView>,
    closing: Arc<AtomicBool>,
}

impl Interruptible {
    fn go_on(&self) -> Result<(), StoreError> {
        if self.closing.load(Ordering::Acquire) {
            return Err(StoreError::Visitor("the process is closing".into()));
        }
        Ok(())
    }
}

impl StateView for Interruptible {
    fn head(&self, generation: u16, lane: Lane) -> Result<LaneHead, StoreError> {
        self.view.head(generation, lane)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.view.get(key)
    }

    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.view.scan(prefix, &mut |key, value| {
            self.go_on()?;
            visit(key, value)
        })
    }

    fn range(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.view.range(from, to, &mut |key, value| {
            self.go_on()?;
            visit(key, value)
        })
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        self.view.last(from, to)
    }
}
