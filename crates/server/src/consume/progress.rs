//! How far folding is: shared by owners, reader, ticker and whoever asks.

use super::error::DrainError;
use super::latency::{HopLatency, HopTimes};
use millstream_event::{Lane, Position, Timestamp};
use millstream_log::{EventLog, LanePositions};
use millstream_store::LaneHead;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A lane, or everything, that is not folded any further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The lane; `None` when reading or committing as a whole failed.
    pub lane: Option<Lane>,
    /// Where it stands.
    pub position: Position,
    /// Why, and what to do.
    pub reason: String,
}

/// A snapshot of how far folding is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Durable records that are not folded yet.
    pub lag_records: u64,
    /// Items whose outbox rows still stand.
    pub outbox: u64,
    /// The greatest receive stamp folded.
    pub watermark: Timestamp,
    /// Everything acknowledged up to here is folded, in every lane.
    pub complete_until: Timestamp,
    /// True when every lane is folded to the log's end and no item is on its way.
    pub drained: bool,
    /// How long events took lately, hop by hop.
    pub hops: HopTimes,
    /// Records folded since the start.
    pub folded: u64,
    /// Next position of every lane.
    pub positions: LanePositions,
    /// What stopped; empty when all is well.
    pub stopped: Vec<Stopped>,
}

/// What the threads share.
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    closing: AtomicBool,
}

struct State {
    heads: [LaneHead; Lane::COUNT],
    /// Lanes that saw records since their last tick.
    untold: [bool; Lane::COUNT],
    outbox: u64,
    folded: u64,
    stopped: Vec<Stopped>,
    latency: HopLatency,
}

/// What one commit did.
pub(super) struct Committed {
    /// New heads.
    pub(super) heads: Vec<(Lane, LaneHead)>,
    /// Lanes that saw other records than ticks.
    pub(super) busy: Vec<Lane>,
    /// Records folded.
    pub(super) records: u64,
    /// Outbox rows made.
    pub(super) sent: u64,
    /// Outbox rows deleted.
    pub(super) delivered: u64,
    /// Receive stamps of the events folded.
    pub(super) received: Vec<Timestamp>,
    /// When they were folded.
    pub(super) folded: Timestamp,
}

impl Shared {
    pub(super) fn new(heads: [LaneHead; Lane::COUNT]) -> Self {
        let state = State {
            heads,
            untold: [false; Lane::COUNT],
            outbox: 0,
            folded: 0,
            stopped: Vec::new(),
            latency: HopLatency::default(),
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), closing: AtomicBool::new(false) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        let state = self.lock();
        self.closing.store(true, Ordering::Release);
        drop(state);
        self.changed.notify_all();
    }

    pub(super) fn head(&self, lane: Lane) -> LaneHead {
        self.lock().heads[lane.index()]
    }

    /// Outbox rows found at start.
    pub(super) fn left_over(&self, rows: u64) {
        self.lock().outbox += rows;
    }

    /// Publishes a commit.
    pub(super) fn committed(&self, done: &Committed, now: Timestamp) {
        let mut state = self.lock();
        for (lane, head) in &done.heads {
            state.heads[lane.index()] = *head;
        }
        for lane in &done.busy {
            state.untold[lane.index()] = true;
        }
        state.folded += done.records;
        state.outbox = (state.outbox + done.sent).saturating_sub(done.delivered);
        state.latency.record(&done.received, done.folded, now);
        drop(state);
        self.changed.notify_all();
    }

    pub(super) fn stop(&self, stopped: Stopped) {
        let lane = stopped.lane.map(|lane| lane.to_string()).unwrap_or_default();
        tracing::error!(
            lane,
            position = stopped.position.0,
            reason = stopped.reason,
            "folding stopped"
        );
        self.lock().stopped.push(stopped);
        self.changed.notify_all();
    }

    /// Waits until a lane saw records, then `interval`, and takes the lanes that did; `None` when
    /// closing.
    pub(super) fn lanes_to_tick(&self, interval: Duration) -> Option<Vec<Lane>> {
        let mut state = self.lock();
        while !self.closing() && !state.untold.contains(&true) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let due = Instant::now() + interval;
        while !self.closing() {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let untold = std::mem::replace(&mut state.untold, [false; Lane::COUNT]);
                return Some(Lane::all().filter(|lane| untold[lane.index()]).collect());
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        None
    }

    /// How far folding is. Positions are read before the outbox and the outbox before the log's
    /// heads: an item that is in neither was not sent.
    pub(super) fn progress(&self, log: &dyn EventLog, now: Timestamp) -> Progress {
        let state = self.lock();
        let mut positions = LanePositions::default();
        for lane in Lane::all() {
            positions.set(lane, state.heads[lane.index()].next);
        }
        let heads = log.heads();
        let behind = Lane::all().filter(|lane| positions.get(*lane) < heads.get(*lane));
        let complete_until =
            behind.map(|lane| state.heads[lane.index()].watermark).min().unwrap_or(now);
        let watermarks = state.heads.iter().map(|head| head.watermark);
        Progress {
            lag_records: heads.records_since(&positions),
            outbox: state.outbox,
            watermark: watermarks.max().unwrap_or_default(),
            complete_until,
            drained: state.outbox == 0 && positions.covers(&heads),
            hops: state.latency.quantiles(),
            folded: state.folded,
            positions,
            stopped: state.stopped.clone(),
        }
    }

    /// Waits until everything is folded.
    pub(super) fn drain(&self, log: &dyn EventLog, patience: Duration) -> Result<(), DrainError> {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            let heads = log.heads();
            let behind = |lane: Lane| state.heads[lane.index()].next < heads.get(lane);
            let lag =
                |lane: Lane| heads.get(lane).0.saturating_sub(state.heads[lane.index()].next.0);
            if state.outbox == 0 && !Lane::all().any(behind) {
                return Ok(());
            }
            if let Some(stopped) = state.stopped.first() {
                return Err(DrainError::Stopped(stopped.reason.clone()));
            }
            if self.closing() {
                return Err(DrainError::Closed);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let lag_records = Lane::all().map(lag).sum();
                return Err(DrainError::Deadline { lag_records, outbox: state.outbox });
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
