//! One request to several queues: all answers, or the first k of n.

use super::special::{harmonic, power, quantile_of_tail};

/// Mean time until both of two M/M/1 queues have answered: (12 - rho) / 8 / (mu - lambda). Exact.
/// [Flatto and Hahn 1984; Nelson and Tantawi 1988]
pub fn both_of_two(arrivals: f64, service_rate: f64) -> Option<f64> {
    let utilisation = arrivals / service_rate;
    (utilisation < 1.0).then(|| (12.0 - utilisation) / 8.0 / (service_rate - arrivals))
}

/// Mean time until all of n have answered: \[H(n)/H(2) + 4/11 (1 - H(n)/H(2)) rho\] R(2).
/// An approximation within 5 % for n up to 32. [Nelson and Tantawi 1988]
pub fn all_of(branches: u32, arrivals: f64, service_rate: f64) -> Option<f64> {
    let two = both_of_two(arrivals, service_rate)?;
    if branches == 1 {
        return Some(1.0 / (service_rate - arrivals));
    }
    let growth = harmonic(branches) / harmonic(2);
    let utilisation = arrivals / service_rate;
    Some((growth + 4.0 / 11.0 * (1.0 - growth) * utilisation) * two)
}

/// P(fewer than k of n independent answers have come), each with probability `within`:
/// 1 - sum over j >= k of C(n, j) F^j (1 - F)^(n - j). Queues fed by the same arrivals are not
/// independent: means are too high by up to 20 % for k of n.
pub fn quorum_tail(copies: u32, quorum: u32, within: f64) -> f64 {
    let (within, without) = (within.clamp(0.0, 1.0), (1.0 - within).clamp(0.0, 1.0));
    let mut ways = 1.0;
    let mut sum = 0.0;
    for answered in 0..quorum.min(copies + 1) {
        sum += ways * power(within, answered) * power(without, copies - answered);
        ways *= f64::from(copies - answered) / f64::from(answered + 1);
    }
    sum.clamp(0.0, 1.0)
}

/// Mean of the k-th of n independent exponential times of mean 1: H(n) - H(n - k).
pub fn quorum_mean(copies: u32, quorum: u32) -> f64 {
    harmonic(copies) - harmonic(copies - quorum.min(copies))
}

/// The time within which k of n independent answers come with probability q, from the tail of one.
pub fn quorum_quantile(
    copies: u32,
    quorum: u32,
    q: f64,
    one: impl Fn(f64) -> f64,
    scale: f64,
) -> f64 {
    quantile_of_tail(1.0 - q, scale, |time| quorum_tail(copies, quorum, 1.0 - one(time)))
}

/// P(at least one of n is slow) when each is with probability p: 1 - (1 - p)^n. [Dean and Barroso 2013]
pub fn any_slow(branches: f64, chance: f64) -> f64 {
    -libm::expm1(branches * libm::log1p(-chance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use libm::{exp, fabs};

    #[test]
    fn quorums_of_independent_times() {
        assert!(fabs(quorum_tail(3, 3, 0.9) - (1.0 - 0.729)) < 1e-15);
        assert!(fabs(quorum_tail(3, 1, 0.9) - 0.001) < 1e-15);
        assert!(fabs(quorum_tail(3, 2, 0.5) - 0.5) < 1e-15);
        let p99 = quorum_quantile(3, 3, 0.99, |time| exp(-300.0 * time), 0.003);
        assert!(fabs(p99 - 0.019_001_453_679_316_3) < 1e-12);
        assert!(fabs(quorum_mean(3, 3) - 11.0 / 6.0) < 1e-15);
    }
}
