//! How long records take from receipt to committed: a mergeable sketch over the last minutes.

use sketches_ddsketch::{Config, DDSketch};
use std::time::{Duration, Instant};

/// Each of the two windows kept covers this much.
const WINDOW: Duration = Duration::from_secs(60);

/// Quantiles in microseconds over the last one to two minutes; zero when nothing came.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantiles {
    /// Records measured.
    pub count: u64,
    /// Median.
    pub p50_us: u64,
    /// 95th percentile.
    pub p95_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
}

/// The sketches: the current window and the one before.
pub(super) struct VisibleLatency {
    current: DDSketch,
    previous: DDSketch,
    began: Instant,
}

fn empty() -> DDSketch {
    DDSketch::new(Config::defaults())
}

impl Default for VisibleLatency {
    fn default() -> Self {
        Self { current: empty(), previous: empty(), began: Instant::now() }
    }
}

impl VisibleLatency {
    fn turn(&mut self) {
        let elapsed = self.began.elapsed();
        if elapsed >= WINDOW {
            let full = std::mem::replace(&mut self.current, empty());
            self.previous = if elapsed < 2 * WINDOW { full } else { empty() };
            self.began = Instant::now();
        }
    }

    /// Takes in latencies in microseconds.
    pub(super) fn record(&mut self, micros: impl Iterator<Item = i64>) {
        self.turn();
        for value in micros {
            self.current.add(value.max(1) as f64);
        }
    }

    /// The quantiles now.
    pub(super) fn quantiles(&mut self) -> Quantiles {
        self.turn();
        let mut both = self.current.clone();
        if both.merge(&self.previous).is_err() {
            return Quantiles::default();
        }
        let at = |share| both.quantile(share).ok().flatten().unwrap_or_default() as u64;
        Quantiles {
            count: both.count() as u64,
            p50_us: at(0.5),
            p95_us: at(0.95),
            p99_us: at(0.99),
        }
    }
}
