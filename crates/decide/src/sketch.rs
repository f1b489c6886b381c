//! Recent latencies in little room: a histogram of two halves, the older of which is forgotten.

use crate::stage::Micros;

/// Buckets to a doubling.
const STEPS: u32 = 4;
/// Doublings covered: up to a little over a minute.
const DOUBLINGS: u32 = 26;
/// Buckets in all.
const BUCKETS: usize = (STEPS * DOUBLINGS) as usize;
/// Samples after which the newer half becomes the older one.
const HALF: u32 = 512;

/// Latencies of the last 512 to 1,024 samples, to a quarter of a doubling.
#[derive(Clone, Debug, PartialEq)]
pub struct Sketch {
    newer: [u32; BUCKETS],
    older: [u32; BUCKETS],
    in_newer: u32,
    in_older: u32,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { newer: [0; BUCKETS], older: [0; BUCKETS], in_newer: 0, in_older: 0 }
    }
}

fn bucket(took: Micros) -> usize {
    let value = took.0.max(1);
    let doubling = 63 - value.leading_zeros();
    let within = if doubling >= 2 { (value >> (doubling - 2)) & 3 } else { 0 };
    (((doubling * STEPS) as usize) + within as usize).min(BUCKETS - 1)
}

/// The upper end of a bucket.
fn upper(bucket: usize) -> Micros {
    let (doubling, within) = (bucket as u32 / STEPS, bucket as u64 % u64::from(STEPS));
    if doubling < 2 {
        return Micros((2_u64 << doubling) - 1);
    }
    Micros(((5 + within) << (doubling - 2)) - 1)
}

impl Sketch {
    /// Takes a sample.
    pub fn record(&mut self, took: Micros) {
        if self.in_newer == HALF {
            self.older = self.newer;
            self.in_older = self.in_newer;
            self.newer = [0; BUCKETS];
            self.in_newer = 0;
        }
        self.newer[bucket(took)] += 1;
        self.in_newer += 1;
    }

    /// Samples held.
    pub const fn len(&self) -> u32 {
        self.in_newer + self.in_older
    }

    /// True when nothing was recorded.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The latency that this share of samples does not pass; none without samples. The upper end of
    /// its bucket: at most a quarter above the true value.
    pub fn quantile(&self, share: f64) -> Option<Micros> {
        if self.is_empty() {
            return None;
        }
        let wanted = share.clamp(0.0, 1.0) * f64::from(self.len());
        let mut passed = 0_u32;
        for place in 0..BUCKETS {
            passed += self.newer[place] + self.older[place];
            if f64::from(passed) >= wanted && passed > 0 {
                return Some(upper(place));
            }
        }
        Some(upper(BUCKETS - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_quantile_is_at_most_a_quarter_above_the_true_one(
            mut samples in proptest::collection::vec(0_u64..50_000_000, 1..500),
        ) {
            let mut sketch = Sketch::default();
            samples.iter().for_each(|sample| sketch.record(Micros(*sample)));
            samples.sort_unstable();
            let place = (0.95 * samples.len() as f64).ceil() as usize - 1;
            let (true_value, told) = (samples[place], sketch.quantile(0.95).unwrap().0);
            prop_assert!(told >= true_value, "{told} < {true_value}");
            prop_assert!(told as f64 <= (true_value.max(4) as f64) * 1.25 + 1.0, "{told} > {true_value}");
        }
    }

    #[test]
    fn what_is_long_past_is_forgotten() {
        let mut sketch = Sketch::default();
        assert_eq!(sketch.quantile(0.95), None);
        (0..2_000).for_each(|_| sketch.record(Micros::millis(80)));
        (0..2 * HALF).for_each(|_| sketch.record(Micros(100)));
        assert!(sketch.quantile(0.99).unwrap() < Micros(150));
    }
}
