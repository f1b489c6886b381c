//! Exact division: largest remainder (Hamilton's method), so that shares sum to the whole.

use alloc::vec::Vec;

/// Weights of one conversion and model sum to this: parts per billion.
pub const WHOLE_PPB: u32 = 1_000_000_000;

/// Divides `total` in proportion to `weights`. Each share is the exact one rounded toward zero;
/// what is left goes, a unit each, to the largest remainders, ties to the earlier. The shares sum
/// to `total` exactly, negative totals included. All zero weights count as equal ones.
pub fn apportion(total: i64, weights: &[u64]) -> Vec<i64> {
    let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let weight = |at: usize| if sum == 0 { 1 } else { u128::from(weights[at]) };
    let sum = if sum == 0 { weights.len() as u128 } else { sum };
    if weights.is_empty() {
        return Vec::new();
    }
    let magnitude = u128::from(total.unsigned_abs());
    let mut shares: Vec<(u128, u128)> = (0..weights.len())
        .map(|at| {
            let exact = magnitude * weight(at);
            (exact / sum, exact % sum)
        })
        .collect();
    let given: u128 = shares.iter().map(|(share, _)| share).sum();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|at| core::cmp::Reverse(shares[*at].1));
    let left = usize::try_from(magnitude - given).unwrap_or(usize::MAX);
    for at in order.into_iter().take(left) {
        shares[at].0 += 1;
    }
    let signed = |share: u128| {
        let share = i128::try_from(share).unwrap_or(i128::MAX);
        let share = if total < 0 { -share } else { share };
        i64::try_from(share).unwrap_or(total)
    };
    shares.into_iter().map(|(share, _)| signed(share)).collect()
}

#[cfg(test)]
mod tests {
    use super::apportion;
    use proptest::prelude::*;

    #[test]
    fn ties_go_to_the_earlier() {
        assert_eq!(apportion(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(apportion(-100, &[1, 1, 1]), [-34, -33, -33]);
        assert_eq!(apportion(5, &[0, 0]), [3, 2]);
        assert_eq!(apportion(i64::MIN, &[1]), [i64::MIN]);
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_whole(total: i64, weights in prop::collection::vec(0u64..1_000_000_000, 1..40)) {
            let sum: i128 = apportion(total, &weights).into_iter().map(i128::from).sum();
            prop_assert_eq!(sum, i128::from(total));
        }

        #[test]
        fn a_share_is_never_a_unit_off(total in 0i64..1_000_000_000, weights in prop::collection::vec(1u64..1_000, 1..20)) {
            let sum: u64 = weights.iter().sum();
            for (share, weight) in apportion(total, &weights).into_iter().zip(&weights) {
                let exact = total as i128 * i128::from(*weight);
                prop_assert!((i128::from(share) * i128::from(sum) - exact).abs() < i128::from(sum));
            }
        }
    }
}
