//! An earlier state: what had been received until an instant, folded by the rules in force.
//!
//! The log is copied up to there into a folder of its own and folded like any other. That costs what
//! folding the log costs, and is exact: whatever came later, late events, refunds, merges and
//! imports of spend among them, is as if it had never come.

use super::active::segment_options;
use super::engine::Engine;
use crate::agents::AgentList;
use crate::consume::{
    self, ConsumeError, ConsumeOptions, ConsumeParts, Consumer, DrainError, Parameters,
};
use crate::priority::NICENESS_MAX;
use crate::report::{DeliveryCounts, ReportError, StateFigures};
use millstream_event::{Kind, Lane, Position, Record, Span, Timestamp};
use millstream_log::{
    Append, AppendError, EventLog, LanePositions, LogError, SegmentLog, SystemDisk,
};
use millstream_store::{FjallStore, Reading, StateStore, StoreError, StoreOptions};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// Where earlier states are folded.
const FOLDER: &str = "past";
/// Records that become durable together.
const GROUP_RECORDS: usize = 1_000;
/// How long one group may take to become durable.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a state is kept for the next question about it.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// What had been received so long ago is in the log.
const SETTLED_AFTER: Span = Span::minutes(1);
/// How long the fold may take.
const FOLD_PATIENCE: Duration = Duration::from_secs(24 * 3_600);

/// Why an earlier state cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// The log does not reach back.
    #[error(
        "the log no longer holds what was first received: retention took it away, so an earlier state cannot be folded anew"
    )]
    Retained,
    /// A folder.
    #[error("cannot use {path}: {source}", path = path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The log, or its copy.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The copy of the log.
    #[error("the log cannot be copied: {0}")]
    Append(#[from] AppendError),
    /// The copy of the log is not durable in time.
    #[error("the copy of the log was not on disk within {}s: the disk is overloaded", PATIENCE.as_secs())]
    Slow,
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The fold.
    #[error(transparent)]
    Consume(#[from] ConsumeError),
    /// The fold does not come to its end.
    #[error(transparent)]
    Drain(#[from] DrainError),
}

impl From<PastError> for ReportError {
    fn from(error: PastError) -> Self {
        Self::Earlier { why: error.to_string() }
    }
}

/// Removes its folder when it goes.
struct Folder(PathBuf);

impl Folder {
    fn make(path: PathBuf) -> Result<Self, PastError> {
        remove(&path)?;
        match fs::create_dir_all(&path) {
            Ok(()) => Ok(Self(path)),
            Err(source) => Err(PastError::Folder { path, source }),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(%error, "the folder of an earlier state stays until the next start");
        }
    }
}

fn remove(path: &Path) -> Result<(), PastError> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(PastError::Folder { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Removes what a process that was killed left of earlier states: it is a copy of what may have to be
/// erased.
///
/// # Errors
/// When the folder cannot be removed.
pub fn clean(dir: &Path) -> Result<(), PastError> {
    remove(&dir.join(FOLDER))
}

/// Folds earlier states, one at a time. A running instance keeps the last one for a while: who asks
/// about the end of a month asks more than one question.
#[derive(Default)]
pub struct Pasts {
    kept: Arc<Mutex<Option<Past>>>,
    keeps: AtomicBool,
}

/// An earlier state.
struct Past {
    at: Timestamp,
    parameters: Parameters,
    /// Its threads have ended: it holds the sums.
    consumer: Consumer,
    store: Arc<dyn StateStore>,
    asked: Instant,
    /// Last, so that it goes when nothing uses it any more.
    _folder: Folder,
}

impl Pasts {
    /// From now on the last state is kept for the next question.
    pub fn keep(&self) {
        self.keeps.store(true, Ordering::Relaxed);
    }

    /// Lets go of what is kept: something that it holds was erased, or is read otherwise now.
    pub fn forget(&self) {
        lock(&self.kept).take();
    }

    /// Tells of the figures as they were when everything received until `at` was counted.
    ///
    /// # Errors
    /// See [`PastError`], and what `tell` returned.
    pub fn tell(
        &self,
        engine: &Engine,
        at: Timestamp,
        tell: impl FnOnce(&StateFigures<'_>) -> Result<(), ReportError>,
    ) -> Result<(), ReportError> {
        let mut kept = lock(&self.kept);
        let parameters = Parameters { generation: 0, ..engine.active().parameters.clone() };
        let fits = |past: &Past| past.at == at && past.parameters == parameters;
        let mut past = match kept.take().filter(fits) {
            Some(past) => past,
            None => Past::fold(engine, (at, parameters))?,
        };
        let told = past.tell(engine, tell);
        // What was received a moment ago may not be in the log yet.
        let settled = (engine.clock)() - at > SETTLED_AFTER;
        if self.keeps.load(Ordering::Relaxed) && settled {
            past.asked = Instant::now();
            *kept = Some(past);
            drop(kept);
            self.let_go_later();
        }
        told
    }

    /// Lets go of what nobody asks for. Where no thread can be started it stays until the next question.
    fn let_go_later(&self) {
        let kept = Arc::downgrade(&self.kept);
        let later = move || {
            std::thread::sleep(KEPT_FOR);
            if let Some(kept) = kept.upgrade() {
                lock(&kept).take_if(|past| past.asked.elapsed() >= KEPT_FOR);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("past".into()).spawn(later) {
            tracing::warn!(%error, "an earlier state is kept until the next question about one");
        }
    }
}

fn lock(kept: &Mutex<Option<Past>>) -> MutexGuard<'_, Option<Past>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Past {
    fn fold(engine: &Engine, (at, parameters): (Timestamp, Parameters)) -> Result<Self, PastError> {
        let _folder = Folder::make(engine.instance.dir.join(FOLDER))?;
        let (consumer, store) = fold(engine, (at, &parameters), &_folder.0)?;
        consumer.shutdown();
        Ok(Self { at, parameters, consumer, store, asked: Instant::now(), _folder })
    }

    fn tell(
        &self,
        engine: &Engine,
        tell: impl FnOnce(&StateFigures<'_>) -> Result<(), ReportError>,
    ) -> Result<(), ReportError> {
        let view = self.consumer.merged.view(&self.store).map_err(PastError::from)?;
        tell(&StateFigures {
            state: &Reading(&*view),
            sums: &view,
            generation: 0,
            spans: engine.active().spans(),
            delivery: DeliveryCounts::default(),
            probable: None,
            plans: &[],
            unlogged: Vec::new(),
        })
    }
}

fn fold(
    engine: &Engine,
    (at, parameters): (Timestamp, &Parameters),
    folder: &Path,
) -> Result<(Consumer, Arc<dyn StateStore>), PastError> {
    let log = SegmentLog::open(
        Arc::new(SystemDisk),
        &folder.join("log"),
        segment_options(&engine.config),
    )?;
    copy(&*engine.instance.log, &log, at)?;
    let cache_bytes = engine.config.pipeline.cache_bytes;
    let options = StoreOptions { cache_bytes, ..StoreOptions::default() };
    let store: Arc<dyn StateStore> = Arc::new(FjallStore::open(&folder.join("state"), &options)?);
    let clock = Arc::clone(&engine.clock);
    let parts = ConsumeParts {
        log: Arc::new(log),
        store: Arc::clone(&store),
        parameters: parameters.clone(),
        agents: Arc::<AgentList>::clone(&engine.agents),
        subject_key: engine.instance.keys.subject,
        clock,
        on_control: Arc::new(|_, _| {}),
        on_change: Arc::new(|_| {}),
    };
    let options = ConsumeOptions {
        batch_records: engine.config.pipeline.batch_records,
        niceness: NICENESS_MAX,
        tick_every: None,
        ..ConsumeOptions::default()
    };
    let consumer = consume::start(&options, parts)?;
    consumer.drain(FOLD_PATIENCE)?;
    Ok((consumer, store))
}

/// Copies what had been received until `at`. What lanes tell each other is told anew.
fn copy(from: &dyn EventLog, to: &SegmentLog, at: Timestamp) -> Result<(), PastError> {
    let tails = from.tails();
    if tails.iter().any(|(_, position)| position > Position(0)) {
        return Err(PastError::Retained);
    }
    let (mut group, mut failed) = (Vec::with_capacity(GROUP_RECORDS), None);
    from.scan(&LanePositions::default(), &from.heads(), &mut |record| {
        if record.header.received <= at && belongs(&record) {
            group.push(Append { header: record.header, payload: record.payload });
        }
        if group.len() < GROUP_RECORDS {
            return true;
        }
        failed = append(to, std::mem::take(&mut group)).err();
        failed.is_none()
    })?;
    match failed {
        Some(error) => Err(error),
        None => append(to, group),
    }
}

/// Control records are counted by their place in their lane, which ticks share with them.
fn belongs(record: &Record) -> bool {
    match record.header.kind {
        Kind::Event | Kind::Quarantine | Kind::Control | Kind::Delivery | Kind::Aggregate => true,
        Kind::Tick => record.header.lane == Lane::CONTROL,
        _ => false,
    }
}

fn append(to: &SegmentLog, group: Vec<Append>) -> Result<(), PastError> {
    if group.is_empty() {
        return Ok(());
    }
    let (done, durable) = mpsc::sync_channel(1);
    // The receiver is only gone when this call has given up.
    to.append(group, Box::new(move |result| drop(done.try_send(result))))?;
    durable.recv_timeout(PATIENCE).map_err(|_| PastError::Slow)??;
    Ok(())
}
