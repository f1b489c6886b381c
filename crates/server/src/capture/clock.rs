//! The receive clock: anchored to the wall clock, slewed toward it, never backwards.
//!
//! A wall clock may jump (an operator, a time server, a resumed machine). Receive stamps must not:
//! order and deduplication depend on them. So a stamp follows the machine's monotonic clock, and
//! its distance to the wall clock is closed by running at most 1/16 faster or slower, as `adjtime`
//! does. Only a wall clock more than a day ahead is followed at once: that is a machine that booted
//! without knowing the date.

use millstream_event::{Span, Timestamp};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The share of elapsed time by which the clock may run fast or slow: one sixteenth.
const SLEW_DIVISOR: i64 = 16;
/// Between two looks at the wall clock.
const STRETCH: Span = Span::millis(1);
/// A wall clock further ahead than this is followed at once.
const STEP_AHEAD: Span = Span::days(1);

/// Where the slewed time stands.
#[derive(Clone, Copy, Debug)]
struct Slewed {
    /// Microseconds of the monotonic clock since the start.
    monotonic: i64,
    stamp: Timestamp,
    /// The latest stamp given out.
    latest: Timestamp,
}

impl Slewed {
    /// The stamp for a reading of the monotonic clock; readings may come unordered. The wall clock is
    /// read only after a stretch long enough to slew in.
    fn advance(&mut self, monotonic: i64, wall: impl FnOnce() -> Timestamp) -> Timestamp {
        let elapsed = monotonic - self.monotonic;
        let plain = self.stamp + Span(elapsed);
        let mut now = plain;
        if elapsed >= STRETCH.0 {
            let wall = wall();
            let slew_max = elapsed / SLEW_DIVISOR;
            let error = wall - plain;
            if error > STEP_AHEAD {
                now = wall;
            } else {
                now = plain + Span(error.0.clamp(-slew_max, slew_max));
            }
            (self.monotonic, self.stamp) = (monotonic, now);
        }
        self.latest = self.latest.max(now);
        self.latest
    }
}

/// A clock shared by every thread of the public plane.
#[derive(Debug)]
pub struct ReceiveClock {
    started: Instant,
    slewed: Mutex<Slewed>,
}

impl Default for ReceiveClock {
    fn default() -> Self {
        Self::starting_at(wall_now())
    }
}

impl ReceiveClock {
    /// A clock whose first stamp is `wall`, or later.
    pub fn starting_at(wall: Timestamp) -> Self {
        let slewed = Slewed { monotonic: 0, stamp: wall, latest: wall };
        Self { started: Instant::now(), slewed: Mutex::new(slewed) }
    }

    /// The stamp for now; never before an earlier answer.
    pub fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    /// The stamp for a reading of the machine's monotonic clock taken a moment ago; never before an
    /// earlier answer.
    pub fn at(&self, reading: Instant) -> Timestamp {
        let elapsed = reading.saturating_duration_since(self.started).as_micros();
        let monotonic = i64::try_from(elapsed).unwrap_or(i64::MAX);
        // The lock is held for a few nanoseconds and nothing in it can panic.
        let mut slewed = self.slewed.lock().unwrap_or_else(PoisonError::into_inner);
        slewed.advance(monotonic, wall_now)
    }
}

/// The machine's wall clock.
pub fn wall_now() -> Timestamp {
    let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros)
        }
    };
    Timestamp(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_790_000_000_000_000);
    const SECOND: i64 = 1_000_000;

    /// A clock and the reading it was last given.
    struct Bench {
        slewed: Slewed,
        monotonic: i64,
    }

    /// Reads every `step` microseconds for `seconds` with the wall clock `offset` away.
    fn run(bench: &mut Bench, seconds: i64, step: i64, offset: Span) -> Vec<Timestamp> {
        (0..seconds * SECOND / step)
            .map(|_| {
                bench.monotonic += step;
                let wall = START + Span(bench.monotonic) + offset;
                bench.slewed.advance(bench.monotonic, || wall)
            })
            .collect()
    }

    fn started() -> Bench {
        Bench { slewed: Slewed { monotonic: 0, stamp: START, latest: START }, monotonic: 0 }
    }

    #[test]
    fn a_jump_of_an_hour_either_way_never_turns_it_back() {
        for jump in [Span::hours(-1), Span::hours(1)] {
            for step in [3, 17, 10_000] {
                let mut bench = started();
                let mut stamps = run(&mut bench, 1, step, Span(0));
                stamps.extend(run(&mut bench, 1, step, jump));
                assert!(stamps.windows(2).all(|pair| pair[0] <= pair[1]), "{jump:?} step {step}");
            }
        }
    }

    #[test]
    fn it_runs_at_most_a_sixteenth_fast_or_slow() {
        let mut bench = started();
        run(&mut bench, 16, 10_000, Span::hours(1));
        assert_eq!(bench.slewed.stamp, START + Span::seconds(17));
        run(&mut bench, 16, 10_000, Span::hours(-1));
        assert_eq!(bench.slewed.stamp, START + Span::seconds(32));
    }

    #[test]
    fn it_meets_the_wall_clock_again() {
        let mut bench = started();
        run(&mut bench, 20, 10_000, Span::seconds(1));
        assert_eq!(bench.slewed.stamp, START + Span::seconds(21));
    }

    #[test]
    fn readings_closer_than_the_slew_resolves_still_slew_in_the_end() {
        let mut bench = started();
        run(&mut bench, 1, 1, Span::hours(1));
        assert!(bench.slewed.stamp > START + Span::seconds(1) + Span::millis(50));
    }

    #[test]
    fn a_machine_that_booted_without_a_date_catches_up_at_once() {
        let mut bench = started();
        run(&mut bench, 1, 10_000, Span::days(365));
        assert_eq!(bench.slewed.stamp, START + Span::days(365) + Span::seconds(1));
    }

    #[test]
    fn readings_out_of_order_do_not_turn_it_back() {
        let mut bench = started();
        let later = bench.slewed.advance(5_000, || START + Span(5_000));
        assert_eq!(bench.slewed.advance(4_000, || START + Span(4_000)), later);
    }

    #[test]
    fn the_shared_clock_is_close_to_the_wall() {
        let clock = ReceiveClock::default();
        assert!((clock.now() - wall_now()).magnitude() < Span::seconds(60));
        assert!(clock.now() <= clock.now());
    }
}
