//! Intervals that hold at all times at once: looking every day costs no error.
//!
//! The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024):
//! a normal mixture over the mean.

use super::lift::{Interval, Moments, adjusted, lift};

/// A confidence sequence for a difference of means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfidenceSequence {
    /// The error that is allowed over all times together.
    pub error: f64,
    /// Units at which the interval is narrowest in proportion.
    pub tuned_for: f64,
}

impl ConfidenceSequence {
    /// Fewest units of each arm before which nothing is said: the asymptotics need them.
    pub const UNITS_MIN: f64 = 100.0;

    /// The interval now; none while an arm has fewer than [`Self::UNITS_MIN`] units.
    pub fn interval(&self, control: &Moments, treatment: &Moments) -> Option<Interval> {
        self.around(lift(control, treatment, 1.0 - self.error)?, control, treatment)
    }

    /// The same with what was known before taken out (CUPED).
    pub fn adjusted(&self, control: &Moments, treatment: &Moments) -> Option<Interval> {
        self.around(adjusted(control, treatment, 1.0 - self.error)?, control, treatment)
    }

    fn around(&self, found: Interval, control: &Moments, treatment: &Moments) -> Option<Interval> {
        if control.units < Self::UNITS_MIN || treatment.units < Self::UNITS_MIN {
            return None;
        }
        let units = control.units + treatment.units;
        // A mixture of normals of this precision is narrowest at `tuned_for` units.
        let log = -2.0 * libm::log(self.error);
        let rho = (log + libm::log(log) + 1.0) / self.tuned_for;
        let inside = (units * rho + 1.0) / (units * rho)
            * (libm::log(units * rho + 1.0) - 2.0 * libm::log(self.error));
        let Interval { difference, error, .. } = found;
        let reach = libm::sqrt(inside.max(0.0)) * error;
        let z = difference / error.max(f64::MIN_POSITIVE);
        // The error at which the sequence would just exclude zero.
        let evidence = z * z * units * rho / (units * rho + 1.0) - libm::log(units * rho + 1.0);
        let p = libm::exp(-evidence / 2.0).min(1.0);
        Some(Interval { difference, low: difference - reach, high: difference + reach, p, error })
    }
}
