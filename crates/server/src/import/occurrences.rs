//! Occurrence numbers: how many equal lines came before, over all files of one import.

use millstream_event::Hash128;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Counts lines by their hash, about 30 bytes for each different line.
#[derive(Default)]
pub struct Occurrences {
    seen: HashMap<Hash128, u32, BuildHasherDefault<AlreadyHashed>>,
}

impl Occurrences {
    /// How often this line, given whole or in cells, was seen before.
    pub fn next(&mut self, line: &[&[u8]]) -> u64 {
        let count = self.seen.entry(Hash128::of("line", line)).or_default();
        let before = *count;
        *count += 1;
        u64::from(before)
    }
}

/// The keys are hashes; hashing them again would gain nothing.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lines_are_numbered() {
        let mut occurrences = Occurrences::default();
        let numbers = [b"a", b"b", b"a", b"a"].map(|line| occurrences.next(&[line]));
        assert_eq!(numbers, [0, 0, 1, 2]);
    }
}
