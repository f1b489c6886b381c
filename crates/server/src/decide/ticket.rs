//! Waiting for an answer, no longer than the budget allows.

use super::external::Word;
use super::job::{Board, Finished, micros};
use super::late::Late;
use super::served::Served;
use super::trial::Assignment;
use millstream_decide::course::default_answer;
use millstream_decide::{Answer, Micros, Reason};
use millstream_event::Hash128;
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
    /// Where a better answer will be, and under which id.
    pub(super) late: Option<(Arc<Late>, Hash128)>,
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
    /// True when a better answer is awaited, and can be asked for.
    pub awaited: bool,
}

impl Ticket {
    /// The answer, or the best that stands when the time is up.
    pub async fn answer(mut self) -> Decided {
        let budget = self.served.configured.use_case.budget;
        let patience = Duration::from_micros(budget.less(self.served.margin()).0);
        let asked = self.done.is_some();
        let finished = match self.done.take() {
            None => None,
            Some(mut done) => {
                let left = patience.saturating_sub(self.started.elapsed());
                match tokio::time::timeout(left, &mut done).await {
                    Ok(finished) => finished.ok(),
                    // From here on what comes is late; what came in this instant is not.
                    Err(_) => {
                        done.close();
                        done.try_recv().ok()
                    }
                }
            }
        };
        match finished {
            Some(finished) => self.with_word(finished, patience).await,
            None => self.best_so_far(patience, asked),
        }
    }

    /// The answer of a course that was over in time, with a word from outside where one comes in time.
    async fn with_word(self, mut finished: Finished, patience: Duration) -> Decided {
        let started = self.started;
        let Some(awaited) = finished.awaited.take() else {
            return Decided::of(finished, self.assignment);
        };
        let left = patience.saturating_sub(started.elapsed());
        let word = awaited.word(finished.answer.clone(), left).await;
        let late = match word {
            Word::Said(answer) => {
                finished.answer = answer;
                None
            }
            Word::Late(answer) => {
                finished.answer = answer;
                self.late
            }
        };
        finished.ended = micros(started);
        if let Some((late, decision)) = &late {
            late.await_better(*decision);
        }
        Decided { awaited: late.is_some(), ..Decided::of(finished, self.assignment) }
    }

    fn best_so_far(self, patience: Duration, asked: bool) -> Decided {
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
        let awaited = self.late.filter(|_| asked);
        if let Some((late, decision)) = &awaited {
            late.await_better(*decision);
        }
        let (queued, awaited) = (Micros(0), awaited.is_some());
        Decided { answer, assignment, queued, ended, timed_out: true, awaited }
    }
}

impl Decided {
    /// What a course that was over came to.
    pub(super) fn of(finished: Finished, assignment: Assignment) -> Self {
        let Finished { answer, queued, ended, .. } = finished;
        Self { answer, assignment, queued, ended, timed_out: false, awaited: false }
    }

    /// Tells the governor what the answer took: called when it is on its way out.
    pub fn settle(&self, served: &Served, started: Instant) -> Micros {
        let total = micros(started);
        served.learn_answer(total, total.less(self.ended));
        served.counts.count(self, total > served.configured.use_case.budget);
        total
    }
}
