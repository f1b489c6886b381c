//! Numbers that clients give their events: a gap tells of one that never arrived.

use serde::{Deserialize, Serialize};

/// A gap wider than this is no loss: the counter was set anew.
pub const GAP_MAX: u64 = 1_000;

/// The numbered entries of a session, in event order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbering {
    /// The last number; 0 before any.
    last: u64,
    /// Entries with a number.
    pub numbered: u64,
    /// Numbers between them that no entry bears: events on their way, or lost.
    pub missing: u64,
}

impl Numbering {
    /// The next entry's number; 0 for none. A number that does not rise is a counter that began
    /// anew.
    pub const fn push(&mut self, number: u64) {
        if number == 0 {
            return;
        }
        let gap = number.saturating_sub(self.last).saturating_sub(1);
        if self.numbered > 0 && gap <= GAP_MAX {
            self.missing += gap;
        }
        self.numbered += 1;
        self.last = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(numbers: &[u64]) -> (u64, u64) {
        let mut numbering = Numbering::default();
        numbers.iter().for_each(|number| numbering.push(*number));
        (numbering.numbered, numbering.missing)
    }

    #[test]
    fn gaps_are_counted_and_new_counters_are_not() {
        assert_eq!(missing(&[]), (0, 0));
        assert_eq!(missing(&[0, 0, 0]), (0, 0));
        assert_eq!(missing(&[700]), (1, 0));
        assert_eq!(missing(&[1, 2, 5, 0, 6]), (4, 2));
        assert_eq!(missing(&[8, 9, 1, 2, 4]), (5, 1));
        assert_eq!(missing(&[1, 1, 2]), (3, 0));
        assert_eq!(missing(&[1, GAP_MAX + 2]), (2, GAP_MAX));
        assert_eq!(missing(&[1, GAP_MAX + 3]), (2, 0));
        assert_eq!(missing(&[u64::MAX, 1, u64::MAX]), (3, 0));
    }
}
