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

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::{Header, Kind, Lane, Timestamp};
    use millstream_log::{Append, SegmentLog, SegmentOptions, SystemDisk};
    use tokio::sync::oneshot::Receiver;
    use tokio::sync::oneshot::error::TryRecvError;

    fn wait_for(acknowledgements: &Acknowledgements, outcome: Outcome) -> Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        acknowledgements.take(sender, outcome);
        receiver
    }

    /// Lets every other task of this runtime go as far as it can.
    async fn others() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    fn handing_out(in_rounds: bool) -> Arc<Acknowledgements> {
        let made = Arc::new(Acknowledgements::default());
        made.in_rounds.store(in_rounds, Ordering::Release);
        tokio::spawn(Arc::clone(&made).hand_out());
        made
    }

    #[tokio::test]
    async fn what_became_durable_together_is_handed_out_once_the_round_is_over() {
        let made = handing_out(true);
        let mut first = wait_for(&made, Ok(()));
        let mut second = wait_for(&made, Err(AppendError::DiskFull));
        others().await;
        assert!(matches!(first.try_recv(), Err(TryRecvError::Empty)));
        assert!(matches!(second.try_recv(), Err(TryRecvError::Empty)));
        made.wake();
        first.await.unwrap().unwrap();
        assert!(matches!(second.await, Ok(Err(AppendError::DiskFull))));
        // A round of somebody else's, then one of ours.
        made.wake();
        others().await;
        let third = wait_for(&made, Ok(()));
        made.wake();
        third.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_log_without_rounds_wakes_each_time() {
        let made = handing_out(false);
        for _ in 0..3 {
            wait_for(&made, Ok(())).await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn who_waits_no_longer_holds_nobody_up() {
        let made = handing_out(true);
        drop(wait_for(&made, Ok(())));
        let other = wait_for(&made, Ok(()));
        made.wake();
        other.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_real_log_acknowledges_everything_and_its_hook_goes_with_the_plane() {
        let dir = tempfile::tempdir().unwrap();
        let log =
            SegmentLog::open(Arc::new(SystemDisk), dir.path(), SegmentOptions::default()).unwrap();
        let made = Acknowledgements::of(&log);
        let woken = Arc::downgrade(&made);
        assert!(made.in_rounds.load(Ordering::Acquire));
        let task = tokio::spawn(Arc::clone(&made).hand_out());
        let append = |made: &Arc<Acknowledgements>| {
            let (sender, receiver) = oneshot::channel();
            let made = Arc::clone(made);
            let header = Header::new(Kind::Event, Lane::CONTROL, Timestamp(1_700_000_000_000_000));
            let group = vec![Append { header, payload: b"{}".to_vec() }];
            let note = Box::new(move |outcome: Result<_, _>| made.take(sender, outcome.map(drop)));
            log.append(group, note).unwrap();
            receiver
        };
        let waiting: Vec<_> = (0..200).map(|_| append(&made)).collect();
        for outcome in waiting {
            outcome.await.unwrap().unwrap();
        }
        task.abort();
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
        drop(made);
        // The writer may still be on its way out of the last round's hook.
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while woken.strong_count() > 0 {
            let waits = std::time::Instant::now() < patience;
            assert!(waits, "neither the log nor a task keeps the plane's part");
            std::thread::yield_now();
        }
    }
}
