//! Chance as a value, so that what depends on it can be tested.

use std::time::Duration;

/// A share of `span` in proportion to where `chance` lies among all numbers.
pub(super) fn share_of(span: Duration, chance: u64) -> Duration {
    let nanos = (span.as_nanos() * u128::from(chance)) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Sixty-four random bits; all of one value where the system has none to give, which only makes
/// retries come together.
pub(super) fn draw() -> u64 {
    getrandom::u64().unwrap_or(u64::MAX / 2)
}
