//! The bounded queue between callers and the writer: what waits is already the next frame's bytes.

use crate::batch::Batch;
use crate::entry::Prepared;
use crate::error::AppendError;
use crate::frame::FRAME_HEADER_BYTES;
use crate::guard::{lock, wait, wait_until};
use crate::linger::Linger;
use crate::options::SegmentOptions;
use crate::port::{Acknowledge, AfterAcknowledging};
use crate::segment::PAGE_BYTES;
use crate::spare::Spare;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex};
use std::time::Instant;

/// Bytes that end a wait for company: a frame of this size is cheap per record already.
const LINGER_BYTES: usize = 1 << 20;
/// Header pages that the waiting frame and the one being written may need.
const PAGES_AHEAD: u64 = 2 * PAGE_BYTES as u64;

struct State {
    waiting: Batch,
    /// Records and bytes that the writer holds.
    writing: (usize, usize),
    /// Bytes of all segments.
    stored: u64,
    /// Groups that wake the writer; `usize::MAX` while it is at work.
    wake_at: usize,
    /// Why nothing more is taken.
    refusal: Option<AppendError>,
    closing: bool,
}

/// The queue.
pub(crate) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    hooks: Mutex<Vec<AfterAcknowledging>>,
    /// Buffers of groups that were written.
    pub(crate) spare: Spare,
    records_max: usize,
    bytes_max: usize,
    stored_max: u64,
}

impl Queue {
    /// An empty queue before a log of `stored` bytes.
    pub(crate) fn new(options: &SegmentOptions, stored: u64) -> Self {
        let state = State {
            waiting: Batch::default(),
            writing: (0, 0),
            stored,
            wake_at: usize::MAX,
            refusal: None,
            closing: false,
        };
        Self {
            state: Mutex::new(state),
            arrived: Condvar::new(),
            hooks: Mutex::default(),
            spare: Spare::default(),
            records_max: options.queue_records_max,
            bytes_max: options.queue_bytes_max,
            stored_max: options.bytes_max,
        }
    }

    /// Says why a group of this size would not be taken now, if so.
    pub(crate) fn check(&self, records: usize, bytes: usize) -> Result<(), AppendError> {
        self.admit(&lock(&self.state), records, bytes)
    }

    fn admit(&self, state: &State, records: usize, bytes: usize) -> Result<(), AppendError> {
        if records > self.records_max || bytes > self.bytes_max {
            let (records_max, bytes_max) = (self.records_max, self.bytes_max);
            return Err(AppendError::GroupTooLarge { records, bytes, records_max, bytes_max });
        }
        if let Some(refusal) = &state.refusal {
            return Err(refusal.clone());
        }
        let queued = state.waiting.bytes() + state.writing.1;
        if state.waiting.entries.len() + state.writing.0 + records > self.records_max
            || queued + bytes > self.bytes_max + 2 * FRAME_HEADER_BYTES
        {
            return Err(AppendError::Overloaded);
        }
        let added = (queued + bytes + FRAME_HEADER_BYTES) as u64 + PAGES_AHEAD;
        if state.stored + added > self.stored_max {
            return Err(AppendError::DiskFull);
        }
        Ok(())
    }

    /// Adds a group, or says why not.
    pub(crate) fn push(
        &self,
        group: Prepared,
        acknowledge: Acknowledge,
    ) -> Result<(), AppendError> {
        let mut state = lock(&self.state);
        self.admit(&state, group.entries.len(), group.bytes.len())?;
        state.waiting.push(group, acknowledge);
        let enough = state.waiting.bytes() >= LINGER_BYTES && state.wake_at != usize::MAX;
        if enough || state.waiting.groups.len() >= state.wake_at {
            state.wake_at = usize::MAX;
            drop(state);
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Waits for groups, then for company as `linger` says, and swaps all of them into the empty
    /// `batch`; false once the queue is closed and empty.
    pub(crate) fn take(&self, batch: &mut Batch, linger: Linger) -> bool {
        let mut state = lock(&self.state);
        while state.waiting.groups.is_empty() {
            if state.closing {
                return false;
            }
            state.wake_at = 1;
            state = wait(&self.arrived, state);
        }
        let deadline = Instant::now() + linger.wait;
        let mut in_time = !linger.wait.is_zero();
        while in_time
            && !state.closing
            && state.waiting.groups.len() < linger.groups
            && state.waiting.bytes() < LINGER_BYTES
        {
            state.wake_at = linger.groups;
            (state, in_time) = wait_until(&self.arrived, state, deadline);
        }
        state.wake_at = usize::MAX;
        std::mem::swap(&mut state.waiting, batch);
        state.writing = (batch.entries.len(), batch.bytes());
        true
    }

    /// The writer is done with what it took, and the segments have grown by `grown` bytes.
    pub(crate) fn settle(&self, grown: u64) {
        let mut state = lock(&self.state);
        state.writing = (0, 0);
        state.stored += grown;
    }

    /// Has the hook called after each round of acknowledgements.
    pub(crate) fn after_acknowledging(&self, hook: AfterAcknowledging) {
        lock(&self.hooks).push(hook);
    }

    /// Every group of a frame has been acknowledged.
    pub(crate) fn acknowledged(&self) {
        // A panic in a hook is its owner's bug, which the panic hook reports.
        let wanted =
            |hook: &AfterAcknowledging| catch_unwind(AssertUnwindSafe(hook)).unwrap_or(false);
        lock(&self.hooks).retain(wanted);
    }

    /// A file of this size was added.
    pub(crate) fn store(&self, bytes: u64) {
        lock(&self.state).stored += bytes;
    }

    /// A file of this size was removed.
    pub(crate) fn release(&self, bytes: u64) {
        let mut state = lock(&self.state);
        state.stored = state.stored.saturating_sub(bytes);
    }

    /// Bytes of all segments, and of what is kept of removed ones.
    pub(crate) fn stored(&self) -> u64 {
        lock(&self.state).stored
    }

    /// Records that wait or are being written.
    pub(crate) fn depth(&self) -> usize {
        let state = lock(&self.state);
        state.waiting.entries.len() + state.writing.0
    }

    /// Why nothing is taken any more, if so.
    pub(crate) fn refusal(&self) -> Option<AppendError> {
        lock(&self.state).refusal.clone()
    }

    /// Refuses everything from now on with this reason. The first reason stays.
    pub(crate) fn refuse(&self, reason: AppendError) {
        lock(&self.state).refusal.get_or_insert(reason);
    }

    /// Takes nothing more; the writer ends once it has written what waits.
    pub(crate) fn close(&self) {
        self.refuse(AppendError::Closed);
        lock(&self.state).closing = true;
        self.arrived.notify_one();
    }
}
