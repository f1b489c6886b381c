//! Means with intervals, from independent replications.

use libm::sqrt;
use serde::Serialize;

/// A mean and its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

/// The 97.5 % quantile of Student's t.
fn student(degrees: usize) -> f64 {
    let large = 1.96 + 2.37 / degrees.max(1) as f64;
    degrees.checked_sub(1).and_then(|at| STUDENT.get(at)).copied().unwrap_or(large)
}

impl Interval {
    /// Of one figure of several replications. A single one has no interval: both ends are the mean.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        if values.len() < 2 {
            return Self { mean, low: mean, high: mean };
        }
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let half = student(values.len() - 1) * sqrt(squares / (count - 1.0) / count);
        Self { mean, low: mean - half, high: mean + half }
    }

    /// Of a figure whose companion has a known mean: what the companion missed by is taken out, by
    /// regression. [control variates, Lavenberg and Welch 1981]
    pub fn controlled(values: &[f64], companions: &[f64], known: f64) -> Self {
        let plain = Self::of(values);
        let companion = Self::of(companions);
        let (mut both, mut alone) = (0.0, 0.0);
        for (value, other) in values.iter().zip(companions) {
            both += (value - plain.mean) * (other - companion.mean);
            alone += (other - companion.mean) * (other - companion.mean);
        }
        if alone <= 0.0 || values.len() < 4 {
            return plain;
        }
        let slope = both / alone;
        let mut left = 0.0;
        for (value, other) in values.iter().zip(companions) {
            let rest = value - plain.mean - slope * (other - companion.mean);
            left += rest * rest;
        }
        let count = values.len() as f64;
        let mean = plain.mean - slope * (companion.mean - known);
        let half = student(values.len() - 2) * sqrt(left / (count - 2.0) / count);
        Self { mean, low: mean - half, high: mean + half }
    }

    /// True when the value lies inside the interval widened by a factor about its mean.
    pub fn holds(&self, value: f64, widened: f64) -> bool {
        (value - self.mean).abs() <= widened * 0.5 * (self.high - self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_few_and_many() {
        let three = Interval::of(&[1.0, 2.0, 3.0]);
        assert!(
            (three.mean - 2.0).abs() < 1e-15
                && (three.high - 2.0 - 4.303 / 3.0_f64.sqrt()).abs() < 1e-9
        );
        assert_eq!(Interval::of(&[5.0]).high, 5.0);
        let companions = [1.0, 2.0, 3.0, 4.0, 5.0];
        let values = companions.map(|value| 2.0 * value + 1.0);
        let exact = Interval::controlled(&values, &companions, 2.0);
        assert!((exact.mean - 5.0).abs() < 1e-12 && exact.high - exact.low < 1e-9);
    }
}
