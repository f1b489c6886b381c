//! Exponential decay in whole numbers, so that every machine divides a conversion alike.

use millstream_event::Span;

/// The weight of a touch of age zero.
const FULL: u64 = 1 << 62;
/// Binary digits of the age, in half-lives, that count: the weight errs by less than 1e-12 of itself.
const DIGITS: usize = 40;
/// 2^(-1/2), 2^(-1/4), 2^(-1/8), ... in units of 2^-63.
const ROOTS: [u64; DIGITS] = roots();

const fn roots() -> [u64; DIGITS] {
    let mut roots = [0; DIGITS];
    let mut root: u128 = 1 << 62;
    let mut at = 0;
    while at < DIGITS {
        root = (root << 63).isqrt();
        roots[at] = root as u64;
        at += 1;
    }
    roots
}

/// 2^(-age / half-life), relative to 2^62; nothing is left after 62 half-lives. A half-life below a
/// microsecond counts as one, a negative age as none.
pub fn weight(age: Span, half_life: Span) -> u64 {
    let (age, half_life) = (age.0.max(0) as u64, half_life.0.max(1) as u64);
    let whole = age / half_life;
    let fraction = (u128::from(age % half_life) << DIGITS) / u128::from(half_life);
    let mut weight = u128::from(FULL);
    for (at, root) in ROOTS.iter().enumerate() {
        if fraction >> (DIGITS - 1 - at) & 1 == 1 {
            weight = (weight * u128::from(*root)) >> 63;
        }
    }
    (weight as u64).checked_shr(u32::try_from(whole).unwrap_or(u32::MAX)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{FULL, weight};
    use millstream_event::Span;
    use proptest::prelude::*;

    #[test]
    fn a_half_life_halves() {
        let week = Span::days(7);
        assert_eq!(weight(Span(0), week), FULL);
        assert_eq!(weight(week, week), FULL / 2);
        assert_eq!(weight(Span::days(14), week), FULL / 4);
        assert_eq!(weight(Span::days(7 * 62), week), 1);
        assert_eq!(weight(Span::days(7 * 63), week), 0);
        assert_eq!(weight(Span(i64::MAX), Span(0)), 0);
    }

    proptest! {
        #[test]
        fn it_is_the_power_of_two(age in 0i64..20_000_000, half_life in 1_000_000i64..100_000_000) {
            let exact = libm::exp2(-(age as f64) / half_life as f64);
            let ours = weight(Span(age), Span(half_life)) as f64 / FULL as f64;
            prop_assert!((ours / exact - 1.0).abs() < 2e-12, "{ours} {exact}");
        }
    }
}
