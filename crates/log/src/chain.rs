//! The fencing chain: a hash per lane over what never changes in its records.
//!
//! It tells one timeline from another after a log lost its tail or was replaced. Erasure changes
//! payload, subject and CRC, so these are left out; the random nonce makes equal histories differ.
//! It guards against mix-ups, not against forgery. The function is pinned for ever by a test.

use millstream_event::record::{CRC_RANGE, HEADER_BYTES};
use millstream_event::{Header, Lane};

/// Where the subject hash stands in the header.
pub(crate) const SUBJECT_RANGE: core::ops::Range<usize> = 12..28;

/// The hash after a record, given the hash before it (0 before a lane's first record).
pub fn chain(previous: u64, header: &Header, payload_bytes: usize) -> u64 {
    link(previous, digest(&header.encode(payload_bytes)))
}

/// The hash after a record with this digest.
pub(crate) const fn link(previous: u64, digest: u64) -> u64 {
    mix(previous.rotate_left(23) ^ digest)
}

/// The part of [`chain`] that does not depend on the record before.
pub(crate) fn digest(header: &[u8; HEADER_BYTES]) -> u64 {
    let mut fixed = *header;
    fixed[CRC_RANGE].fill(0);
    fixed[SUBJECT_RANGE].fill(0);
    let (words, _) = fixed.as_chunks::<8>();
    words.iter().fold(0, |hash, word| mix(hash ^ u64::from_le_bytes(*word)))
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014) after its increment.
pub(crate) const fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// One chain hash per lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneChains([u64; Lane::COUNT]);

impl Default for LaneChains {
    fn default() -> Self {
        Self([0; Lane::COUNT])
    }
}

impl LaneChains {
    /// The lane's hash.
    pub fn get(&self, lane: Lane) -> u64 {
        self.0[lane.index()]
    }

    /// Replaces the lane's hash.
    pub fn set(&mut self, lane: Lane, hash: u64) {
        self.0[lane.index()] = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::{Hash128, Kind, Timestamp};

    fn header() -> Header {
        Header { nonce: 7, ..Header::new(Kind::Event, Lane::CONTROL, Timestamp(1_000_000)) }
    }

    #[test]
    fn erasure_does_not_change_the_chain() {
        let erased = Header { subject: Hash128([0; 16]), ..header() };
        let whole = Header { subject: Hash128([9; 16]), ..header() };
        assert_eq!(chain(5, &whole, 100), chain(5, &erased, 100));
    }

    #[test]
    fn everything_else_changes_the_chain() {
        let first = chain(0, &header(), 100);
        assert_ne!(first, chain(1, &header(), 100));
        assert_ne!(first, chain(0, &header(), 101));
        assert_ne!(first, chain(0, &Header { nonce: 8, ..header() }, 100));
        assert_ne!(first, chain(0, &Header { item_version: 1, ..header() }, 100));
    }

    #[test]
    fn the_function_is_pinned() {
        assert_eq!(chain(0, &header(), 100), 10_594_494_433_448_415_048);
    }
}
