//! What becomes one frame: small groups joined in one buffer, large ones as their callers made them.

use crate::entry::{Entry, Prepared};
use crate::frame::FRAME_HEADER_BYTES;
use crate::port::Acknowledge;

/// Capacity that the buffer keeps between frames.
const SPARE_BYTES: usize = 4 << 20;
/// A group of this size is written from where it stands: copying it would cost more than a call.
pub(crate) const LARGE_BYTES: usize = 32 << 10;

/// A group that waits.
pub(crate) struct Group {
    pub(crate) records: usize,
    pub(crate) acknowledge: Acknowledge,
}

/// The groups of a frame, in their order.
#[derive(Default)]
pub(crate) struct Batch {
    /// Room for the frame header, then the small groups.
    joined: Vec<u8>,
    /// Each large group with the place in `joined` before which it stands.
    large: Vec<(usize, Vec<u8>)>,
    large_bytes: usize,
    pub(crate) entries: Vec<Entry>,
    pub(crate) groups: Vec<Group>,
}

impl Batch {
    /// Adds a group behind the others.
    pub(crate) fn push(&mut self, group: Prepared, acknowledge: Acknowledge) {
        if self.joined.is_empty() {
            self.joined.resize(FRAME_HEADER_BYTES, 0);
        }
        self.groups.push(Group { records: group.entries.len(), acknowledge });
        self.entries.extend_from_slice(&group.entries);
        if group.bytes.len() < LARGE_BYTES {
            self.joined.extend_from_slice(&group.bytes);
        } else {
            self.large_bytes += group.bytes.len();
            self.large.push((self.joined.len(), group.bytes));
        }
    }

    /// Bytes of the frame, its header included; 0 while there is no group.
    pub(crate) fn bytes(&self) -> usize {
        self.joined.len() + self.large_bytes
    }

    /// Writes the frame's header into its place.
    pub(crate) fn set_header(&mut self, header: &[u8; FRAME_HEADER_BYTES]) {
        self.joined[..FRAME_HEADER_BYTES].copy_from_slice(header);
    }

    /// The frame, piece by piece.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = 0;
        let large = self.large.iter().flat_map(move |(place, bytes)| {
            let before = &self.joined[std::mem::replace(&mut from, *place)..*place];
            [before, bytes.as_slice()]
        });
        let last = self.large.last().map_or(0, |(place, _)| *place);
        let pieces = large.chain(std::iter::once(&self.joined[last..]));
        pieces.filter(|piece| !piece.is_empty())
    }

    /// The buffers of the large groups, which have been written.
    pub(crate) fn written(&mut self) -> impl Iterator<Item = Vec<u8>> {
        self.large_bytes = 0;
        self.large.drain(..).map(|(_, bytes)| bytes)
    }

    /// Empties the batch and keeps its buffers unless they are large.
    pub(crate) fn clear(&mut self) {
        self.joined.clear();
        self.joined.shrink_to(SPARE_BYTES);
        self.large.clear();
        self.large_bytes = 0;
        self.entries.clear();
        self.groups.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(byte: u8, length: usize) -> Prepared {
        Prepared { bytes: vec![byte; length], entries: Vec::new() }
    }

    #[test]
    fn groups_keep_their_order_whatever_their_size() {
        let sizes = [10, LARGE_BYTES, LARGE_BYTES + 1, LARGE_BYTES - 1, 0, 5, LARGE_BYTES];
        for count in 0..=sizes.len() {
            let mut batch = Batch::default();
            assert_eq!((batch.bytes(), batch.pieces().count()), (0, 0));
            let mut expected = vec![0; if count == 0 { 0 } else { FRAME_HEADER_BYTES }];
            for (number, size) in (1..).zip(&sizes[..count]) {
                batch.push(group(number, *size), Box::new(|_| {}));
                expected.resize(expected.len() + size, number);
            }
            assert_eq!(batch.pieces().flatten().copied().collect::<Vec<_>>(), expected, "{count}");
            assert_eq!((batch.bytes(), batch.groups.len()), (expected.len(), count));
            batch.clear();
            assert_eq!((batch.bytes(), batch.pieces().count()), (0, 0));
        }
    }
}
