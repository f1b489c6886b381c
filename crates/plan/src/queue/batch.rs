//! Events that travel together: arrivals in batches, and batches that wait to be filled.

use super::special::gamma_tail;
use libm::{exp, log};

/// Mean number in the system of M^\[X\]/M/1: rho (1 + E\[X^2\]/E\[X\]) / (2 (1 - rho)),
/// rho = lambda E\[X\] / mu; `None` when unstable. Exact. [Gross and Harris, ch. 3]
pub fn batch_system_mean(batches: f64, mean: f64, second: f64, service_rate: f64) -> Option<f64> {
    let utilisation = batches * mean / service_rate;
    (utilisation < 1.0 && mean > 0.0)
        .then(|| utilisation * (1.0 + second / mean) / (2.0 * (1.0 - utilisation)))
}

/// A batch that opens at its first event and closes when it holds `size` events or `linger` has passed.
/// Events are Poisson. Exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filling {
    /// Mean events in a batch.
    pub events_mean: f64,
    /// Mean wait of an event for its batch to close.
    pub wait_mean: f64,
    /// Longest wait of an event; `None` when nothing limits it.
    pub wait_max: Option<f64>,
}

/// Most events of a batch that are counted one by one.
const EVENTS_MAX: u32 = 1_000_000;

impl Filling {
    /// Of `arrivals` events per unit of time into one batch.
    ///
    /// With N the later events within the linger T: the batch holds 1 + min(N, B - 1). If the linger
    /// ends it, the first waited T and the others T/2 on average. If the size ends it at the time t of
    /// the (B-1)th later event, the first waited t and the B - 2 between t/2 on average. For B without
    /// limit the wait is (T + lambda T^2/2) / (1 + lambda T); for T without limit (B - 1) / (2 lambda).
    pub fn new(arrivals: f64, size: u32, linger: Option<f64>) -> Self {
        let size = size.clamp(1, EVENTS_MAX);
        if size == 1 || arrivals <= 0.0 {
            let wait = if size == 1 { 0.0 } else { linger.unwrap_or(0.0) };
            return Self { events_mean: 1.0, wait_mean: wait, wait_max: Some(wait) };
        }
        let events = f64::from(size);
        let Some(linger) = linger else {
            return Self {
                events_mean: events,
                wait_mean: (events - 1.0) / (2.0 * arrivals),
                wait_max: None,
            };
        };
        let expected = arrivals * linger;
        // P(N >= B - 1) = P(Erlang(B - 1) <= T).
        let full = 1.0 - gamma_tail(events - 1.0, expected);
        let (mut held, mut waited) = (events * full, 0.0);
        if full < 1.0 {
            let (chance_sum, later_sum) = poisson_below(expected, size - 1);
            held += chance_sum + later_sum;
            waited += linger * chance_sum + 0.5 * linger * later_sum;
        }
        let filled = 1.0 - gamma_tail(events, expected);
        waited += 0.5 * events * (events - 1.0) / arrivals * filled;
        Self { events_mean: held, wait_mean: waited / held, wait_max: Some(linger) }
    }
}

/// Sums of P(N = n) and n P(N = n) over n below `limit`, N Poisson.
fn poisson_below(mean: f64, limit: u32) -> (f64, f64) {
    let (mut chances, mut events) = (0.0, 0.0);
    if limit as f64 > mean + 40.0 * (libm::sqrt(mean) + 1.0) {
        return (1.0, mean);
    }
    let mut log_term = -mean;
    for n in 0..limit {
        let chance = exp(log_term);
        chances += chance;
        events += f64::from(n) * chance;
        log_term += log(mean.max(1e-300)) - log(f64::from(n) + 1.0);
    }
    (chances, events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use libm::fabs;

    #[test]
    fn both_limits_are_met() {
        let timed = Filling::new(200.0, 1000, Some(0.1));
        assert!(
            fabs(timed.events_mean - 21.0) < 1e-9
                && fabs(timed.wait_mean - 0.052_380_952_380_952_4) < 1e-12
        );
        let sized = Filling::new(200.0, 50, None);
        assert!(fabs(sized.wait_mean - 49.0 / 400.0) < 1e-15);
        let patient = Filling::new(200.0, 50, Some(100.0));
        assert!(
            fabs(patient.wait_mean / sized.wait_mean - 1.0) < 1e-9
                && fabs(patient.events_mean - 50.0) < 1e-9
        );
        let alone = Filling::new(200.0, 1, Some(0.1));
        assert!(alone.events_mean == 1.0 && alone.wait_mean == 0.0);
    }
}
