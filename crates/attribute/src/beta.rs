//! The incomplete beta function, as far as counts that are still to come need it.

/// Iterations after which the continued fraction has settled for counts of up to about a billion.
const ITERATIONS_MAX: u32 = 100_000;

/// The regularised incomplete beta function `I_x(a, b)` for positive `a` and `b`, by its continued
/// fraction (Abramowitz and Stegun 26.5.8, evaluated after Lentz); within 0..=1.
pub fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x.is_nan() {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b);
    let front = libm::exp(front + a * libm::log(x) + b * libm::log1p(-x));
    // The fraction converges fast below the mean; above it, its mirror does.
    let value = if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(a, b, x) / a
    } else {
        1.0 - front * fraction(b, a, 1.0 - x) / b
    };
    value.clamp(0.0, 1.0)
}

fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let mut c = 1.0;
    let mut d = 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for step in 1..ITERATIONS_MAX {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut factor = 1.0;
        for numerator in [even, odd] {
            d = 1.0 / not_zero(1.0 + numerator * d);
            c = not_zero(1.0 + numerator / c);
            factor = d * c;
            value *= factor;
        }
        if libm::fabs(factor - 1.0) < 1e-14 {
            break;
        }
    }
    value
}

fn not_zero(value: f64) -> f64 {
    if libm::fabs(value) < 1e-300 { 1e-300 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        for (a, b, x, value) in [
            (1.0, 1.0, 0.3, 0.3),
            (2.0, 3.0, 0.4, 0.524_8),
            (0.5, 0.5, 0.5, 0.5),
            (10.0, 2.0, 0.9, 0.697_356_880_2),
            (5.0, 5.0, 0.0, 0.0),
            (5.0, 5.0, 1.0, 1.0),
        ] {
            assert!(libm::fabs(incomplete_beta(a, b, x) - value) < 1e-9, "{a} {b} {x}");
        }
    }

    #[test]
    fn large_counts_stand_at_their_median() {
        for a in [1e3, 1e5, 1e7] {
            let half = incomplete_beta(a, a, 0.5);
            assert!(libm::fabs(half - 0.5) < 1e-6, "{a}: {half}");
        }
    }
}
