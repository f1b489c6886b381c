//! Random numbers that need not be secret: nonces, and the choices of the fault-injecting disk.

use crate::chain::mix;
use crate::error::LogError;
use std::sync::atomic::{AtomicU64, Ordering};

/// The increment of SplitMix64: odd, so that the counter visits every value.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// A SplitMix64 generator that threads share.
#[derive(Debug)]
pub(crate) struct Nonces(AtomicU64);

impl Nonces {
    /// Seeded by the system.
    pub(crate) fn from_system() -> Result<Self, LogError> {
        Ok(Self::from_seed(getrandom::u64().map_err(LogError::Random)?))
    }

    /// The same seed gives the same numbers.
    pub(crate) const fn from_seed(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number.
    pub(crate) fn next(&self) -> u64 {
        // Relaxed: each number is used alone and orders nothing else.
        mix(self.0.fetch_add(STEP, Ordering::Relaxed))
    }

    /// The next number below `limit`, which must not be 0; biased by less than limit / 2^64.
    pub(crate) fn below(&self, limit: u64) -> u64 {
        self.next() % limit
    }
}
