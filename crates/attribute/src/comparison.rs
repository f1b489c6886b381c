//! Models side by side: which channels stand elsewhere when the model changes.

use alloc::vec::Vec;

/// Shares closer than this are equal: their difference is rounding.
const EQUAL: f64 = 1e-9;

/// The rank of each channel under one model: 1 for the greatest share; equal shares, equal ranks.
pub fn ranks(shares: &[f64]) -> Vec<usize> {
    let above = |share: &f64| shares.iter().filter(|other| **other > share + EQUAL).count();
    shares.iter().map(|share| 1 + above(share)).collect()
}

/// The ranks of one channel under all models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RankRange {
    /// The best.
    pub best: usize,
    /// The worst.
    pub worst: usize,
}

impl RankRange {
    /// True when the rank depends on the model.
    pub const fn flips(&self) -> bool {
        self.best != self.worst
    }
}

/// The range of each channel's rank over models.
pub fn rank_ranges(models: &[Vec<usize>]) -> Vec<RankRange> {
    let channels = models.first().map_or(0, Vec::len);
    let range = |channel: usize| {
        let ranks = || models.iter().filter_map(|ranks| ranks.get(channel).copied());
        RankRange { best: ranks().min().unwrap_or(0), worst: ranks().max().unwrap_or(0) }
    };
    (0..channels).map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::{RankRange, rank_ranges, ranks};

    #[test]
    fn ranks_share_ties_and_ranges_span_models() {
        assert_eq!(ranks(&[0.2, 0.5, 0.2 + 1e-12, 0.1]), [2, 1, 2, 4]);
        let found = rank_ranges(&[alloc::vec![1, 2], alloc::vec![1, 3]]);
        assert_eq!(found, [RankRange { best: 1, worst: 1 }, RankRange { best: 2, worst: 3 }]);
        assert!(found[1].flips() && !found[0].flips());
    }
}
