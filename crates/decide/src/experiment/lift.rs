//! Lift of an arm over the control, with an interval; less noise by CUPED.

use super::distribution::{normal_below, normal_quantile};

/// Sums of an arm's outcomes and of what was known of its units before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// Units.
    pub units: f64,
    /// Sum of outcomes.
    pub sum: f64,
    /// Sum of their squares.
    pub squares: f64,
    /// Sum of what was known before.
    pub before: f64,
    /// Sum of its squares.
    pub before_squares: f64,
    /// Sum of products of both.
    pub product: f64,
}

impl Moments {
    /// Adds a unit.
    pub fn add(&mut self, outcome: f64, before: f64) {
        self.units += 1.0;
        self.sum += outcome;
        self.squares += outcome * outcome;
        self.before += before;
        self.before_squares += before * before;
        self.product += outcome * before;
    }

    /// Both together.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self {
            units: self.units + other.units,
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
            before: self.before + other.before,
            before_squares: self.before_squares + other.before_squares,
            product: self.product + other.product,
        }
    }

    /// The mean outcome.
    pub fn mean(&self) -> f64 {
        self.sum / self.units.max(1.0)
    }

    /// The variance of outcomes.
    pub fn variance(&self) -> f64 {
        central(self.squares, self.sum, self.sum, self.units)
    }
}

fn central(product: f64, a: f64, b: f64, units: f64) -> f64 {
    if units < 2.0 { 0.0 } else { (product - a * b / units) / (units - 1.0) }
}

/// A difference with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The difference of means.
    pub difference: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// The chance of a difference as large if there were none.
    pub p: f64,
    /// Its standard error.
    pub error: f64,
}

/// The interval of a difference with this variance.
pub(crate) fn interval(difference: f64, variance: f64, confidence: f64) -> Interval {
    let error = libm::sqrt(variance);
    let reach = normal_quantile(0.5 + confidence / 2.0) * error;
    let p = match error > 0.0 {
        true => 2.0 * normal_below(-(difference / error).abs()),
        false => 1.0,
    };
    Interval { difference, low: difference - reach, high: difference + reach, p, error }
}

/// Treatment over control (Welch). None with fewer than two units in an arm.
pub fn lift(control: &Moments, treatment: &Moments, confidence: f64) -> Option<Interval> {
    if control.units < 2.0 || treatment.units < 2.0 {
        return None;
    }
    let variance = control.variance() / control.units + treatment.variance() / treatment.units;
    Some(interval(treatment.mean() - control.mean(), variance, confidence))
}

/// The same with what was known before taken out (CUPED: Deng et al., 2013); one coefficient for
/// both arms, so that the treatment cannot leak into it.
pub fn adjusted(control: &Moments, treatment: &Moments, confidence: f64) -> Option<Interval> {
    if control.units < 2.0 || treatment.units < 2.0 {
        return None;
    }
    let both = control.with(treatment);
    let spread = central(both.before_squares, both.before, both.before, both.units);
    let theta = match spread > 0.0 {
        true => central(both.product, both.sum, both.before, both.units) / spread,
        false => 0.0,
    };
    let mean = |arm: &Moments| {
        arm.mean() - theta * (arm.before - both.before / both.units * arm.units) / arm.units
    };
    let variance = |arm: &Moments| {
        let own = arm.variance();
        let before = central(arm.before_squares, arm.before, arm.before, arm.units);
        let joint = central(arm.product, arm.sum, arm.before, arm.units);
        (own - 2.0 * theta * joint + theta * theta * before).max(0.0) / arm.units
    };
    let difference = mean(treatment) - mean(control);
    Some(interval(difference, variance(control) + variance(treatment), confidence))
}
