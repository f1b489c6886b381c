//! The sample-ratio check: are the arms as large as their weights say? If not, no result counts.

use super::distribution::chi_square_above;
use alloc::vec::Vec;

/// Below this chance the ratio is broken.
pub const MISMATCH_BELOW: f64 = 0.001;

/// The chance of counts as uneven as these, if units fell on arms by `weights` (Pearson's
/// chi-square); 1 where there is nothing to judge.
pub fn sample_ratio(counts: &[u64], weights: &[u32]) -> f64 {
    let units: u64 = counts.iter().sum();
    let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    let arms: Vec<(f64, f64)> = counts
        .iter()
        .zip(weights)
        .filter(|(_, weight)| **weight > 0)
        .map(|(count, weight)| {
            (*count as f64, units as f64 * f64::from(*weight) / total.max(1) as f64)
        })
        .collect();
    if units == 0 || arms.len() < 2 {
        return 1.0;
    }
    let distance = arms.iter().map(|(found, due)| (found - due) * (found - due) / due).sum();
    chi_square_above(distance, (arms.len() - 1) as f64)
}
