//! The public plane's timings of the last five minutes: differences of counts that only grow, so that
//! serving pays nothing for it.

use crate::capture::histogram::{Histogram, HistogramSnapshot};
use crate::capture::{Counters, Endpoint};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How far back timings go.
const WINDOW: Duration = Duration::from_secs(300);
/// Distance of the readings that are kept.
const SLOT: Duration = Duration::from_secs(10);

/// Every histogram at one instant, or what came between two instants.
#[derive(Clone)]
pub struct Timings {
    /// How long appends took to become durable.
    pub log_wait: HistogramSnapshot,
    /// Time from request to answer, by endpoint.
    pub endpoints: [HistogramSnapshot; Endpoint::ALL.len()],
}

impl Timings {
    fn zero() -> Self {
        let zero = || Histogram::default().snapshot();
        Self { log_wait: zero(), endpoints: Endpoint::ALL.map(|_| zero()) }
    }

    fn of(counters: &Counters) -> Self {
        Self {
            log_wait: counters.log_wait(),
            endpoints: Endpoint::ALL.map(|endpoint| counters.latency(endpoint)),
        }
    }

    fn since(&self, earlier: &Self) -> Self {
        let endpoint = |endpoint: Endpoint| {
            let at = endpoint as usize;
            self.endpoints[at].since(&earlier.endpoints[at])
        };
        Self {
            log_wait: self.log_wait.since(&earlier.log_wait),
            endpoints: Endpoint::ALL.map(endpoint),
        }
    }
}

/// Readings of the last five minutes, oldest first. Exact to ten seconds where it is asked at least
/// that often, as the admin plane does.
#[derive(Default)]
pub struct RecentTimings {
    readings: Mutex<VecDeque<(Instant, Timings)>>,
}

impl RecentTimings {
    /// What was measured in the last five minutes before `now`.
    pub fn read(&self, counters: &Counters, now: Instant) -> Timings {
        let read = Timings::of(counters);
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        if readings.is_empty() {
            readings.push_back((now, Timings::zero()));
        }
        let age = |at: &Instant| now.saturating_duration_since(*at);
        while readings.get(1).is_some_and(|(at, _)| age(at) >= WINDOW) {
            readings.pop_front();
        }
        let recent = readings.front().map_or_else(|| read.clone(), |(_, then)| read.since(then));
        if readings.back().is_none_or(|(at, _)| age(at) >= SLOT) {
            readings.push_back((now, read));
        }
        recent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_five_minutes_count() {
        let (recent, counters) = (RecentTimings::default(), Counters::default());
        let start = Instant::now();
        let read = |second| recent.read(&counters, start + Duration::from_secs(second));
        let answered = |count| {
            for _ in 0..count {
                counters.answered(Endpoint::Batch, Duration::from_millis(2));
            }
        };
        let batches = |second| read(second).endpoints[Endpoint::Batch as usize].count();
        answered(3);
        assert_eq!(batches(0), 3);
        answered(4);
        for second in 1..=290 {
            assert_eq!(batches(second), 7, "at second {second}");
        }
        answered(5);
        assert_eq!(batches(299), 12);
        assert_eq!(batches(312), 5);
        assert_eq!(batches(700), 0);
    }
}
