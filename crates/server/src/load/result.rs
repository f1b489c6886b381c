//! What came of a run: outcomes, achieved rate, latency quantiles.

use super::profile::Operation;
use comfy_table::{CellAlignment, Table, presets::UTF8_HORIZONTAL_ONLY};
use hdrhistogram::Histogram;
use http::StatusCode;
use serde::Serialize;

/// Latencies are recorded up to this, in microseconds: a minute and a bit.
const MICROS_MAX: u64 = 100_000_000;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered as it should be.
    Done,
    /// Turned away with 429 or 503: overload, said so.
    Refused,
    /// Answered otherwise.
    Failed,
    /// Not answered.
    Broken,
}

impl Outcome {
    /// What a status means for an operation.
    pub fn of(operation: Operation, status: StatusCode) -> Self {
        let done = match operation {
            Operation::Redirect => status.is_redirection(),
            Operation::Event | Operation::Batch | Operation::Decision => status.is_success(),
        };
        match status {
            _ if done => Self::Done,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Self::Refused,
            _ => Self::Failed,
        }
    }
}

/// Tallies of one operation.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    outcomes: [u64; 4],
    latency: Histogram<u64>,
}

impl Tally {
    pub(super) fn new() -> Result<Self, hdrhistogram::CreationError> {
        Ok(Self { outcomes: [0; 4], latency: Histogram::new_with_max(MICROS_MAX, 3)? })
    }

    pub(super) fn record(&mut self, outcome: Outcome, micros: u64) {
        self.outcomes[outcome as usize] += 1;
        if outcome == Outcome::Done {
            self.latency.saturating_record(micros.clamp(1, MICROS_MAX));
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.outcomes.iter_mut().zip(other.outcomes) {
            *mine += theirs;
        }
        // Both have the same bounds, so that nothing can be refused.
        let added = self.latency.add(&other.latency);
        debug_assert!(added.is_ok());
    }
}

/// One operation's figures; latencies in milliseconds, of the requests that were done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Which operation, or `all`.
    pub operation: &'static str,
    /// Requests sent.
    pub sent: u64,
    /// Requests done.
    pub done: u64,
    /// Turned away with 429 or 503.
    pub refused: u64,
    /// Answered with another error.
    pub failed: u64,
    /// Not answered.
    pub broken: u64,
    /// Requests done a second.
    pub per_second: f64,
    /// Events in the requests done, a second.
    pub events_per_second: f64,
    /// Median.
    pub p50_ms: f64,
    /// 95 in 100 are below.
    pub p95_ms: f64,
    /// 99 in 100 are below.
    pub p99_ms: f64,
    /// 999 in 1,000 are below.
    pub p999_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// The whole run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// What names the run.
    pub seed: u64,
    /// Requests a second that were due.
    pub rate: f64,
    /// From the first request due to the last answer, in seconds.
    pub seconds: f64,
    /// One line per operation used, then `all`.
    pub lines: Vec<Line>,
}

impl Summary {
    pub(super) fn new(
        (seed, rate, seconds): (u64, f64, f64),
        tallies: &[Tally; Operation::ALL.len()],
        events: [u64; Operation::ALL.len()],
    ) -> Self {
        let mut lines = Vec::new();
        let mut events_done = 0;
        let mut all = tallies[0].clone();
        tallies[1..].iter().for_each(|tally| all.add(tally));
        for operation in Operation::ALL {
            let tally = &tallies[operation.index()];
            let done = tally.outcomes[0] * events[operation.index()];
            events_done += done;
            if tally.outcomes.iter().any(|count| *count > 0) {
                lines.push(line(operation.as_str(), tally, done, seconds));
            }
        }
        lines.push(line("all", &all, events_done, seconds));
        Self { seed, rate, seconds, lines }
    }

    /// True when every request was done.
    pub fn is_clean(&self) -> bool {
        self.lines.iter().all(|line| line.done == line.sent)
    }

    /// As a table for a terminal.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_preset(UTF8_HORIZONTAL_ONLY).set_header([
            "", "sent", "done", "refused", "failed", "broken", "done/s", "events/s", "p50 ms",
            "p95", "p99", "p99.9", "max",
        ]);
        for line in &self.lines {
            let mut cells = vec![line.operation.to_owned()];
            let counts = [line.sent, line.done, line.refused, line.failed, line.broken];
            cells.extend(counts.map(|count| count.to_string()));
            cells
                .extend([line.per_second, line.events_per_second].map(|rate| format!("{rate:.0}")));
            let quantiles = [line.p50_ms, line.p95_ms, line.p99_ms, line.p999_ms, line.max_ms];
            cells.extend(quantiles.map(|millis| format!("{millis:.2}")));
            table.add_row(cells);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        format!(
            "{table}\n{:.0} requests/s due, {:.1} s, seed {}\n",
            self.rate, self.seconds, self.seed
        )
    }
}

fn line(operation: &'static str, tally: &Tally, events: u64, seconds: f64) -> Line {
    let [done, refused, failed, broken] = tally.outcomes;
    let quantile = |q: f64| tally.latency.value_at_quantile(q) as f64 / 1_000.0;
    Line {
        operation,
        sent: done + refused + failed + broken,
        done,
        refused,
        failed,
        broken,
        per_second: done as f64 / seconds,
        events_per_second: events as f64 / seconds,
        p50_ms: quantile(0.5),
        p95_ms: quantile(0.95),
        p99_ms: quantile(0.99),
        p999_ms: quantile(0.999),
        max_ms: tally.latency.max() as f64 / 1_000.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_follow_from_the_status() {
        let of = |operation, status| Outcome::of(operation, StatusCode::from_u16(status).unwrap());
        assert_eq!(of(Operation::Redirect, 302), Outcome::Done);
        assert_eq!(of(Operation::Redirect, 200), Outcome::Failed);
        assert_eq!(of(Operation::Event, 200), Outcome::Done);
        assert_eq!(of(Operation::Event, 503), Outcome::Refused);
        assert_eq!(of(Operation::Batch, 400), Outcome::Failed);
    }

    #[test]
    fn lines_add_up() {
        let mut tallies = [
            Tally::new().unwrap(),
            Tally::new().unwrap(),
            Tally::new().unwrap(),
            Tally::new().unwrap(),
        ];
        tallies[0].record(Outcome::Done, 1_000);
        tallies[2].record(Outcome::Done, 3_000);
        tallies[2].record(Outcome::Refused, 1);
        let summary = Summary::new((1, 10.0, 2.0), &tallies, [1, 1, 50, 1]);
        let names: Vec<_> = summary.lines.iter().map(|line| line.operation).collect();
        assert_eq!(names, ["redirect", "batch", "all"]);
        let all = &summary.lines[2];
        assert_eq!((all.sent, all.done, all.refused), (3, 2, 1));
        assert!((all.events_per_second - 25.5).abs() < 1e-9);
        assert!(!summary.is_clean());
        assert!(summary.table().contains("batch"));
    }
}
