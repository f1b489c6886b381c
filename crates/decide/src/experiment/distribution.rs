//! The normal and the chi-square distribution, as far as intervals need them.

/// Chance that a standard normal variable is at most `x`.
pub fn normal_below(x: f64) -> f64 {
    0.5 * libm::erfc(-x / core::f64::consts::SQRT_2)
}

/// The value that a standard normal variable stays below with chance `p`, by bisection to 1e-12;
/// infinite outside of (0, 1).
pub fn normal_quantile(p: f64) -> f64 {
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    let (mut low, mut high) = (-40.0_f64, 40.0_f64);
    while high - low > 1e-12 {
        let middle = (low + high) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if normal_below(middle) < p { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// Chance that a chi-square variable of `freedom` degrees is above `x`: the regularised upper
/// incomplete gamma function (series below, continued fraction above; Abramowitz and Stegun 6.5).
pub fn chi_square_above(x: f64, freedom: f64) -> f64 {
    let (a, x) = (freedom / 2.0, x / 2.0);
    if x.is_nan() || x <= 0.0 || a <= 0.0 {
        return 1.0;
    }
    let front = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..10_000 {
            term *= x / (a + f64::from(n));
            sum += term;
            if term < sum * 1e-15 {
                break;
            }
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    let tiny = 1e-300;
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / tiny, 1.0 / b);
    let mut fraction = d;
    for n in 1..10_000 {
        let n = f64::from(n);
        let factor = -n * (n - a);
        b += 2.0;
        d = 1.0 / non_zero(factor * d + b, tiny);
        c = non_zero(b + factor / c, tiny);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}

fn non_zero(value: f64, tiny: f64) -> f64 {
    if value.abs() < tiny { tiny } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.959_963_984_540_054), (0.995, 2.575_829_303_548_9)] {
            assert!((normal_quantile(p) - z).abs() < 1e-9, "{p}");
        }
        for (x, freedom, above) in [
            (3.841_458_820_694_124, 1.0, 0.05),
            (10.827_566_170_662_733, 1.0, 0.001),
            (5.991_464_547, 2.0, 0.05),
            (2.0, 4.0, 0.735_758_882),
        ] {
            assert!((chi_square_above(x, freedom) - above).abs() < 1e-8, "{x} {freedom}");
        }
        assert_eq!(chi_square_above(f64::NAN, 1.0), 1.0);
    }
}
