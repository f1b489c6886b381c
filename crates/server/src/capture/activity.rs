//! When a connection last began or ended a request.

use super::options::Timeouts;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What is known of a connection's requests, for whoever watches over it.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    active: AtomicU32,
    requests: AtomicU64,
    last_ms: AtomicU64,
    ending: AtomicBool,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            opened: Instant::now(),
            active: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            last_ms: AtomicU64::new(0),
            ending: AtomicBool::new(false),
        }
    }

    /// A request begins.
    pub(super) fn begin(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// A request has its answer.
    pub(super) fn end(&self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.opened).as_millis();
        self.last_ms.store(u64::try_from(elapsed).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.active.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether a request waits for its answer.
    pub(super) fn busy(&self) -> bool {
        self.active.load(Ordering::Relaxed) > 0
    }

    /// The request in progress is to be the last.
    pub(super) fn ask_to_end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// Whether the connection was asked to end.
    pub(super) fn asked_to_end(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// How long until the connection has been silent for too long: before its first request it has
    /// `head` to send one, later `idle`. `None` when that time is over.
    fn patience(&self, head: Duration, idle: Duration) -> Option<Duration> {
        let allowed = if self.requests.load(Ordering::Relaxed) == 0 { head } else { idle };
        if self.busy() {
            return Some(allowed);
        }
        let last = Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
        allowed
            .checked_sub(self.opened.elapsed().saturating_sub(last))
            .filter(|left| !left.is_zero())
    }
}

/// A request in progress on a connection.
pub(super) struct Busy(Arc<Activity>);

impl Busy {
    pub(super) fn begin(activity: &Arc<Activity>) -> Self {
        activity.begin();
        Self(Arc::clone(activity))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.end(Instant::now());
    }
}

/// Why a connection is asked to end.
pub(super) enum Reason {
    Silent,
    Closing,
}

/// Returns once the connection has been silent for too long, or the plane closes.
pub(super) async fn reason_to_end(
    activity: &Activity,
    timeouts: &Timeouts,
    mut closing: watch::Receiver<bool>,
) -> Reason {
    while let Some(pause) = activity.patience(timeouts.head, timeouts.idle) {
        // An error means that the plane itself is gone.
        if tokio::time::timeout(pause, closing.changed()).await.is_ok() {
            return Reason::Closing;
        }
    }
    Reason::Silent
}
