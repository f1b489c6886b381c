//! A share out of a count, with its interval (Wilson, 1927), which holds for few and for extreme ones.

use super::distribution::normal_quantile;

/// A share with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proportion {
    /// The share.
    pub share: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// The share of `part` in `whole`; none of nothing.
pub fn proportion(part: u64, whole: u64, confidence: f64) -> Option<Proportion> {
    if whole == 0 {
        return None;
    }
    let (count, share) = (whole as f64, part as f64 / whole as f64);
    let reach = normal_quantile(0.5 + confidence / 2.0);
    let square = reach * reach;
    let middle = (share + square / (2.0 * count)) / (1.0 + square / count);
    let spread = share * (1.0 - share) / count + square / (4.0 * count * count);
    let half = reach * libm::sqrt(spread) / (1.0 + square / count);
    let (low, high) = ((middle - half).max(0.0), (middle + half).min(1.0));
    Some(Proportion { share, low, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_textbook() {
        // Wilson's interval of 15 out of 50, and of none out of 10, at 95 %.
        for (part, whole, low, high) in [(15, 50, 0.191, 0.438), (0, 10, 0.0, 0.278)] {
            let found = proportion(part, whole, 0.95).unwrap();
            assert!(
                (found.low - low).abs() < 1e-3 && (found.high - high).abs() < 1e-3,
                "{found:?}"
            );
        }
        assert!(proportion(0, 0, 0.95).is_none());
    }
}
