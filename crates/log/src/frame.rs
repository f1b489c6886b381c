//! A frame: the records of one group commit behind a header of 32 bytes.
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | magic `MSFR` |
//! | 4 | 4 | CRC-32 over the log's id, the segment's number and bytes 8..32 |
//! | 8 | 8 | sequence, counted over the whole log |
//! | 16 | 8 | offset of the frame in its segment |
//! | 24 | 4 | bytes of records that follow |
//! | 28 | 4 | number of records that follow |
//!
//! Id, number and offset are in the CRC so that a copy of a frame elsewhere (in a payload, in
//! another file) is never taken for a frame.

use crate::segment::LogId;

/// Bytes of a frame header.
pub(crate) const FRAME_HEADER_BYTES: usize = 32;

const MAGIC: [u8; 4] = *b"MSFR";

/// The header's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) sequence: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: u32,
    pub(crate) records: u32,
}

/// Which segment of which log a frame must belong to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home {
    pub(crate) log: LogId,
    pub(crate) segment: u64,
}

impl FrameHeader {
    pub(crate) fn encode(&self, home: Home) -> [u8; FRAME_HEADER_BYTES] {
        let mut out = [0; FRAME_HEADER_BYTES];
        out[0..4].copy_from_slice(&MAGIC);
        out[8..16].copy_from_slice(&self.sequence.to_le_bytes());
        out[16..24].copy_from_slice(&self.offset.to_le_bytes());
        out[24..28].copy_from_slice(&self.bytes.to_le_bytes());
        out[28..32].copy_from_slice(&self.records.to_le_bytes());
        let crc = crc(&out, home);
        out[4..8].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// The header at `offset` of a segment, when it is one.
    pub(crate) fn decode(bytes: &[u8], home: Home, offset: u64) -> Option<Self> {
        let fixed: &[u8; FRAME_HEADER_BYTES] = bytes.first_chunk()?;
        if fixed[0..4] != MAGIC || fixed[4..8] != crc(fixed, home).to_le_bytes() {
            return None;
        }
        let (words, _) = fixed.as_chunks::<4>();
        let word = |index: usize| u64::from(u32::from_le_bytes(words[index]));
        let header = Self {
            sequence: word(2) | word(3) << 32,
            offset: word(4) | word(5) << 32,
            bytes: u32::from_le_bytes(words[6]),
            records: u32::from_le_bytes(words[7]),
        };
        (header.offset == offset).then_some(header)
    }
}

fn crc(header: &[u8; FRAME_HEADER_BYTES], home: Home) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&home.log.0);
    hasher.update(&home.segment.to_le_bytes());
    hasher.update(&header[8..]);
    hasher.finalize()
}

/// The first valid frame header in `bytes`, which begin at `offset` of the segment, with a sequence
/// above `sequence`.
pub(crate) fn find_later(bytes: &[u8], home: Home, offset: u64, sequence: u64) -> Option<u64> {
    let last = bytes.len().checked_sub(FRAME_HEADER_BYTES)?;
    (0..=last)
        .filter(|at| bytes[*at] == MAGIC[0])
        .filter_map(|at| FrameHeader::decode(&bytes[at..], home, offset + at as u64))
        .find(|header| header.sequence > sequence)
        .map(|header| header.offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Home = Home { log: LogId([3; 16]), segment: 4 };

    fn header() -> FrameHeader {
        FrameHeader { sequence: 1 << 33, offset: 4096 + (1 << 34), bytes: 700, records: 7 }
    }

    #[test]
    fn a_header_reads_back_at_its_own_place_only() {
        let bytes = header().encode(HOME);
        assert_eq!(FrameHeader::decode(&bytes, HOME, header().offset), Some(header()));
        assert_eq!(FrameHeader::decode(&bytes, HOME, 4096), None);
        assert_eq!(FrameHeader::decode(&bytes, Home { segment: 5, ..HOME }, header().offset), None);
        let other = Home { log: LogId([4; 16]), ..HOME };
        assert_eq!(FrameHeader::decode(&bytes, other, header().offset), None);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = header().encode(HOME);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FrameHeader::decode(&flipped, HOME, header().offset), None, "bit {bit}");
        }
    }

    #[test]
    fn a_later_frame_is_found_wherever_it_begins() {
        let mut bytes = vec![b'M'; 100];
        let later = FrameHeader { offset: 5_100, ..header() };
        bytes.extend_from_slice(&later.encode(HOME));
        assert_eq!(find_later(&bytes, HOME, 5_000, later.sequence - 1), Some(5_100));
        assert_eq!(find_later(&bytes, HOME, 5_000, later.sequence), None);
        assert_eq!(find_later(&bytes[..131], HOME, 5_000, 0), None);
    }
}
