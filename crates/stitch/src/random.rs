//! Random numbers from a seed: the same seed, the same numbers, on every machine.

/// A SplitMix64 generator (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

/// Above this mean a Poisson variable is drawn as a rounded normal one.
const POISSON_SMALL: f64 = 32.0;

impl Random {
    /// The stream of a seed and a number: streams of different numbers are unrelated.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut start = Self(seed);
        let mixed = start.bits();
        Self(mixed ^ stream.wrapping_mul(0xD134_2543_DE82_EF95))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in (0, 1), never an end.
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0)
    }

    /// A whole number below `bound`, which is not zero; the bias is below `bound` / 2^64.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }

    /// Standard normal. [Marsaglia and Bray 1964]
    fn normal(&mut self) -> f64 {
        loop {
            let x = 2.0 * self.uniform() - 1.0;
            let y = 2.0 * self.uniform() - 1.0;
            let square = x * x + y * y;
            if square < 1.0 && square > 0.0 {
                return x * libm::sqrt(-2.0 * libm::log(square) / square);
            }
        }
    }

    /// Poisson of this mean: by products of uniforms (Knuth), by the normal limit above 32.
    pub fn poisson(&mut self, mean: f64) -> f64 {
        if mean <= 0.0 {
            return 0.0;
        }
        if mean > POISSON_SMALL {
            return libm::round(mean + libm::sqrt(mean) * self.normal()).max(0.0);
        }
        let (end, mut product, mut count) = (libm::exp(-mean), self.uniform(), 0.0);
        while product > end {
            product *= self.uniform();
            count += 1.0;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn poisson_has_its_mean_and_variance() {
        for mean in [0.3, 4.0, 31.0, 33.0, 5_000.0] {
            let mut random = Random::new(7, 0);
            let count = 40_000.0;
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..40_000 {
                let off = random.poisson(mean) - mean;
                sum += off;
                squares += off * off;
            }
            assert!((sum / count).abs() < 5.0 * libm::sqrt(mean / count), "{mean}");
            assert!((squares / count / mean - 1.0).abs() < 0.05, "{mean}");
        }
    }
}
