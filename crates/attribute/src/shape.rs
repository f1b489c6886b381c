//! What the models that need figures of their own are given.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;
use millstream_event::Span;

/// The settings of the models: the shares of `position` and the half-life of `time_decay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How `position` divides a conversion.
    pub position: PositionShares,
    /// After this time a touch weighs half as much under `time_decay`.
    pub half_life: Span,
}

impl Default for Shape {
    fn default() -> Self {
        Self { position: PositionShares::default(), half_life: Span::days(7) }
    }
}

/// Shares of the first touch, of all touches between, and of the last: relative whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionShares {
    first: u32,
    middle: u32,
    last: u32,
}

impl Default for PositionShares {
    fn default() -> Self {
        Self { first: 40, middle: 20, last: 40 }
    }
}

impl PositionShares {
    /// The greatest share: finer than parts per million means nothing.
    pub const SHARE_MAX: u32 = 1_000_000;

    /// Shares, each at most [`Self::SHARE_MAX`]; not all of them zero.
    pub fn new(first: u32, middle: u32, last: u32) -> Option<Self> {
        let shares = [first, middle, last];
        let fits = shares.iter().all(|share| *share <= Self::SHARE_MAX);
        (fits && shares.iter().any(|share| *share > 0)).then_some(Self { first, middle, last })
    }

    /// Relative weight of the touch at `index` of `count`. Of two touches neither is in the middle,
    /// so first and last divide by their own shares.
    pub(crate) fn weight(self, index: usize, count: usize) -> u64 {
        let between = count.saturating_sub(2).max(1) as u64;
        let share = match index {
            0 => u64::from(self.first) * between,
            _ if index + 1 == count => u64::from(self.last) * between,
            _ => u64::from(self.middle),
        };
        if count == 1 { 1 } else { share }
    }
}

impl fmt::Display for PositionShares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.first, self.middle, self.last)
    }
}

impl FromStr for PositionShares {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('/').map(|part| part.trim().parse::<u32>().ok());
        let shares = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(first)), Some(Some(middle)), Some(Some(last)), None) => {
                Self::new(first, middle, last)
            }
            _ => None,
        };
        shares.ok_or_else(|| {
            "write three whole numbers up to 1000000, not all zero: first/middle/last, such as 40/20/40"
                .into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::PositionShares;

    #[test]
    fn shares_are_read_up_to_their_bound() {
        let read = |text: &str| text.parse::<PositionShares>().ok();
        assert_eq!(read("40/20/40"), Some(PositionShares::default()));
        assert_eq!(read("1000000/0/0"), PositionShares::new(1_000_000, 0, 0));
        for wrong in ["1000001/0/0", "0/0/0", "40/20", "40/20/40/1", "a/b/c", "-1/2/3", ""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
