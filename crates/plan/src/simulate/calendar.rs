//! What will happen when: events come in exact order of time, ties in the order in which they were
//! planned.

use alloc::collections::BinaryHeap;
use core::cmp::Ordering;

/// Something that will happen.
#[derive(Clone, Copy, Debug)]
struct Event<W> {
    time: f64,
    order: u64,
    what: W,
}

impl<W> PartialEq for Event<W> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<W> Eq for Event<W> {}
impl<W> PartialOrd for Event<W> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<W> Ord for Event<W> {
    /// Reversed: the heap gives the earliest first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.time.total_cmp(&self.time).then_with(|| other.order.cmp(&self.order))
    }
}

/// See the module.
pub(super) struct Calendar<W> {
    events: BinaryHeap<Event<W>>,
    planned: u64,
}

impl<W> Calendar<W> {
    pub(super) const fn new() -> Self {
        Self { events: BinaryHeap::new(), planned: 0 }
    }

    /// Plans something for an instant.
    pub(super) fn plan(&mut self, time: f64, what: W) {
        self.planned += 1;
        self.events.push(Event { time, order: self.planned, what });
    }

    /// What happens next, and when.
    pub(super) fn next(&mut self) -> Option<(f64, W)> {
        self.events.pop().map(|event| (event.time, event.what))
    }
}
