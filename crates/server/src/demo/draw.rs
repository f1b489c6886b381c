//! Chance from a seed: SplitMix64 (Steele, Lea, Flood, 2014). The same seed draws the same shop.

/// A stream of draws.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// The stream of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own for the n-th of something, independent of how much others drew.
    pub fn nth(&self, n: u64) -> Self {
        let mut stream = Self(self.0 ^ n.wrapping_mul(0xd1b5_4a32_d192_ed03));
        stream.next();
        stream
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number from `low` up to and with `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        let span = high.saturating_sub(low).saturating_add(1).max(1);
        low + self.next() % span
    }

    /// True in `percent` of a hundred draws.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.between(1, 100) <= percent
    }

    /// One of them.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let last = of.len().checked_sub(1)?;
        let at = usize::try_from(self.between(0, last as u64)).unwrap_or(0);
        of.get(at)
    }

    /// One of them, by weight.
    pub fn weighted<T: Copy>(&mut self, of: &[(u64, T)], otherwise: T) -> T {
        let mut left = self.between(1, of.iter().map(|(weight, _)| *weight).sum::<u64>().max(1));
        for (weight, one) in of {
            if left <= *weight {
                return *one;
            }
            left -= weight;
        }
        otherwise
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_draw_equally_and_bounds_hold() {
        let (mut one, mut other) = (Draw::new(7), Draw::new(7));
        for _ in 0..1_000 {
            let drawn = one.between(3, 9);
            assert_eq!(drawn, other.between(3, 9));
            assert!((3..=9).contains(&drawn));
        }
        assert_ne!(
            Draw::new(7).nth(1).between(0, u64::MAX - 1),
            Draw::new(7).nth(2).between(0, u64::MAX - 1)
        );
        assert_eq!(one.one::<u8>(&[]), None);
    }

    #[test]
    fn weights_are_kept_roughly() {
        let mut draw = Draw::new(1);
        let rare = (0..10_000).filter(|_| draw.weighted(&[(90, false), (10, true)], false)).count();
        assert!((800..1_200).contains(&rare), "{rare}");
    }
}
