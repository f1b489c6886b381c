//! Better answers that came after theirs had to be given: kept for a while, for whoever asks for
//! them under the decision's id.
//!
//! An id is 128 bits of chance that only its asker was told. Bounded in number and time; the oldest
//! make room.

use super::served::Served;
use super::ticket::Decided;
use millstream_decide::Visitor;
use millstream_event::Hash128;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What has become of an answer that was to get better.
#[derive(Clone, Default)]
pub enum Standing {
    /// It is still being made.
    #[default]
    Awaited,
    /// Here it is.
    Better(Arc<Better>),
    /// What was awaited failed: nothing better comes.
    Nothing,
}

/// A better answer.
pub struct Better {
    /// Of which use case.
    pub served: Arc<Served>,
    /// The answer.
    pub decided: Decided,
    /// Who it is for.
    pub visitor: Visitor,
    /// The era that it was made in.
    pub(super) era: u32,
}

/// Counts since the start.
#[derive(Debug, Default)]
pub struct LateCounts {
    /// Answers that were given before they were as good as they could be.
    pub expected: AtomicU64,
    /// Better answers that came.
    pub came: AtomicU64,
    /// Better answers that were told to whoever asked.
    pub told: AtomicU64,
}

/// See the module.
pub struct Late {
    entries: Mutex<Entries>,
    bound: usize,
    keep_for: Duration,
    /// What it counts.
    pub counts: LateCounts,
}

#[derive(Default)]
struct Entries {
    by_decision: HashMap<Hash128, watch::Sender<Standing>>,
    order: VecDeque<(Instant, Hash128)>,
}

impl Late {
    pub(super) fn new(bound: usize, keep_for: Duration) -> Self {
        let entries = Mutex::default();
        Self { entries, bound, keep_for, counts: LateCounts::default() }
    }

    /// How long a better answer is kept, and waited for.
    pub const fn keep_for(&self) -> Duration {
        self.keep_for
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while let Some((until, decision)) = entries.order.front().copied()
            && (until <= now || entries.order.len() > self.bound)
        {
            entries.order.pop_front();
            entries.by_decision.remove(&decision);
        }
        entries
    }

    fn set(&self, decision: Hash128, standing: Standing) {
        let mut entries = self.entries();
        if let Some(known) = entries.by_decision.get(&decision) {
            // What has come is not awaited any more.
            if !matches!(standing, Standing::Awaited) {
                known.send_replace(standing);
            }
            return;
        }
        entries.by_decision.insert(decision, watch::Sender::new(standing));
        entries.order.push_back((Instant::now() + self.keep_for, decision));
    }

    /// An answer was given that may get better.
    pub(super) fn await_better(&self, decision: Hash128) {
        self.counts.expected.fetch_add(1, Ordering::Relaxed);
        self.set(decision, Standing::Awaited);
    }

    /// The better answer has come.
    pub(super) fn put(&self, decision: Hash128, better: Better) {
        self.counts.came.fetch_add(1, Ordering::Relaxed);
        self.set(decision, Standing::Better(Arc::new(better)));
    }

    /// What was awaited failed.
    pub(super) fn fail(&self, decision: Hash128) {
        self.set(decision, Standing::Nothing);
    }

    /// Follows a decision; none where nothing better is awaited, or no longer.
    pub fn follow(&self, decision: Hash128) -> Option<watch::Receiver<Standing>> {
        // Whoever is past the bound goes with the next look.
        self.entries().by_decision.get(&decision).map(watch::Sender::subscribe)
    }

    /// Answers that are kept or awaited.
    pub fn len(&self) -> usize {
        self.entries().by_decision.len()
    }

    /// True when none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> Hash128 {
        Hash128::of("decision", &[&number.to_le_bytes()])
    }

    #[test]
    fn it_holds_as_many_as_its_bound_and_the_oldest_make_room() {
        let late = Late::new(2, Duration::from_secs(60));
        (0..2).for_each(|number| late.await_better(id(number)));
        assert!(late.follow(id(0)).is_some() && late.len() == 2);
        late.await_better(id(2));
        assert!(late.follow(id(0)).is_none() && late.follow(id(1)).is_some());
        assert_eq!(late.len(), 2);
    }

    #[test]
    fn it_keeps_for_a_while_only() {
        let late = Late::new(2, Duration::ZERO);
        late.await_better(id(0));
        assert!(late.follow(id(0)).is_none() && late.is_empty());
    }

    #[test]
    fn what_has_come_is_not_awaited_again() {
        let late = Late::new(2, Duration::from_secs(60));
        late.fail(id(0));
        late.await_better(id(0));
        let standing = late.follow(id(0)).unwrap();
        assert!(matches!(*standing.borrow(), Standing::Nothing));
    }
}
