//! M/M/1 and M/M/c: Poisson arrivals, exponential service. Exact.

use super::special::quantile_of_tail;
use libm::{exp, fabs, log};

/// Erlang's loss formula B(c, a): the share of calls that find all `c` servers busy when none may
/// wait. Recursion B(0) = 1, B(k) = aB/(k + aB). Exact for any service distribution. [Erlang 1917]
pub fn erlang_b(servers: u32, load: f64) -> f64 {
    (1..=servers).fold(1.0, |b, k| load * b / (f64::from(k) + load * b))
}

/// A stable M/M/c queue. Rates in one unit of time, results in the same. [Erlang 1917; Kleinrock 1975]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Markovian {
    arrivals: f64,
    service_rate: f64,
    servers: f64,
    wait_chance: f64,
}

impl Markovian {
    /// `arrivals` per unit of time to `servers` servers of `service_rate` each; `None` when unstable.
    pub fn new(arrivals: f64, service_rate: f64, servers: u32) -> Option<Self> {
        let capacity = f64::from(servers) * service_rate;
        let sane = arrivals >= 0.0
            && service_rate > 0.0
            && service_rate.is_finite()
            && arrivals < capacity;
        if !sane {
            return None;
        }
        let utilisation = arrivals / capacity;
        let blocked = erlang_b(servers, arrivals / service_rate);
        let wait_chance = blocked / (1.0 - utilisation * (1.0 - blocked));
        Some(Self { arrivals, service_rate, servers: f64::from(servers), wait_chance })
    }

    /// Load over capacity.
    pub fn utilisation(&self) -> f64 {
        self.arrivals / (self.servers * self.service_rate)
    }

    /// Chance to wait at all (Erlang C).
    pub fn wait_chance(&self) -> f64 {
        self.wait_chance
    }

    fn spare(&self) -> f64 {
        self.servers * self.service_rate - self.arrivals
    }

    /// Mean wait: C / (c mu - lambda).
    pub fn wait_mean(&self) -> f64 {
        self.wait_chance / self.spare()
    }

    /// Variance of the wait: C (2 - C) / (c mu - lambda)^2.
    pub fn wait_variance(&self) -> f64 {
        self.wait_chance * (2.0 - self.wait_chance) / (self.spare() * self.spare())
    }

    /// Mean time in the system.
    pub fn sojourn_mean(&self) -> f64 {
        self.wait_mean() + 1.0 / self.service_rate
    }

    /// Mean number waiting (Little).
    pub fn queue_mean(&self) -> f64 {
        self.arrivals * self.wait_mean()
    }

    /// Mean number in the system (Little).
    pub fn system_mean(&self) -> f64 {
        self.arrivals * self.sojourn_mean()
    }

    /// P(wait > t) = C e^(-(c mu - lambda) t).
    pub fn wait_tail(&self, time: f64) -> f64 {
        self.wait_chance * exp(-self.spare() * time)
    }

    /// The wait that is exceeded with probability 1 - q.
    pub fn wait_quantile(&self, q: f64) -> f64 {
        if self.wait_chance <= 0.0 {
            return 0.0;
        }
        (log(self.wait_chance / (1.0 - q)) / self.spare()).max(0.0)
    }

    /// P(time in system > t).
    pub fn sojourn_tail(&self, time: f64) -> f64 {
        let (chance, rate, spare) = (self.wait_chance, self.service_rate, self.spare());
        let gap = spare - rate;
        let served = exp(-rate * time);
        // e^(-rate t) (1 - e^(-gap t)) / gap, which tends to t e^(-rate t) as the rates meet.
        let bridged = if fabs(gap * time) < 1e-6 {
            time * served * (1.0 - 0.5 * gap * time)
        } else {
            -served * libm::expm1(-gap * time) / gap
        };
        (1.0 - chance) * served + chance * (exp(-spare * time) + spare * bridged)
    }

    /// The time in system that is exceeded with probability 1 - q.
    pub fn sojourn_quantile(&self, q: f64) -> f64 {
        if self.servers == 1.0 {
            return -libm::log1p(-q) / self.spare();
        }
        quantile_of_tail(1.0 - q, self.sojourn_mean(), |time| self.sojourn_tail(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unstable_and_absurd_queues_are_refused() {
        assert!(Markovian::new(1000.0, 1000.0, 1).is_none());
        assert!(Markovian::new(f64::NAN, 1000.0, 1).is_none());
        assert!(Markovian::new(1.0, 0.0, 1).is_none());
        assert!(Markovian::new(0.0, 1.0, 1).is_some_and(|queue| queue.wait_mean() == 0.0));
    }

    #[test]
    fn meeting_rates_are_smooth() {
        // c mu - lambda = mu when lambda = (c - 1) mu: the formula's denominator vanishes there.
        let at = |arrivals: f64| Markovian::new(arrivals, 1.0, 2).unwrap().sojourn_tail(1.3);
        let (below, here, above) = (at(1.0 - 1e-5), at(1.0), at(1.0 + 1e-5));
        assert!(below < here && here < above);
        assert!(fabs(0.5 * (below + above) - here) < 1e-9);
    }
}
