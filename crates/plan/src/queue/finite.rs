//! Queues with room for a limited number: M/M/c/K. Exact.

use super::special::quantile_of_tail;
use alloc::vec::Vec;
use libm::{exp, lgamma, log};

/// Largest room that is summed state by state; larger ones lose nothing a double can show, or everything.
pub const ROOM_MAX: u32 = 1_000_000;

/// M/M/c/K: at most `room` requests in the system, those in service included; who finds it full is lost.
/// [Kleinrock 1975]
#[derive(Clone, Debug)]
pub struct Finite {
    arrivals: f64,
    service_rate: f64,
    servers: u32,
    /// P(n in the system), n = 0..=room.
    states: Vec<f64>,
}

impl Finite {
    /// `room` counts those in service, too. `None` when there is no sane room or rate.
    pub fn new(arrivals: f64, service_rate: f64, servers: u32, room: u32) -> Option<Self> {
        let sane = arrivals >= 0.0
            && arrivals.is_finite()
            && service_rate > 0.0
            && service_rate.is_finite();
        if !sane || room == 0 || room > ROOM_MAX || servers == 0 {
            return None;
        }
        let load = arrivals / service_rate;
        let mut states = Vec::with_capacity(room as usize + 1);
        let (mut weight, mut sum) = (1.0_f64, 0.0);
        for n in 0..=room {
            states.push(weight);
            sum += weight;
            weight *= load / f64::from((n + 1).min(servers));
            if weight > 1e250 {
                // Overloaded: only ratios count, so all are made smaller together.
                states.iter_mut().for_each(|state| *state *= 1e-250);
                (weight, sum) = (weight * 1e-250, sum * 1e-250);
            }
        }
        states.iter_mut().for_each(|state| *state /= sum);
        Some(Self { arrivals, service_rate, servers, states })
    }

    /// Share of arrivals that are lost: P(full), as Poisson arrivals see it.
    pub fn loss(&self) -> f64 {
        self.states.last().copied().unwrap_or(0.0)
    }

    /// Arrivals that are taken per unit of time.
    pub fn throughput(&self) -> f64 {
        self.arrivals * (1.0 - self.loss())
    }

    /// Mean number in the system.
    pub fn system_mean(&self) -> f64 {
        self.states.iter().enumerate().map(|(n, chance)| n as f64 * chance).sum()
    }

    /// Mean time in the system of those taken (Little).
    pub fn sojourn_mean(&self) -> f64 {
        let throughput = self.throughput();
        if throughput > 0.0 { self.system_mean() / throughput } else { 1.0 / self.service_rate }
    }

    /// Mean wait of those taken.
    pub fn wait_mean(&self) -> f64 {
        (self.sojourn_mean() - 1.0 / self.service_rate).max(0.0)
    }

    /// P(wait > t) of those taken: who finds n >= c before it waits for n - c + 1 departures.
    pub fn wait_tail(&self, time: f64) -> f64 {
        let rate = f64::from(self.servers) * self.service_rate;
        let taken = 1.0 - self.loss();
        let mut departed = PoissonSum::new(rate * time);
        let waiting = self.states.iter().take(self.states.len() - 1).skip(self.servers as usize);
        let sum: f64 = waiting.map(|chance| chance * departed.next_term()).sum();
        if taken > 0.0 { sum / taken } else { 0.0 }
    }

    /// P(time in system > t) of those taken, for one server: a mixture of Erlang times.
    fn sojourn_tail(&self, time: f64) -> f64 {
        let taken = 1.0 - self.loss();
        let mut departed = PoissonSum::new(self.service_rate * time);
        let states = self.states.iter().take(self.states.len() - 1);
        let sum: f64 = states.map(|chance| chance * departed.next_term()).sum();
        if taken > 0.0 { sum / taken } else { 0.0 }
    }

    /// The time in system exceeded with probability 1 - q, for one server; `None` for more.
    pub fn sojourn_quantile(&self, q: f64) -> Option<f64> {
        (self.servers == 1).then(|| {
            quantile_of_tail(1.0 - q, 1.0 / self.service_rate, |time| self.sojourn_tail(time))
        })
    }

    /// The wait exceeded with probability 1 - q.
    pub fn wait_quantile(&self, q: f64) -> f64 {
        quantile_of_tail(1.0 - q, 1.0 / self.service_rate, |time| self.wait_tail(time))
    }
}

/// P(Erlang(k, 1) > x) for k = 1, 2, ...: partial sums of a Poisson distribution.
struct PoissonSum {
    mean: f64,
    step: f64,
    sum: f64,
}

impl PoissonSum {
    fn new(mean: f64) -> Self {
        Self { mean, step: 0.0, sum: 0.0 }
    }

    fn next_term(&mut self) -> f64 {
        let log_term = if self.mean > 0.0 {
            self.step * log(self.mean) - self.mean - lgamma(self.step + 1.0)
        } else if self.step == 0.0 {
            0.0
        } else {
            f64::NEG_INFINITY
        };
        self.sum += exp(log_term);
        self.step += 1.0;
        self.sum.min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::markovian::{Markovian, erlang_b};
    use libm::fabs;

    #[test]
    fn a_large_room_is_no_limit_and_no_queue_is_erlang_b() {
        let large = Finite::new(800.0, 1000.0, 1, 2000).unwrap();
        let open = Markovian::new(800.0, 1000.0, 1).unwrap();
        assert!(fabs(large.sojourn_mean() / open.sojourn_mean() - 1.0) < 1e-12);
        assert!(fabs(large.wait_quantile(0.99) / open.wait_quantile(0.99) - 1.0) < 1e-9);
        let none = Finite::new(5.0, 1.0, 10, 10).unwrap();
        assert!(fabs(none.loss() - erlang_b(10, 5.0)) < 1e-15);
    }

    #[test]
    fn overload_and_balance_are_finite() {
        let full = Finite::new(1e6, 1.0, 1, 100_000).unwrap();
        assert!(fabs(full.throughput() - 1.0) < 1e-6 && full.sojourn_mean().is_finite());
        let even = Finite::new(1.0, 1.0, 1, 9).unwrap();
        assert!(fabs(even.loss() - 0.1) < 1e-15);
        assert!(
            Finite::new(1.0, 1.0, 1, 0).is_none()
                && Finite::new(1.0, 1.0, 1, ROOM_MAX + 1).is_none()
        );
    }
}
