//! M/D/1: fixed-size packets on a line. The whole distribution of the wait, exact.

use super::special::quantile_of_tail;
use alloc::vec::Vec;
use libm::{exp, floor, lgamma, log};

/// Most customers for which a probability is kept; enough for utilisation up to 0.9999 at p99.99.
const CUSTOMERS_MAX: usize = 200_000;
/// Most arrivals during one service that are told apart; P(more) is below 1e-80 for a stable queue.
const ARRIVALS_MAX: usize = 64;

/// A stable M/D/1 queue.
///
/// P(Wq <= x) is written as a sum of positive terms over the probabilities of the number waiting
/// (Franx 2001), so that it does not lose digits as Erlang's alternating sum (1909) does for long waits.
#[derive(Clone, Debug)]
pub struct Deterministic {
    arrivals: f64,
    service: f64,
    /// P(number waiting <= n).
    waiting: Vec<f64>,
}

impl Deterministic {
    /// `arrivals` per unit of time, each served in exactly `service`; `None` when unstable.
    pub fn new(arrivals: f64, service: f64) -> Option<Self> {
        let utilisation = arrivals * service;
        if !(arrivals > 0.0 && service > 0.0 && utilisation < 1.0) {
            return None;
        }
        Some(Self { arrivals, service, waiting: waiting(utilisation) })
    }

    /// Load over capacity.
    pub fn utilisation(&self) -> f64 {
        self.arrivals * self.service
    }

    /// Mean wait: rho / (1 - rho) D / 2.
    pub fn wait_mean(&self) -> f64 {
        let utilisation = self.utilisation();
        utilisation / (1.0 - utilisation) * 0.5 * self.service
    }

    /// P(wait <= x).
    pub fn wait_within(&self, time: f64) -> f64 {
        if time < 0.0 {
            return 0.0;
        }
        let periods = floor(time / self.service) + 1.0;
        let left = self.arrivals * (periods * self.service - time);
        let count = periods as usize;
        if count > self.waiting.len() {
            return 1.0;
        }
        let mut sum = 0.0;
        for terms in 0..count {
            let at = terms as f64;
            let weight = exp(at * log(left.max(1e-300)) - left - lgamma(at + 1.0));
            sum += weight * self.waiting[count - 1 - terms];
            if at > left && weight < 1e-18 {
                break;
            }
        }
        sum.clamp(0.0, 1.0)
    }

    /// The wait exceeded with probability 1 - q.
    pub fn wait_quantile(&self, q: f64) -> f64 {
        quantile_of_tail(1.0 - q, self.service, |time| 1.0 - self.wait_within(time))
    }
}

/// P(waiting <= n) by the recursion of M/G/1 in which everything is positive:
/// p(n+1) a(0) = p(0) t(n) + sum over i of p(i) t(n + 1 - i), t(n) = P(more than n arrive in a service).
fn waiting(utilisation: f64) -> Vec<f64> {
    let none = exp(-utilisation);
    let tails: Vec<f64> = (0..ARRIVALS_MAX)
        .map(|n| poisson_tail(utilisation, n))
        .take_while(|tail| *tail > 1e-30)
        .collect();
    let mut system = Vec::from([1.0 - utilisation]);
    let mut within = Vec::new();
    let mut sum = 1.0 - utilisation;
    while system.len() < CUSTOMERS_MAX && 1.0 - sum > 1e-13 {
        let n = system.len() - 1;
        let later = tails.iter().skip(1).zip(system[1..].iter().rev());
        let flow: f64 = later.map(|(tail, chance)| tail * chance).sum();
        let next = (system[0] * tails.get(n).copied().unwrap_or(0.0) + flow) / none;
        system.push(next);
        sum += next;
        within.push(sum);
    }
    within
}

/// P(Poisson(mean) > n), summed from its largest term.
fn poisson_tail(mean: f64, n: usize) -> f64 {
    let mut at = n as f64 + 1.0;
    let mut term = exp(at * log(mean) - mean - lgamma(at + 1.0));
    let mut sum = 0.0;
    while term > sum * 1e-17 && term > 0.0 {
        sum += term;
        at += 1.0;
        term *= mean / at;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use libm::fabs;

    /// Erlang's alternating sum, good for short waits.
    fn erlang(arrivals: f64, service: f64, time: f64) -> f64 {
        let terms = floor(time / service) as u32;
        let mut sum = 0.0;
        for k in 0..=terms {
            let x = arrivals * (time - f64::from(k) * service);
            let factorial = lgamma(f64::from(k) + 1.0);
            let power =
                if k == 0 { 1.0 } else { exp(f64::from(k) * log(x.max(1e-300)) - factorial) };
            sum += exp(x) * power * if k % 2 == 0 { 1.0 } else { -1.0 };
        }
        (1.0 - arrivals * service) * sum
    }

    #[test]
    fn both_forms_of_the_distribution_agree() {
        let queue = Deterministic::new(0.8, 1.0).unwrap();
        for time in [0.0, 0.3, 1.0, 2.5, 6.62, 9.9] {
            assert!(fabs(queue.wait_within(time) - erlang(0.8, 1.0, time)) < 1e-11, "{time}");
        }
    }

    #[test]
    fn long_waits_are_still_exact() {
        // P(W > t) falls by a constant factor a period: the dominant root of the queue.
        let queue = Deterministic::new(0.95, 1.0).unwrap();
        let tail = |time: f64| 1.0 - queue.wait_within(time);
        let (first, second) = (tail(41.0) / tail(40.0), tail(61.0) / tail(60.0));
        assert!(fabs(first / second - 1.0) < 1e-6, "{first} {second}");
        assert!(Deterministic::new(1.0, 1.0).is_none());
    }
}
