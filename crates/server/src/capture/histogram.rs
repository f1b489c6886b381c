//! A latency histogram that many threads write and one reads: fixed log-linear buckets, mergeable
//! by adding (the layout of HdrHistogram, with 32 buckets to the octave: error below 3.2 %).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets per octave, as a power of two.
const STEP_BITS: u32 = 5;
const STEPS: usize = 1 << STEP_BITS;
/// Octaves of microseconds covered: up to 2^27 us, 134 s. Longer ones count in the last bucket.
const OCTAVES: usize = 27 - STEP_BITS as usize;
/// Number of buckets.
pub const BUCKETS: usize = (OCTAVES + 1) * STEPS;

/// Counts of durations, in microseconds.
#[derive(Debug)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BUCKETS], sum_us: AtomicU64::new(0) }
    }
}

/// The bucket of a value.
const fn bucket(micros: u64) -> usize {
    if micros < STEPS as u64 {
        return micros as usize;
    }
    let octave = 63 - micros.leading_zeros();
    let step = (micros >> (octave - STEP_BITS)) as usize - STEPS;
    let index = (octave - STEP_BITS + 1) as usize * STEPS + step;
    if index < BUCKETS { index } else { BUCKETS - 1 }
}

/// The greatest value of a bucket, in microseconds.
pub const fn upper_bound_us(index: usize) -> u64 {
    if index < STEPS {
        return index as u64;
    }
    let octave = (index / STEPS - 1) as u32;
    (((index % STEPS + STEPS + 1) as u64) << octave) - 1
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(micros)].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(micros, Ordering::Relaxed);
    }

    /// The counts as they stand.
    pub fn snapshot(&self) -> HistogramSnapshot {
        HistogramSnapshot {
            buckets: self.buckets.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            sum_us: self.sum_us.load(Ordering::Relaxed),
        }
    }
}

/// Counts at one moment. Two snapshots merge by adding bucket to bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistogramSnapshot {
    /// Count per bucket; the greatest value of each is [`upper_bound_us`].
    pub buckets: Vec<u64>,
    /// Sum of all values in microseconds.
    pub sum_us: u64,
}

impl HistogramSnapshot {
    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The least bucket bound below which at least `quantile` (0 to 1) of the values lie; `None`
    /// while nothing was counted.
    pub fn quantile_us(&self, quantile: f64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = ((count as f64 * quantile.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            seen += bucket;
            if seen >= rank {
                return Some(upper_bound_us(index));
            }
        }
        Some(upper_bound_us(BUCKETS - 1))
    }

    /// What was counted after `earlier`, a snapshot of the same histogram.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let pairs = self.buckets.iter().zip(&earlier.buckets);
        Self {
            buckets: pairs.map(|(now, then)| now.saturating_sub(*then)).collect(),
            sum_us: self.sum_us.saturating_sub(earlier.sum_us),
        }
    }

    /// Adds the counts of another snapshot.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.sum_us += other.sum_us;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_a_bucket_that_bounds_it_within_a_32nd() {
        for micros in (0..100_000).chain([1 << 20, (1 << 27) - 1]) {
            let index = bucket(micros);
            let bound = upper_bound_us(index);
            assert!(bound >= micros, "{micros} in bucket {index} up to {bound}");
            assert!(
                bound - micros <= micros / STEPS as u64,
                "{micros} in bucket {index} up to {bound}"
            );
            assert!(index == 0 || upper_bound_us(index - 1) < micros);
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_of_a_known_set() {
        let histogram = Histogram::default();
        assert_eq!(histogram.snapshot().quantile_us(0.5), None);
        for micros in 1..=1_000 {
            histogram.record(Duration::from_micros(micros));
        }
        let mut snapshot = histogram.snapshot();
        let near = |quantile: f64, expected: u64| {
            let found = snapshot.quantile_us(quantile).unwrap();
            assert!(
                found >= expected && found <= expected + expected / STEPS as u64,
                "{quantile}: {found}"
            );
        };
        near(0.5, 500);
        near(0.99, 990);
        near(1.0, 1_000);
        let copy = snapshot.clone();
        snapshot.merge(&copy);
        assert_eq!((snapshot.count(), snapshot.sum_us), (2_000, 1_001_000));
    }
}
