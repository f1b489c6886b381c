//! Acknowledgements on their way from the log's thread to the requests that wait for them.
//!
//! Waking a task from another thread costs a system call each time. So what became durable together
//! is collected, and one task of the plane's own, woken once, hands it out from inside the runtime.

use millstream_log::{AppendError, EventLog};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, oneshot};

/// What became of a group.
pub(super) type Outcome = Result<(), AppendError>;

/// Outcomes that are known, and not handed out yet.
#[derive(Debug, Default)]
pub(super) struct Acknowledgements {
    known: Mutex<Vec<(oneshot::Sender<Outcome>, Outcome)>>,
    arrived: Notify,
    /// The log says when a round of acknowledgements is over.
    in_rounds: AtomicBool,
}

impl Acknowledgements {
    /// Those of one plane, woken as rarely as the log allows.
    pub(super) fn of(log: &dyn EventLog) -> Arc<Self> {
        let made = Arc::new(Self::default());
        let woken = Arc::downgrade(&made);
        let in_rounds = log.after_acknowledging(Box::new(move || {
            let woken = woken.upgrade();
            if let Some(acknowledgements) = &woken {
                acknowledgements.wake();
            }
            woken.is_some()
        }));
        made.in_rounds.store(in_rounds, Ordering::Release);
        made
    }

    /// Takes the outcome of a group. Called by the log.
    pub(super) fn take(&self, waiting: oneshot::Sender<Outcome>, outcome: Outcome) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).push((waiting, outcome));
        if !self.in_rounds.load(Ordering::Acquire) {
            self.arrived.notify_one();
        }
    }

    /// Logs have rounds in which nothing of this plane was acknowledged.
    fn wake(&self) {
        if !self.known.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            self.arrived.notify_one();
        }
    }

    /// Hands out for ever, in the order of the log.
    pub(super) async fn hand_out(self: Arc<Self>) {
        let mut round = Vec::new();
        loop {
            self.arrived.notified().await;
            std::mem::swap(
                &mut round,
                &mut *self.known.lock().unwrap_or_else(PoisonError::into_inner),
            );
            for (waiting, outcome) in round.drain(..) {
                // The receiver is gone when the request was answered or dropped in the meantime.
                drop(waiting.send(outcome));
            }
        }
    }
}
