//! The bound on bytes of requests in progress, across the whole plane.

use super::counters::Counters;
use super::refusal::Refusal;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Bytes held for one request; given back when dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    counters: Arc<Counters>,
    bytes: u64,
}

impl Reservation {
    /// Takes `bytes` out of `limit`, or refuses.
    pub(super) fn take(
        counters: &Arc<Counters>,
        limit: usize,
        bytes: usize,
    ) -> Result<Self, Refusal> {
        let bytes = bytes as u64;
        let before = counters.in_flight_bytes.fetch_add(bytes, Ordering::Relaxed);
        let reservation = Self { counters: Arc::clone(counters), bytes };
        if before.saturating_add(bytes) > limit as u64 {
            return Err(Refusal::Busy);
        }
        Ok(reservation)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.counters.in_flight_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::counters::get;

    #[test]
    fn up_to_the_limit_and_no_further() {
        let counters = Arc::new(Counters::default());
        let first = Reservation::take(&counters, 100, 60).unwrap();
        let second = Reservation::take(&counters, 100, 40).unwrap();
        assert_eq!(Reservation::take(&counters, 100, 1).unwrap_err(), Refusal::Busy);
        assert_eq!(get(&counters.in_flight_bytes), 100);
        drop(first);
        assert!(Reservation::take(&counters, 100, 60).is_ok());
        drop(second);
        assert_eq!(get(&counters.in_flight_bytes), 0);
    }
}
