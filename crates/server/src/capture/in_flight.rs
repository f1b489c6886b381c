//! The bound on bytes of requests in progress, across the whole plane.

use super::counters::Counters;
use super::refusal::Refusal;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Bytes held for one request; given back when dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    counters: Arc<Counters>,
    limit: u64,
    bytes: u64,
}

impl Reservation {
    /// Takes `bytes` out of `limit`, or refuses.
    pub(super) fn take(
        counters: &Arc<Counters>,
        limit: usize,
        bytes: usize,
    ) -> Result<Self, Refusal> {
        let mut reservation =
            Self { counters: Arc::clone(counters), limit: limit as u64, bytes: 0 };
        reservation.reach(bytes)?;
        Ok(reservation)
    }

    /// Takes more, until `bytes` are held; refuses when that is over the limit.
    pub(super) fn reach(&mut self, bytes: usize) -> Result<(), Refusal> {
        let more = (bytes as u64).saturating_sub(self.bytes);
        let before = self.counters.in_flight_bytes.fetch_add(more, Ordering::Relaxed);
        self.bytes += more;
        if more > 0 && before.saturating_add(more) > self.limit {
            Err(Refusal::Busy)
        } else {
            Ok(())
        }
    }
}

impl Reservation {
    /// Gives back everything, for what is thrown away.
    pub(super) fn give_back(&mut self) {
        let held = std::mem::take(&mut self.bytes);
        self.counters.in_flight_bytes.fetch_sub(held, Ordering::Relaxed);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::counters::get;

    #[test]
    fn up_to_the_limit_and_no_further() {
        let counters = Arc::new(Counters::default());
        let mut first = Reservation::take(&counters, 100, 50).unwrap();
        first.reach(60).unwrap();
        first.reach(10).unwrap();
        let second = Reservation::take(&counters, 100, 40).unwrap();
        assert_eq!(Reservation::take(&counters, 100, 1).unwrap_err(), Refusal::Busy);
        assert_eq!(get(&counters.in_flight_bytes), 100);
        first.give_back();
        assert_eq!(get(&counters.in_flight_bytes), 40);
        drop(first);
        assert!(Reservation::take(&counters, 100, 60).is_ok());
        drop(second);
        assert_eq!(get(&counters.in_flight_bytes), 0);
    }
}
