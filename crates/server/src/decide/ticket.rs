//! Waiting for an answer, no longer than the budget allows.

use super::job::{Board, Finished, micros};
use super::service::Served;
use super::trial::Assignment;
use millstream_decide::course::default_answer;
use millstream_decide::{Answer, Micros, Reason};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A decision that is being made.
pub struct Ticket {
    pub(super) served: Arc<Served>,
    pub(super) assignment: Assignment,
    pub(super) board: Board,
    pub(super) done: Option<oneshot::Receiver<Finished>>,
    pub(super) started: Instant,
}

/// A decision that was made.
#[derive(Debug)]
pub struct Decided {
    /// The answer.
    pub answer: Answer,
    /// What experiments made of it.
    pub assignment: Assignment,
    /// How long it waited for a thread.
    pub queued: Micros,
    /// When the course, or the wait for it, was over.
    pub ended: Micros,
    /// True when the time was up before the course ended.
    pub timed_out: bool,
}

impl Ticket {
    /// The answer, or the best that stands when the time is up.
    pub async fn answer(mut self) -> Decided {
        let budget = self.served.configured.use_case.budget;
        let patience = Duration::from_micros(budget.less(self.served.margin()).0);
        let finished = match self.done.take() {
            None => None,
            Some(done) => {
                let left = patience.saturating_sub(self.started.elapsed());
                tokio::time::timeout(left, done).await.ok().and_then(Result::ok)
            }
        };
        match finished {
            Some(Finished { outcome, queued, ended }) => {
                let assignment = self.assignment;
                Decided { answer: outcome.answer, assignment, queued, ended, timed_out: false }
            }
            None => self.best_so_far(patience),
        }
    }

    fn best_so_far(self, patience: Duration) -> Decided {
        let standing = self.board.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = standing.map_or_else(
            || default_answer(&self.served.configured.use_case, Reason::QueueFull),
            |mut answer| {
                answer.provisional = true;
                answer
            },
        );
        let patience = Micros(u64::try_from(patience.as_micros()).unwrap_or(u64::MAX));
        let ended = micros(self.started).min(patience);
        let assignment = self.assignment;
        Decided { answer, assignment, queued: Micros(0), ended, timed_out: true }
    }
}

impl Decided {
    /// Tells the governor what the answer took: called when it is on its way out.
    pub fn settle(&self, served: &Served, started: Instant) -> Micros {
        let total = micros(started);
        served.learn_answer(total, total.less(self.ended));
        served.counts.count(self, total > served.configured.use_case.budget);
        total
    }
}
