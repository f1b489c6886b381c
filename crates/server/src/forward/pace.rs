//! What a destination is to be sent next, and when: its queue against rate, breaker, budget and the
//! requests under way.

use super::breaker::{Breaker, Permission};
use super::destination::Destination;
use super::item::Item;
use super::line::Line;
use super::queue::{Queue, Waiting};
use super::rate::Rate;
use super::retries::RetryBudget;
use millstream_event::delivery::Standing;
use std::sync::Arc;
use std::time::Duration;

/// Events that wait.
pub type Batch = Vec<Waiting<Arc<Item>>>;

/// What the worker should do.
#[derive(Debug)]
pub enum Step {
    /// Send these.
    Send(Batch),
    /// Nothing until something changes, or this time has passed.
    Wait(Option<Duration>),
}

/// What changes of a desk.
pub(super) struct Inner {
    pub(super) queue: Queue<Arc<Item>>,
    pub(super) lines: [Option<Line>; 4],
    pub(super) breaker: Breaker,
    pub(super) rate: Rate,
    pub(super) budget: RetryBudget,
    pub(super) in_flight: usize,
    pub(super) standing: Standing,
    /// Its file is gone.
    pub(super) withdrawn: bool,
    pub(super) filling_since: Option<Duration>,
}

impl Inner {
    /// What the worker should do at `now`.
    pub(super) fn step(&mut self, destination: &Destination, now: Duration) -> Step {
        let bounds = &destination.bounds;
        let stands = matches!(self.standing, Standing::Running | Standing::Draining);
        if !stands || self.in_flight >= bounds.concurrency || self.queue.is_empty() {
            return Step::Wait(None);
        }
        let mut again = self.queue.repeats(now);
        let due = self.queue.next_due().map(|due| due.saturating_sub(now));
        if !again && self.queue.fresh() == 0 {
            return Step::Wait(due);
        }
        if let Err(wait) = self.linger(destination, again, now) {
            return Step::Wait(Some(wait));
        }
        let most = match self.rate.ask(now, bounds.batch_events) {
            Ok(most) => most,
            Err(wait) => return Step::Wait(Some(wait)),
        };
        let probes = match self.breaker.ask(now) {
            Permission::Yes => false,
            Permission::Probe => true,
            Permission::AfterProbe => return Step::Wait(None),
            Permission::NotBefore(until) => return Step::Wait(Some(until.saturating_sub(now))),
        };
        if again
            && !probes
            && let Err(wait) = self.budget.pay(now)
        {
            if self.queue.fresh() == 0 {
                return Step::Wait(Some(wait));
            }
            again = false;
        }
        let batch = self.queue.take(now, most, again);
        if batch.is_empty() {
            self.breaker.unused();
            return Step::Wait(due);
        }
        self.filling_since = None;
        self.in_flight += 1;
        self.rate.spend(batch.len());
        if !again {
            self.budget.earn();
        }
        if let Some(line) = batch.first().and_then(|one| self.lines[one.class.index()].as_mut()) {
            line.totals.attempts += 1;
        }
        Step::Send(batch)
    }

    /// How long a batch that is not full should wait for more.
    fn linger(
        &mut self,
        destination: &Destination,
        again: bool,
        now: Duration,
    ) -> Result<(), Duration> {
        let bounds = &destination.bounds;
        if again || bounds.batch_events == 1 || self.queue.fresh() >= bounds.batch_events {
            return Ok(());
        }
        let until = *self.filling_since.get_or_insert(now) + bounds.linger;
        if until <= now { Ok(()) } else { Err(until - now) }
    }
}
