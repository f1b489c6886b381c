//! A rate limit: a bucket that fills evenly. Pure: time comes in as a value.

use std::time::Duration;

/// Events per second, and how many may come at once.
#[derive(Clone, Debug)]
pub struct Rate {
    per_second: f64,
    burst: f64,
    tokens: f64,
    at: Duration,
    /// Nothing before this instant, because the destination asked for it.
    closed_until: Duration,
}

impl Rate {
    /// A full bucket. `per_second` 0 is no limit.
    pub const fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst, tokens: burst, at: Duration::ZERO, closed_until: Duration::ZERO }
    }

    /// Another limit from now on; what the destination asked for holds.
    pub const fn set(&mut self, per_second: f64, burst: f64) {
        (self.per_second, self.burst) = (per_second, burst);
        self.tokens = self.tokens.min(burst);
    }

    /// How many of `wanted` may go now, at least one; or how long to wait for the first.
    pub fn ask(&mut self, now: Duration, wanted: usize) -> Result<usize, Duration> {
        if now < self.closed_until {
            return Err(self.closed_until - now);
        }
        if self.per_second <= 0.0 {
            return Ok(wanted);
        }
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        if self.tokens >= 1.0 {
            return Ok(wanted.min(self.tokens as usize));
        }
        let missing = (1.0 - self.tokens) / self.per_second;
        Err(Duration::from_secs_f64(missing.min(3_600.0)) + Duration::from_micros(1))
    }

    /// Takes what was sent.
    pub fn spend(&mut self, sent: usize) {
        if self.per_second > 0.0 {
            self.tokens -= sent as f64;
        }
    }

    /// The destination asked to be left alone until then.
    pub fn close(&mut self, until: Duration) {
        self.closed_until = self.closed_until.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_one_burst(asks in proptest::collection::vec((0_u64..200, 1_usize..50), 1..200)) {
            let mut rate = Rate::new(100.0, 20.0);
            let (mut now, mut sent) = (Duration::ZERO, 0);
            for (later, wanted) in asks {
                now += Duration::from_millis(later);
                if let Ok(may) = rate.ask(now, wanted) {
                    prop_assert!((1..=wanted).contains(&may));
                    rate.spend(may);
                    sent += may;
                }
            }
            prop_assert!(sent as f64 <= 20.0 + now.as_secs_f64() * 100.0 + 1.0);
        }
    }

    #[test]
    fn what_the_destination_asks_holds() {
        let mut rate = Rate::new(0.0, 0.0);
        assert_eq!(rate.ask(Duration::ZERO, 7), Ok(7));
        rate.close(Duration::from_secs(3));
        assert_eq!(rate.ask(Duration::from_secs(1), 7), Err(Duration::from_secs(2)));
        assert_eq!(rate.ask(Duration::from_secs(3), 7), Ok(7));
    }
}
