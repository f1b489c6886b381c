//! Where a request's time goes, for `Server-Timing` and the latency histograms.

use http::HeaderValue;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Runs from the moment a request's head is known.
#[derive(Debug)]
pub(super) struct Stopwatch {
    started: Instant,
    parse: Duration,
    log: Duration,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), parse: Duration::ZERO, log: Duration::ZERO }
    }

    /// Everything since the start was reading and parsing.
    pub(super) fn parsed(&mut self) {
        self.parse = self.started.elapsed();
    }

    /// The log took this long to make the request's records durable.
    pub(super) fn logged(&mut self, wait: Duration) {
        self.log = wait;
    }

    /// Since the start.
    pub(super) fn total(&self) -> Duration {
        self.started.elapsed()
    }

    /// The value of `Server-Timing` (W3C): stages in milliseconds.
    pub(super) fn server_timing(&self, total: Duration) -> Option<HeaderValue> {
        let mut text = String::with_capacity(64);
        for (name, duration) in [("parse", self.parse), ("log", self.log), ("total", total)] {
            let micros = duration.as_micros();
            let comma = if text.is_empty() { "" } else { ", " };
            write!(text, "{comma}{name};dur={}.{:03}", micros / 1_000, micros % 1_000).ok()?;
        }
        HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_milliseconds_with_three_places() {
        let mut stopwatch = Stopwatch::start();
        stopwatch.parse = Duration::from_micros(45);
        stopwatch.logged(Duration::from_micros(1_234));
        let header = stopwatch.server_timing(Duration::from_millis(12)).unwrap();
        assert_eq!(header, "parse;dur=0.045, log;dur=1.234, total;dur=12.000");
    }
}
