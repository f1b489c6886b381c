//! Queues whose service or arrivals are not exponential: M/G/1, GI/G/1, G/G/c.

use super::markovian::Markovian;
use super::special::beta_share;
use libm::{exp, fabs, pow, sqrt};

/// The first three moments of a service time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Service {
    /// E\[S\].
    pub mean: f64,
    /// E\[S^2\].
    pub second: f64,
    /// E\[S^3\].
    pub third: f64,
}

impl Service {
    /// A service time of which mean and squared coefficient of variation are known. The third moment
    /// is that of a gamma distribution: m^3 (1 + c)(1 + 2c); exact for constant and exponential times.
    pub fn new(mean: f64, scv: f64) -> Self {
        let second = mean * mean * (1.0 + scv);
        Self { mean, second, third: mean * mean * mean * (1.0 + scv) * (1.0 + 2.0 * scv) }
    }

    /// A mixture of exponentials, `(probability, rate)` each.
    pub fn hyperexponential(branches: &[(f64, f64)]) -> Self {
        let moment = |power: i32, factorial: f64| -> f64 {
            branches
                .iter()
                .map(|(chance, rate)| chance * factorial / pow(*rate, f64::from(power)))
                .sum()
        };
        Self { mean: moment(1, 1.0), second: moment(2, 2.0), third: moment(3, 6.0) }
    }

    /// Squared coefficient of variation.
    pub fn scv(&self) -> f64 {
        if self.mean <= 0.0 { 0.0 } else { (self.second / (self.mean * self.mean) - 1.0).max(0.0) }
    }

    /// Variance.
    pub fn variance(&self) -> f64 {
        (self.second - self.mean * self.mean).max(0.0)
    }
}

/// Mean wait of M/G/1: lambda E\[S^2\] / (2 (1 - rho)); `None` when unstable. Exact.
/// [Pollaczek 1930, Khinchine 1932]
pub fn poisson_wait_mean(arrivals: f64, service: Service) -> Option<f64> {
    let utilisation = arrivals * service.mean;
    (utilisation < 1.0).then(|| arrivals * service.second / (2.0 * (1.0 - utilisation)))
}

/// Variance of the wait of M/G/1: Wq^2 + lambda E\[S^3\] / (3 (1 - rho)). Exact. [Takacs 1962]
pub fn poisson_wait_variance(arrivals: f64, service: Service) -> Option<f64> {
    let mean = poisson_wait_mean(arrivals, service)?;
    Some(mean * mean + arrivals * service.third / (3.0 * (1.0 - arrivals * service.mean)))
}

/// Kingman's upper bound of the mean wait of G/G/1: lambda (sigma_a^2 + sigma_s^2) / (2 (1 - rho)).
/// A bound. [Kingman 1962]
pub fn kingman_bound(arrivals: f64, arrival_scv: f64, service: Service) -> Option<f64> {
    let utilisation = arrivals * service.mean;
    let spread = arrival_scv / (arrivals * arrivals) + service.variance();
    (utilisation < 1.0 && arrivals > 0.0).then(|| arrivals * spread / (2.0 * (1.0 - utilisation)))
}

/// Mean wait of G/G/c by Allen and Cunneen: that of M/M/c times (ca2 + cs2) / 2. [Allen 1990]
/// Within about 10 % for ca2 and cs2 between 0.25 and 4 and utilisation above one half.
pub fn allen_cunneen(markovian: &Markovian, arrival_scv: f64, service_scv: f64) -> f64 {
    markovian.wait_mean() * 0.5 * (arrival_scv + service_scv)
}

/// Allen and Cunneen's wait with the correction of Kraemer and Langenbach-Belz for arrivals smoother
/// than Poisson: times exp(-2 (1 - rho) (1 - ca2)^2 / (3 rho (ca2 + cs2))) when ca2 < 1. [ITC 8, 1976]
/// Within about 5 % there.
pub fn corrected_wait(markovian: &Markovian, arrival_scv: f64, service_scv: f64) -> f64 {
    let wait = allen_cunneen(markovian, arrival_scv, service_scv);
    let utilisation = markovian.utilisation();
    if arrival_scv >= 1.0 || utilisation <= 0.0 || arrival_scv + service_scv <= 0.0 {
        return wait;
    }
    let gap = (1.0 - arrival_scv) * (1.0 - arrival_scv);
    wait * exp(-2.0 * (1.0 - utilisation) * gap / (3.0 * utilisation * (arrival_scv + service_scv)))
}

/// Sakasegawa's (1977) mean wait of G/G/c: rho^(sqrt(2 (c + 1)) - 1) / (c mu (1 - rho)) (ca2 + cs2) / 2.
pub fn sakasegawa(utilisation: f64, service_rate: f64, servers: u32, variability: f64) -> f64 {
    let servers = f64::from(servers);
    let chance = pow(utilisation, sqrt(2.0 * (servers + 1.0)) - 1.0);
    chance / (servers * service_rate * (1.0 - utilisation)) * variability
}

/// Most terms of Spitzer's series; what is left out then is below the accuracy that is claimed.
const SPITZER_TERMS_MAX: u32 = 2_000_000;

/// Mean wait of GI/G/1 whose times between arrivals and service times are gamma distributed, by
/// Spitzer's identity: E\[W\] = sum over n of E\[(S_n - A_n)^+\] / n. Sums of gamma times are gamma, so
/// each term is two incomplete beta functions. Exact to about 1e-9. [Spitzer 1956]
///
/// `None` when unstable, or when a coefficient is zero (constant times are no gamma times).
pub fn gamma_wait_mean(
    arrivals: f64,
    arrival_scv: f64,
    mean: f64,
    service_scv: f64,
) -> Option<f64> {
    let utilisation = arrivals * mean;
    if !(arrivals > 0.0 && utilisation < 1.0 && arrival_scv > 0.0 && service_scv > 0.0) {
        return None;
    }
    let (gap_shape, work_shape) = (1.0 / arrival_scv, 1.0 / service_scv);
    let (gap_scale, work_scale) = (arrival_scv / arrivals, service_scv * mean);
    // X ~ Gamma(a, s), Y ~ Gamma(b, t): P(X > Y) = I at s/(s+t) of (b, a).
    let point = work_scale / (work_scale + gap_scale);
    let mut sum = 0.0;
    for step in 1..=SPITZER_TERMS_MAX {
        let n = f64::from(step);
        let (a, b) = (n * work_shape, n * gap_shape);
        let positive =
            n * mean * beta_share(b, a + 1.0, point) - n / arrivals * beta_share(b + 1.0, a, point);
        let term = positive / n;
        sum += term;
        if step > 10 && fabs(term) * n < 1e-13 * sum * (1.0 - utilisation) {
            break;
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spitzer_agrees_with_pollaczek_where_arrivals_are_poisson() {
        for scv in [0.25, 1.0, 4.0] {
            let exact = poisson_wait_mean(0.8, Service::new(1.0, scv)).unwrap();
            let series = gamma_wait_mean(0.8, 1.0, 1.0, scv).unwrap();
            assert!(fabs(series / exact - 1.0) < 1e-8, "{scv}: {series} {exact}");
        }
    }

    #[test]
    fn the_bound_is_above_the_mean() {
        let wait = gamma_wait_mean(800.0, 4.0, 0.001, 0.25).unwrap();
        assert!(wait < kingman_bound(800.0, 4.0, Service::new(0.001, 0.25)).unwrap());
        assert!(fabs(wait - 0.009_416_7) < 0.000_14);
    }
}
