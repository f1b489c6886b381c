//! The pulse: what status, metrics and the live stream show, read once a second for all of them.

use super::parts::{AdminParts, Standing};
use crate::report::{DateRange, DeliveryCounts, Links, OutcomeCounts, SessionTotals};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Seconds of arrivals that are kept for the chart.
pub const HISTORY_SECONDS: usize = 300;
/// Time from one pulse to the next.
const PERIOD: Duration = Duration::from_secs(1);

/// One reading of everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pulse {
    /// Counts up by one with every reading.
    pub number: u64,
    /// Where the consumer stood.
    pub standing: Standing,
    /// What was measured since the start.
    pub delivery: DeliveryCounts,
    /// What became of logged records.
    pub outcomes: OutcomeCounts,
    /// Session totals.
    pub totals: SessionTotals,
    /// Events accepted in the last second.
    pub arrivals_per_second: u64,
    /// Events accepted in each of the last seconds, oldest first: (Unix second, count).
    pub history: VecDeque<(i64, u64)>,
    /// Why the state could not be read, when it could not; the figures are then the last known.
    pub trouble: Option<String>,
}

/// Reads a pulse each second until `stop` is dropped or tells so, and publishes it.
pub fn run(parts: &AdminParts, publish: &watch::Sender<Arc<Pulse>>, stop: &Receiver<()>) {
    let mut pulse = Pulse::default();
    let mut before = Instant::now();
    let mut next = before;
    loop {
        let now = Instant::now();
        pulse = read(parts, pulse, now.duration_since(before));
        before = now;
        publish.send_replace(Arc::new(pulse.clone()));
        next = (next + PERIOD).max(Instant::now());
        match stop.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn read(parts: &AdminParts, last: Pulse, elapsed: Duration) -> Pulse {
    let standing = parts.progress.standing();
    let delivery = parts.figures.delivery();
    let arrived = delivery.accepted.saturating_sub(last.delivery.accepted);
    // The first reading has nothing to compare with: what was accepted before it is no burst.
    let per_second = match (last.number, u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)) {
        (0, _) | (_, 0) => 0,
        (_, millis) => arrived.saturating_mul(1_000) / millis,
    };
    let mut history = last.history;
    history.push_back((standing.as_of.as_millis().div_euclid(1_000), per_second));
    while history.len() > HISTORY_SECONDS {
        history.pop_front();
    }
    let (mut outcomes, mut totals) = (last.outcomes, last.totals);
    let told = parts.figures.at_once(&mut |figures| {
        let now = figures.session_totals(&DateRange::default(), Links::Certain)?;
        (outcomes, totals) = (figures.outcomes()?, now);
        Ok(())
    });
    let trouble = told.err().map(|error| error.to_string());
    Pulse {
        number: last.number + 1,
        standing,
        delivery,
        outcomes,
        totals,
        arrivals_per_second: per_second,
        history,
        trouble,
    }
}
