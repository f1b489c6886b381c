//! Special functions that distributions need, and how to invert a tail.

use libm::{exp, fabs, lgamma, log, pow, sqrt};

/// Relative width at which a search for a quantile stops.
const QUANTILE_TOLERANCE: f64 = 1e-14;
/// Most halvings of a search; 2^-200 is below every tolerance.
const HALVINGS_MAX: u32 = 200;
/// Most terms of a series or continued fraction.
const TERMS_MAX: u32 = 100_000;

/// The time that is exceeded with probability `tail`, for a survival function that falls from at
/// most 1 to 0. `scale` is any positive time of the right order. Zero when even time zero is not
/// exceeded that often.
pub fn quantile_of_tail(tail: f64, scale: f64, survival: impl Fn(f64) -> f64) -> f64 {
    if survival(0.0) <= tail {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, scale);
    for _ in 0..HALVINGS_MAX {
        if survival(high) <= tail {
            break;
        }
        low = high;
        high *= 2.0;
    }
    for _ in 0..HALVINGS_MAX {
        let middle = 0.5 * (low + high);
        if high - low <= QUANTILE_TOLERANCE * high || middle <= low || middle >= high {
            break;
        }
        if survival(middle) > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The upper regularised incomplete gamma function Q(a, x): P(Gamma(a, 1) > x).
///
/// Series below the mean, continued fraction above it (Abramowitz and Stegun 6.5.29, 6.5.31).
pub fn gamma_tail(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let front = exp(a * log(x) - x - lgamma(a));
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for step in 1..TERMS_MAX {
            term *= x / (a + f64::from(step));
            sum += term;
            if term < sum * 1e-17 {
                break;
            }
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    let tiny = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / tiny;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for step in 1..TERMS_MAX {
        let step = f64::from(step);
        let numerator = -step * (step - a);
        b += 2.0;
        d = numerator * d + b;
        d = 1.0 / if fabs(d) < tiny { tiny } else { d };
        c = b + numerator / c;
        c = if fabs(c) < tiny { tiny } else { c };
        let change = c * d;
        fraction *= change;
        if fabs(change - 1.0) < 1e-16 {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}

/// The quantile of Gamma(shape, 1) that is exceeded with probability `tail`: Wilson and Hilferty's
/// cube (1931), then Newton steps on Q.
pub fn gamma_quantile(shape: f64, tail: f64) -> f64 {
    if tail >= 1.0 {
        return 0.0;
    }
    let z = normal_quantile(1.0 - tail);
    let third = 1.0 / (9.0 * shape);
    let cube = 1.0 - third + z * sqrt(third);
    let mut x = shape * cube * cube * cube;
    if cube <= 0.0 || shape < 0.2 {
        // Near zero P(X <= x) is x^a / Gamma(a + 1).
        x = exp((log(1.0 - tail) + lgamma(shape + 1.0)) / shape);
    }
    for _ in 0..12 {
        x = if x > 0.0 { x } else { 1e-300 };
        let density = exp((shape - 1.0) * log(x) - x - lgamma(shape));
        if density.is_nan() || density <= 0.0 {
            break;
        }
        let error = gamma_tail(shape, x) - tail;
        let step = error / density;
        // Halley's correction keeps the step right where the density is steep.
        let bend = 0.5 * step * ((shape - 1.0) / x - 1.0);
        let next = x + step / (1.0 - bend.clamp(-0.5, 0.5)).max(0.5);
        let next = if next <= 0.0 { x * 0.5 } else { next };
        if fabs(next - x) <= 1e-12 * x {
            return next;
        }
        x = next;
    }
    let shape_scale = shape.max(1.0);
    quantile_of_tail(tail, shape_scale, |x| gamma_tail(shape, x))
}

/// The quantile of the standard normal distribution within 4.5e-4 (Abramowitz and Stegun 26.2.23):
/// a starting point for sharper searches.
pub fn normal_quantile(p: f64) -> f64 {
    let outer = if p < 0.5 { p } else { 1.0 - p };
    let t = sqrt(-2.0 * log(outer.max(1e-300)));
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let z = t - above / below;
    if p < 0.5 { -z } else { z }
}

/// The regularised incomplete beta function I_x(a, b), by Lentz's continued fraction (DLMF 8.17.22).
pub fn beta_share(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_share(b, a, 1.0 - x);
    }
    let front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1.0 - x)) / a;
    let tiny = 1e-300;
    let (mut c, mut d) = (1.0, 1.0 - (a + b) * x / (a + 1.0));
    d = 1.0 / if fabs(d) < tiny { tiny } else { d };
    let mut fraction = d;
    for step in 1..TERMS_MAX {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for numerator in [even, odd] {
            d = 1.0 + numerator * d;
            d = 1.0 / if fabs(d) < tiny { tiny } else { d };
            c = 1.0 + numerator / c;
            c = if fabs(c) < tiny { tiny } else { c };
            change = c * d;
            fraction *= change;
        }
        if fabs(change - 1.0) < 1e-15 {
            break;
        }
    }
    front * fraction
}

/// The harmonic number 1 + 1/2 + ... + 1/n.
pub fn harmonic(n: u32) -> f64 {
    (1..=n).map(|k| 1.0 / f64::from(k)).sum()
}

/// `base` to a whole power.
pub fn power(base: f64, exponent: u32) -> f64 {
    pow(base, f64::from(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_tails_agree_with_erlang_sums() {
        for (a, x) in [(1.0, 0.3), (3.0, 2.0), (5.0, 12.0), (20.0, 19.0), (200.0, 180.0)] {
            let (mut term, mut sum) = (exp(-x), 0.0);
            for k in 0..a as u32 {
                sum += term;
                term *= x / f64::from(k + 1);
            }
            assert!(fabs(gamma_tail(a, x) - sum) < 1e-12, "{a} {x}");
        }
    }

    #[test]
    fn gamma_quantiles_invert_tails() {
        for shape in [0.05, 0.3, 1.0, 2.5, 40.0, 5000.0] {
            for tail in [0.5, 0.05, 0.01, 1e-4] {
                let x = gamma_quantile(shape, tail);
                let back = gamma_tail(shape, x);
                assert!(fabs(back - tail) < 1e-9, "{shape} {tail}: {x} gives {back}");
            }
        }
    }

    #[test]
    fn beta_shares_at_known_points() {
        assert!(fabs(beta_share(1.0, 1.0, 0.3) - 0.3) < 1e-14);
        assert!(fabs(beta_share(2.0, 3.0, 0.4) - 0.5248) < 1e-12);
        assert!(fabs(beta_share(50.0, 50.0, 0.5) - 0.5) < 1e-12);
    }
}
