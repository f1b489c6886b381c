//! EASE^R (Steck, 2019): the linear autoencoder whose weights have a closed form, for small
//! catalogues.

use super::{EASE_ITEMS_MAX, Rows, Visit};
use crate::candidate::ItemId;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// How strongly weights are pulled to zero, per visit.
const PULL: f64 = 0.02;
/// The least pull.
const PULL_LEAST: f64 = 1.0;

/// Rows of weights; none for a catalogue that is empty or over the limit.
pub(super) fn ease(visits: &[Visit]) -> Option<Rows> {
    let items: BTreeSet<ItemId> = visits.iter().flat_map(|visit| &visit.items).copied().collect();
    let items: Vec<ItemId> = items.into_iter().collect();
    let count = items.len();
    if count == 0 || count > EASE_ITEMS_MAX {
        return None;
    }
    let places: BTreeMap<ItemId, usize> =
        items.iter().enumerate().map(|(at, item)| (*item, at)).collect();
    let mut gram = alloc::vec![0.0; count * count];
    for visit in visits {
        let seen: BTreeSet<usize> =
            visit.items.iter().filter_map(|item| places.get(item).copied()).collect();
        for a in &seen {
            for b in &seen {
                gram[a * count + b] += 1.0;
            }
        }
    }
    let pull = (PULL * visits.len() as f64).max(PULL_LEAST);
    for at in 0..count {
        gram[at * count + at] += pull;
    }
    let inverse = inverse(gram, count)?;
    let weight = |from: usize, to: usize| match from == to {
        true => 0.0,
        false => -inverse[from * count + to] / inverse[to * count + to],
    };
    let all = (0..count).flat_map(|a| (0..count).map(move |b| (a, b)));
    let largest = all.map(|(a, b)| weight(a, b)).fold(0.0_f64, f64::max).max(1e-9);
    let quantised = |from: usize, to: usize| {
        libm::rint(weight(from, to) / largest * 127.0).clamp(-127.0, 127.0) as i8
    };
    let row = |from: usize| {
        let weights = (0..count).map(|to| (items[to], quantised(from, to)));
        (items[from], weights.filter(|(_, weight)| *weight != 0).collect())
    };
    Some((0..count).map(row).collect())
}

/// The inverse of a symmetric positive definite matrix, by Cholesky; none when it is not definite.
fn inverse(mut lower: Vec<f64>, count: usize) -> Option<Vec<f64>> {
    for row in 0..count {
        for column in 0..=row {
            let (above, below) = lower.split_at(row * count);
            let left =
                if column == row { &below[..column] } else { &above[column * count..][..column] };
            let dot: f64 = below[..column].iter().zip(left).map(|(a, b)| a * b).sum();
            let rest = lower[row * count + column] - dot;
            lower[row * count + column] = if column == row {
                if rest <= 0.0 {
                    return None;
                }
                libm::sqrt(rest)
            } else {
                rest / lower[column * count + column]
            };
        }
    }
    let mut inverse = alloc::vec![0.0; count * count];
    let mut solved = alloc::vec![0.0; count];
    for unit in 0..count {
        for row in 0..count {
            let dot: f64 = (unit..row).map(|k| lower[row * count + k] * solved[k]).sum();
            let own = if row == unit { 1.0 } else { 0.0 };
            solved[row] = if row < unit { 0.0 } else { (own - dot) / lower[row * count + row] };
        }
        for row in (0..count).rev() {
            let dot: f64 =
                (row + 1..count).map(|k| lower[k * count + row] * inverse[k * count + unit]).sum();
            inverse[row * count + unit] = (solved[row] - dot) / lower[row * count + row];
        }
    }
    Some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inverse_times_its_matrix_is_one() {
        let matrix = [4.0, 1.0, 0.5, 1.0, 3.0, 0.2, 0.5, 0.2, 2.0];
        let inverse = inverse(matrix.to_vec(), 3).unwrap();
        for row in 0..3 {
            for column in 0..3 {
                let dot: f64 = (0..3).map(|k| matrix[row * 3 + k] * inverse[k * 3 + column]).sum();
                let own = if row == column { 1.0 } else { 0.0 };
                assert!((dot - own).abs() < 1e-12);
            }
        }
        assert!(super::inverse([1.0, 2.0, 2.0, 1.0].to_vec(), 2).is_none());
    }
}
