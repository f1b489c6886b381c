//! When to try again, and how often all tries together may be repeated.
//!
//! Full jitter (a wait drawn evenly between zero and a bound that doubles) spreads what failed
//! together; the budget keeps repeated attempts below a share of first ones, so that a destination
//! that comes back is not drowned by what it missed.

use super::chance::share_of;
use std::time::Duration;

/// How attempts are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryOptions {
    /// Bound of the first wait.
    pub base: Duration,
    /// Bound of every wait.
    pub cap: Duration,
    /// Attempts of one event that a working destination answers without taking it.
    pub attempts: u32,
    /// Oldest event that is still tried, by the time it was received.
    pub expire: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(500),
            cap: Duration::from_secs(60),
            attempts: 12,
            expire: Duration::from_secs(72 * 3_600),
        }
    }
}

impl RetryOptions {
    /// How long to wait after so many attempts. What the destination asked for is the least.
    pub fn wait(&self, attempts: u32, asked: Option<Duration>, chance: u64) -> Duration {
        let doubled = self.base.saturating_mul(1_u32 << attempts.saturating_sub(1).min(20));
        let jittered = share_of(doubled.min(self.cap), chance);
        match asked {
            // Those who were told the same instant do not all come at it.
            Some(asked) => asked.min(ASKED_MAX) + share_of(self.base, chance),
            None => jittered,
        }
    }
}

/// The longest `Retry-After` that is honoured.
pub const ASKED_MAX: Duration = Duration::from_secs(3_600);

/// Repeated attempts that first ones pay for: one in ten.
const EARNED: u64 = 100;
/// What one repeated attempt costs.
const COST: u64 = 1_000;
/// What can be saved up: fifty repeated attempts.
const SAVED_MAX: u64 = 50 * COST;
/// What time alone earns, so that a quiet destination's events are not left lying: one attempt in
/// two seconds.
const EARNED_SECOND: u64 = COST / 2;

/// See the module.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    saved: u64,
    at: Duration,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { saved: 10 * COST, at: Duration::ZERO }
    }
}

impl RetryBudget {
    /// A first attempt was made.
    pub fn earn(&mut self) {
        self.saved = (self.saved + EARNED).min(SAVED_MAX);
    }

    /// Pays for a repeated attempt, or says how long until it can be paid for.
    pub fn pay(&mut self, now: Duration) -> Result<(), Duration> {
        let passed = now.saturating_sub(self.at);
        let earned = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        let earned = earned.saturating_mul(EARNED_SECOND) / 1_000;
        if earned > 0 {
            self.saved = self.saved.saturating_add(earned).min(SAVED_MAX);
            self.at = now;
        }
        match self.saved.checked_sub(COST) {
            Some(left) => {
                self.saved = left;
                Ok(())
            }
            None => Err(Duration::from_millis((COST - self.saved) * 1_000 / EARNED_SECOND + 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn waits_are_bounded_and_no_shorter_than_asked(attempts in 1_u32..100, chance: u64, asked in proptest::option::of(0_u64..10_000)) {
            let options = RetryOptions::default();
            let asked = asked.map(Duration::from_secs);
            let wait = options.wait(attempts, asked, chance);
            match asked {
                Some(asked) => prop_assert!(wait >= asked.min(ASKED_MAX) && wait <= ASKED_MAX + options.base),
                None => prop_assert!(wait <= options.cap),
            }
        }

        #[test]
        fn repeated_attempts_stay_a_share(firsts in 0_u64..2_000, seconds in 0_u64..600) {
            let mut budget = RetryBudget::default();
            let mut paid = 0;
            for _ in 0..firsts {
                budget.earn();
                paid += u64::from(budget.pay(Duration::ZERO).is_ok());
            }
            while budget.pay(Duration::from_secs(seconds)).is_ok() {
                paid += 1;
            }
            prop_assert!(paid <= 10 + firsts / 10 + seconds / 2 + 1, "{paid}");
        }
    }

    #[test]
    fn what_is_owed_comes_with_time() {
        let mut budget = RetryBudget::default();
        while budget.pay(Duration::ZERO).is_ok() {}
        let wait = budget.pay(Duration::ZERO).unwrap_err();
        assert!(budget.pay(wait).is_ok());
    }
}
