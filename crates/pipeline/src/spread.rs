//! How durations are spread: counts per bucket, exact integers that can be added and taken back.

use alloc::collections::BTreeMap;
use millstream_event::Span;
use serde::{Deserialize, Serialize};

/// Sub-buckets of each doubling, as a power of two: a bucket is at most 1/16 wide of what it holds.
const PRECISION_BITS: u32 = 4;

/// Durations by bucket. Whole milliseconds below 16 ms, above that 16 buckets to every doubling;
/// what is negative counts as nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread(BTreeMap<u16, i64>);

impl Spread {
    /// Adds `count` durations, or takes them back.
    pub fn add(&mut self, span: Span, count: i64) {
        self.shift(bucket(span), count);
    }

    fn shift(&mut self, bucket: u16, count: i64) {
        let sum = self.0.entry(bucket).or_default();
        *sum += count;
        if *sum == 0 {
            self.0.remove(&bucket);
        }
    }

    /// Adds another spread.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            self.shift(*bucket, *count);
        }
    }

    /// How many durations there are.
    pub fn count(&self) -> i64 {
        self.0.values().sum()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The longest duration of each bucket that holds some, and how many; shortest first.
    pub fn steps(&self) -> impl Iterator<Item = (Span, i64)> {
        self.0.iter().map(|(bucket, count)| (upper(*bucket), *count))
    }

    /// The duration that the share `permille` / 1000 of all does not exceed: the upper end of its
    /// bucket, so at most 1/16 too long. None of nothing.
    pub fn quantile(&self, permille: u16) -> Option<Span> {
        let total = self.count();
        let rank = (i128::from(total) * i128::from(permille)).div_euclid(1_000);
        let rank = i64::try_from(rank).unwrap_or(i64::MAX).clamp(0, (total - 1).max(0));
        let mut below = 0;
        for (bucket, count) in &self.0 {
            below += count;
            if below > rank {
                return Some(upper(*bucket));
            }
        }
        None
    }
}

fn bucket(span: Span) -> u16 {
    let millis = u64::try_from(span.as_millis()).unwrap_or(0);
    if millis < 1 << PRECISION_BITS {
        return millis as u16;
    }
    let shift = millis.ilog2() - PRECISION_BITS;
    let within = (millis >> shift) as u16 & ((1 << PRECISION_BITS) - 1);
    ((shift as u16 + 1) << PRECISION_BITS) + within
}

/// The longest duration of a bucket, in whole milliseconds.
fn upper(bucket: u16) -> Span {
    let (group, within) =
        (u32::from(bucket >> PRECISION_BITS), u64::from(bucket) & ((1 << PRECISION_BITS) - 1));
    let Some(shift) = group.checked_sub(1) else { return Span::millis(i64::from(bucket)) };
    let first = ((1 << PRECISION_BITS) + within) << shift;
    Span::millis(i64::try_from(first + (1_u64 << shift) - 1).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_durations_and_is_a_sixteenth_wide() {
        let mut last = None;
        for millis in (0..5_000).chain([60_000, 300_000, 86_400_000, 3_000_000_000_000]) {
            let bucket = bucket(Span::millis(millis));
            assert!(last <= Some(bucket), "{millis} ms");
            last = Some(bucket);
            let upper = upper(bucket).as_millis();
            assert!(millis <= upper && upper <= millis + millis / 16, "{millis} ms in {upper}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_durations() {
        let mut spread = Spread::default();
        assert_eq!(spread.quantile(500), None);
        for millis in 0..100 {
            spread.add(Span::millis(millis), 1);
        }
        for (permille, exact) in [(0, 0), (500, 50), (950, 95), (990, 99), (1_000, 99)] {
            let found = spread.quantile(permille).map_or(-1, Span::as_millis);
            assert!(exact <= found && found <= exact + exact / 16, "{permille}: {found}");
        }
    }

    #[test]
    fn what_is_taken_back_leaves_nothing() {
        let mut spread = Spread::default();
        spread.add(Span::seconds(7), 3);
        spread.add(Span::seconds(7), -3);
        spread.add(Span(-5), 1);
        assert_eq!(spread.count(), 1);
        assert_eq!(spread.quantile(500), Some(Span(0)));
        spread.add(Span(-5), -1);
        assert_eq!(spread, Spread::default());
    }
}
