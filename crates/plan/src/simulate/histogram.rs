//! Times counted in bins of 0.2 % width: quantiles of millions of times in fixed memory.

use alloc::vec;
use alloc::vec::Vec;

/// Bits of the mantissa that choose a bin: 2^9 bins an octave.
const MANTISSA_BITS: u32 = 9;
/// Exponent of the smallest time told apart from zero: 2^-40 s, about a picosecond.
const EXPONENT_LEAST: u64 = 1023 - 40;
/// Octaves covered: up to 2^32 s.
const OCTAVES: u64 = 72;

/// Counts of times by size.
#[derive(Clone, Debug)]
pub struct Histogram {
    bins: Vec<u32>,
    zeros: u64,
    count: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { bins: vec![0; (OCTAVES << MANTISSA_BITS) as usize], zeros: 0, count: 0 }
    }
}

impl Histogram {
    /// Counts a time.
    pub fn add(&mut self, time: f64) {
        self.count += 1;
        let bits = time.to_bits() >> (52 - MANTISSA_BITS);
        let first = EXPONENT_LEAST << MANTISSA_BITS;
        if time <= 0.0 || bits < first {
            self.zeros += 1;
            return;
        }
        let bin = (bits - first).min((OCTAVES << MANTISSA_BITS) - 1) as usize;
        self.bins[bin] = self.bins[bin].saturating_add(1);
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        self.zeros += other.zeros;
        self.count += other.count;
        for (bin, more) in self.bins.iter_mut().zip(&other.bins) {
            *bin = bin.saturating_add(*more);
        }
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The time below which a share q lies, interpolated inside its bin; zero when nothing was counted.
    pub fn quantile(&self, q: f64) -> f64 {
        let wanted = q * self.count as f64;
        let mut below = self.zeros as f64;
        if self.count == 0 || below >= wanted {
            return 0.0;
        }
        for (bin, count) in self.bins.iter().enumerate() {
            let with = below + f64::from(*count);
            if with >= wanted {
                let edge = |bin: u64| {
                    f64::from_bits(
                        ((EXPONENT_LEAST << MANTISSA_BITS) + bin) << (52 - MANTISSA_BITS),
                    )
                };
                let (low, high) = (edge(bin as u64), edge(bin as u64 + 1));
                return low + (high - low) * (wanted - below) / f64::from(*count);
            }
            below = with;
        }
        f64::from_bits((EXPONENT_LEAST + OCTAVES) << 52)
    }

    /// Share of times over a limit, interpolated inside its bin.
    pub fn share_over(&self, limit: f64) -> f64 {
        if self.count == 0 || limit < 0.0 {
            return 0.0;
        }
        let mut over = 0.0;
        for (bin, count) in self.bins.iter().enumerate().filter(|(_, count)| **count > 0) {
            let edge = |bin: u64| {
                f64::from_bits(((EXPONENT_LEAST << MANTISSA_BITS) + bin) << (52 - MANTISSA_BITS))
            };
            let (low, high) = (edge(bin as u64), edge(bin as u64 + 1));
            over += f64::from(*count) * ((high - limit) / (high - low)).clamp(0.0, 1.0);
        }
        over / self.count as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libm::fabs;

    #[test]
    fn quantiles_are_within_a_bin() {
        let mut histogram = Histogram::default();
        (1..=10_000).for_each(|n| histogram.add(f64::from(n) * 1e-4));
        assert!(fabs(histogram.quantile(0.5) / 0.5 - 1.0) < 0.002);
        assert!(fabs(histogram.quantile(0.99) / 0.99 - 1.0) < 0.002);
        assert!(fabs(histogram.share_over(0.75) - 0.25) < 0.001);
        assert_eq!(Histogram::default().quantile(0.5), 0.0);
    }
}
