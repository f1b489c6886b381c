//! A log in a temporary folder, a store in memory, and a consumer between them.

use crate::consume::{
    ConsumeOptions, ConsumeParts, Consumer, Crash, CrashPoint, Parameters, Progress, start,
};
use millstream_event::Timestamp;
use millstream_log::{Append, EventLog, SegmentLog, SegmentOptions, SystemDisk};
use millstream_stitch::{Agent, Agents};
use millstream_store::{MemoryStore, StateStore};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// More than any drain in these tests can take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct NoBots;

impl Agents for NoBots {
    fn classify(&self, _: &str) -> Agent {
        Agent::default()
    }
}

pub(crate) struct World {
    _dir: tempfile::TempDir,
    pub(crate) log: Arc<SegmentLog>,
    pub(crate) store: Arc<dyn StateStore>,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = SegmentOptions::default();
        let log = SegmentLog::open(Arc::new(SystemDisk), dir.path(), options).unwrap();
        Self { _dir: dir, log: Arc::new(log), store: Arc::new(MemoryStore::new()) }
    }

    pub(crate) fn append(&self, records: &[Append]) {
        for group in records.chunks(50) {
            let (done, wait) = mpsc::channel();
            let acknowledge = Box::new(move |result| done.send(result).unwrap());
            self.log.append(group.to_vec(), acknowledge).unwrap();
            wait.recv().unwrap().unwrap();
        }
    }

    pub(crate) fn parts(&self) -> ConsumeParts {
        ConsumeParts {
            log: Arc::clone(&self.log) as Arc<dyn EventLog>,
            store: Arc::clone(&self.store),
            parameters: Parameters::default(),
            agents: Arc::new(NoBots),
            subject_key: [7; 32],
            clock: Arc::new(|| Timestamp(1_800_000_000_000_000)),
            on_control: Arc::new(|_, _| {}),
            on_change: Arc::new(|_| {}),
        }
    }

    pub(crate) fn start(&self, options: &ConsumeOptions) -> Consumer {
        start(options, self.parts()).unwrap()
    }

    /// Folds everything.
    pub(crate) fn fold(&self, options: &ConsumeOptions) -> Progress {
        self.start(options).drain(PATIENCE).unwrap()
    }
}

/// Options without ticks, so that the log holds what the test put there.
pub(crate) fn options(owners: usize, batch_records: usize) -> ConsumeOptions {
    ConsumeOptions { owners, batch_records, tick_every: None, ..ConsumeOptions::default() }
}

/// Strikes when a point is passed for the n-th time.
pub(crate) struct Strike {
    point: CrashPoint,
    left: AtomicUsize,
}

impl Strike {
    pub(crate) fn at(point: CrashPoint, passes: usize) -> Arc<Self> {
        Arc::new(Self { point, left: AtomicUsize::new(passes) })
    }
}

impl Crash for Strike {
    fn strikes(&self, point: CrashPoint) -> bool {
        if point != self.point {
            return false;
        }
        let down = |left: usize| left.checked_sub(1);
        let before = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, down);
        before.unwrap_or(0) == 1
    }
}
