//! How long records take from hop to hop: mergeable sketches of ten seconds each, of which the last
//! five minutes count.

use millstream_event::Timestamp;
use sketches_ddsketch::{Config, DDSketch};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What one sketch covers.
const SLOT: Duration = Duration::from_secs(10);
/// Sketches that count: five minutes.
const SLOTS: u128 = 30;

/// Quantiles in microseconds over the last five minutes; zero when nothing came.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantiles {
    /// Events measured.
    pub count: u64,
    /// Median.
    pub p50_us: u64,
    /// 95th percentile.
    pub p95_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
}

/// Every hop of the fold. An event shares the instants of its batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HopTimes {
    /// From the receive stamp until the event's batch was folded.
    pub received_to_folded: Quantiles,
    /// From there until the batch was committed.
    pub folded_to_visible: Quantiles,
    /// From the receive stamp until the batch was committed.
    pub received_to_visible: Quantiles,
}

/// The sketches of every hop.
#[derive(Default)]
pub(super) struct HopLatency {
    received_to_folded: Recent,
    folded_to_visible: Recent,
    received_to_visible: Recent,
}

impl HopLatency {
    /// Takes in the events of a batch that was folded and committed at these stamps.
    pub(super) fn record(&mut self, received: &[Timestamp], folded: Timestamp, visible: Timestamp) {
        let now = Instant::now();
        let since = |stamp: Timestamp| received.iter().map(move |received| (stamp - *received).0);
        self.received_to_folded.record(now, since(folded));
        self.folded_to_visible.record(now, received.iter().map(|_| (visible - folded).0));
        self.received_to_visible.record(now, since(visible));
    }

    /// The quantiles now.
    pub(super) fn quantiles(&self) -> HopTimes {
        let now = Instant::now();
        HopTimes {
            received_to_folded: self.received_to_folded.quantiles(now),
            folded_to_visible: self.folded_to_visible.quantiles(now),
            received_to_visible: self.received_to_visible.quantiles(now),
        }
    }
}

/// One hop: a sketch per slot in which something came, oldest first.
pub(super) struct Recent {
    began: Instant,
    slots: VecDeque<(u128, DDSketch)>,
}

impl Default for Recent {
    fn default() -> Self {
        Self { began: Instant::now(), slots: VecDeque::new() }
    }
}

impl Recent {
    fn slot(&self, now: Instant) -> u128 {
        now.saturating_duration_since(self.began).as_millis() / SLOT.as_millis()
    }

    /// Takes in latencies in microseconds.
    pub(super) fn record(&mut self, now: Instant, micros: impl Iterator<Item = i64>) {
        let mut micros = micros.peekable();
        if micros.peek().is_none() {
            return;
        }
        let slot = self.slot(now);
        while self.slots.front().is_some_and(|(old, _)| old + SLOTS <= slot) {
            self.slots.pop_front();
        }
        if self.slots.back().is_none_or(|(last, _)| *last != slot) {
            self.slots.push_back((slot, DDSketch::new(Config::defaults())));
        }
        if let Some((_, sketch)) = self.slots.back_mut() {
            for value in micros {
                sketch.add(value.max(1) as f64);
            }
        }
    }

    /// The quantiles of the last five minutes.
    pub(super) fn quantiles(&self, now: Instant) -> Quantiles {
        let slot = self.slot(now);
        let mut all = DDSketch::new(Config::defaults());
        for (_, sketch) in self.slots.iter().filter(|(old, _)| old + SLOTS > slot) {
            if all.merge(sketch).is_err() {
                return Quantiles::default();
            }
        }
        let at = |share| all.quantile(share).ok().flatten().unwrap_or_default() as u64;
        Quantiles { count: all.count() as u64, p50_us: at(0.5), p95_us: at(0.95), p99_us: at(0.99) }
    }
}
