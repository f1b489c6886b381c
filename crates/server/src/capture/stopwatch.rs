//! Where a request's time goes, for `Server-Timing` and the latency histograms.

use http::HeaderValue;
use std::time::{Duration, Instant};

/// Runs from the moment a request's head is known.
#[derive(Debug)]
pub(super) struct Stopwatch {
    started: Instant,
    queued: Instant,
    log: Duration,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        let now = Instant::now();
        Self { started: now, queued: now, log: Duration::ZERO }
    }

    /// When it started.
    pub(super) const fn started(&self) -> Instant {
        self.started
    }

    /// Everything since the start was reading and parsing; now begins the wait for the log.
    pub(super) fn parsed(&mut self) -> Instant {
        self.queued = Instant::now();
        self.queued
    }

    /// When reading and parsing were over.
    pub(super) const fn queued(&self) -> Instant {
        self.queued
    }

    /// The log took this long to make the request's records durable.
    pub(super) fn logged(&mut self, wait: Duration) {
        self.log = wait;
    }

    /// Since the start.
    pub(super) fn total(&self) -> Duration {
        self.started.elapsed()
    }

    /// From the start to a moment after it.
    pub(super) fn until(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.started)
    }

    /// The value of `Server-Timing` (W3C): stages in milliseconds.
    pub(super) fn server_timing(&self, total: Duration) -> Option<HeaderValue> {
        let mut text = Vec::with_capacity(64);
        self.write_timing(total, &mut text);
        HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()
    }

    /// Appends the value of `Server-Timing`.
    pub(super) fn write_timing(&self, total: Duration, out: &mut Vec<u8>) {
        let parse = self.queued.saturating_duration_since(self.started);
        for (name, duration) in
            [("parse;dur=", parse), (", log;dur=", self.log), (", total;dur=", total)]
        {
            out.extend_from_slice(name.as_bytes());
            write_millis(out, duration);
        }
    }
}

/// Milliseconds with three places.
fn write_millis(out: &mut Vec<u8>, duration: Duration) {
    let mut left = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    // The largest number has 20 digits.
    let mut digits = [b'0'; 20];
    let mut begin = digits.len();
    while left > 0 || begin > digits.len() - 4 {
        begin -= 1;
        digits[begin] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    let (whole, places) = digits[begin..].split_at(digits.len() - begin - 3);
    out.extend_from_slice(whole);
    out.push(b'.');
    out.extend_from_slice(places);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_milliseconds_with_three_places() {
        let mut stopwatch = Stopwatch::start();
        stopwatch.queued = stopwatch.started + Duration::from_micros(45);
        stopwatch.logged(Duration::from_micros(1_234));
        let header = stopwatch.server_timing(Duration::from_millis(12)).unwrap();
        assert_eq!(header, "parse;dur=0.045, log;dur=1.234, total;dur=12.000");
        let mut longest = Vec::new();
        write_millis(&mut longest, Duration::MAX);
        assert_eq!(longest, b"18446744073709551.615");
    }
}
