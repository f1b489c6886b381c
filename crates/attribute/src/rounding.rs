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

/// Divides `total` in proportion to real weights, which may be negative where their sum is positive:
/// each share is the exact one rounded down, what is left goes, a unit each, to the largest
/// remainders, ties to the earlier. The shares sum to `total` exactly. Weights count to 2^-52 of the
/// greatest; a total beyond 2^73, or weights without a positive sum, divide to zeros.
pub fn apportion_real(total: i128, weights: &[f64]) -> Vec<i128> {
    const SCALE: f64 = (1_i64 << 52) as f64;
    let greatest = weights.iter().fold(0.0_f64, |most, weight| most.max(weight.abs()));
    let whole = |weight: &f64| libm::round(weight / greatest * SCALE) as i128;
    let weights: Vec<i128> = weights.iter().map(whole).collect();
    let sum: i128 = weights.iter().sum();
    if sum <= 0 || total.unsigned_abs() > 1 << 73 {
        return alloc::vec![0; weights.len()];
    }
    let mut shares: Vec<i128> =
        weights.iter().map(|weight| (total * weight).div_euclid(sum)).collect();
    let left = usize::try_from(total - shares.iter().sum::<i128>()).unwrap_or(0);
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|at| core::cmp::Reverse((total * weights[*at]).rem_euclid(sum)));
    for at in order.into_iter().take(left) {
        shares[at] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::{apportion, apportion_real};
    use proptest::prelude::*;

    #[test]
    fn ties_go_to_the_earlier() {
        assert_eq!(apportion(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(apportion(-100, &[1, 1, 1]), [-34, -33, -33]);
        assert_eq!(apportion(5, &[0, 0]), [3, 2]);
        assert_eq!(apportion(i64::MIN, &[1]), [i64::MIN]);
        assert_eq!(apportion_real(100, &[1.0, 1.0, 1.0]), [34, 33, 33]);
        assert_eq!(apportion_real(10, &[2.0, -1.0]), [20, -10]);
        assert_eq!(apportion_real(1 << 73, &[1.0]), [1 << 73]);
        assert_eq!(apportion_real((1 << 73) + 1, &[1.0]), [0]);
        assert_eq!(apportion_real(5, &[0.0, 0.0]), [0, 0]);
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_whole(total: i64, weights in prop::collection::vec(0u64..1_000_000_000, 1..40)) {
            let sum: i128 = apportion(total, &weights).into_iter().map(i128::from).sum();
            prop_assert_eq!(sum, i128::from(total));
        }

        #[test]
        fn real_shares_sum_to_the_whole(
            total in 0i128..1 << 73,
            mut weights in prop::collection::vec(-1e3..1e12, 1..40),
        ) {
            weights.push(1e6);
            let shares = apportion_real(total, &weights);
            prop_assert_eq!(shares.iter().sum::<i128>(), total);
            let sum: f64 = weights.iter().sum();
            for (share, weight) in shares.iter().zip(&weights) {
                let exact = total as f64 * weight / sum;
                prop_assert!((*share as f64 - exact).abs() <= 1.0 + 1e-9 * total as f64);
            }
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
