//! Times between arrivals and service times.

use super::random::Random;
use libm::{exp, log, sqrt};

/// A distribution of positive times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// Always the same.
    Constant(f64),
    /// Exponential of this mean.
    Exponential(f64),
    /// Gamma: `mean = shape * scale`, squared coefficient of variation 1 / shape.
    Gamma {
        /// Shape.
        shape: f64,
        /// Scale.
        scale: f64,
    },
    /// One of two exponentials.
    HyperExponential {
        /// Chance of the first.
        chance: f64,
        /// Its mean.
        first: f64,
        /// Mean of the second.
        second: f64,
    },
    /// exp of a normal.
    LogNormal {
        /// Mean of the logarithm.
        location: f64,
        /// Standard deviation of the logarithm.
        spread: f64,
    },
}

impl Distribution {
    /// Of this mean and squared coefficient of variation: constant at 0, exponential at 1, else gamma.
    pub fn gamma(mean: f64, scv: f64) -> Self {
        if scv <= 0.0 || mean <= 0.0 {
            Self::Constant(mean.max(0.0))
        } else if scv == 1.0 {
            Self::Exponential(mean)
        } else {
            Self::Gamma { shape: 1.0 / scv, scale: mean * scv }
        }
    }

    /// Hyperexponential of this mean and squared coefficient of variation (at least 1), each branch
    /// bringing half of the mean.
    pub fn balanced(mean: f64, scv: f64) -> Self {
        let chance = 0.5 * (1.0 + sqrt(((scv - 1.0) / (scv + 1.0)).max(0.0)));
        let (first, second) = (0.5 * mean / chance, 0.5 * mean / (1.0 - chance));
        Self::HyperExponential { chance, first, second }
    }

    /// Log-normal of this mean and squared coefficient of variation.
    pub fn log_normal(mean: f64, scv: f64) -> Self {
        let variance = log(1.0 + scv);
        Self::LogNormal { location: log(mean) - 0.5 * variance, spread: sqrt(variance) }
    }

    /// Its mean.
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Constant(mean) | Self::Exponential(mean) => mean,
            Self::Gamma { shape, scale } => shape * scale,
            Self::HyperExponential { chance, first, second } => {
                chance * first + (1.0 - chance) * second
            }
            Self::LogNormal { location, spread } => exp(location + 0.5 * spread * spread),
        }
    }

    /// Draws one.
    pub fn draw(&self, random: &mut Random) -> f64 {
        match *self {
            Self::Constant(time) => time,
            Self::Exponential(mean) => mean * random.exponential(),
            Self::Gamma { shape, scale } => scale * random.gamma(shape),
            Self::HyperExponential { chance, first, second } => {
                let mean = if random.uniform() < chance { first } else { second };
                mean * random.exponential()
            }
            Self::LogNormal { location, spread } => exp(location + spread * random.normal()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libm::fabs;

    #[test]
    fn moments_are_what_was_asked_for() {
        let mut random = Random::new(7, 0);
        let kinds = [
            (Distribution::gamma(2.0, 0.25), 0.25),
            (Distribution::gamma(2.0, 4.0), 4.0),
            (Distribution::gamma(2.0, 1.0), 1.0),
            (Distribution::balanced(2.0, 4.0), 4.0),
            (Distribution::log_normal(2.0, 2.0), 2.0),
        ];
        for (kind, scv) in kinds {
            let draws = 400_000;
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..draws {
                let time = kind.draw(&mut random);
                sum += time;
                squares += time * time;
            }
            let mean = sum / f64::from(draws);
            let found = squares / f64::from(draws) / (mean * mean) - 1.0;
            assert!(fabs(mean - 2.0) < 0.03 && fabs(kind.mean() - 2.0) < 1e-12, "{kind:?}: {mean}");
            assert!(fabs(found / scv - 1.0) < 0.08, "{kind:?}: {found}");
        }
    }
}
