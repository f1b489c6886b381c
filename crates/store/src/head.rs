//! How far a lane has been folded, and a fingerprint of the way there.

use millstream_event::{Position, Timestamp};

/// How far a lane has been folded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneHead {
    /// The next position to fold.
    pub next: Position,
    /// The log's chain hash before that position: tells timelines apart.
    pub chain: u64,
    /// The greatest receive stamp folded so far.
    pub watermark: Timestamp,
}

/// Bytes of a head as stored.
pub const HEAD_BYTES: usize = 24;

impl LaneHead {
    /// Little-endian bytes.
    pub fn encode(&self) -> [u8; HEAD_BYTES] {
        let mut out = [0; HEAD_BYTES];
        out[..8].copy_from_slice(&self.next.0.to_le_bytes());
        out[8..16].copy_from_slice(&self.chain.to_le_bytes());
        out[16..].copy_from_slice(&self.watermark.0.to_le_bytes());
        out
    }

    /// Reads what [`Self::encode`] wrote, or `None` when the length is another.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let [next, chain, watermark] = words else { return None };
        rest.is_empty().then(|| Self {
            next: Position(u64::from_le_bytes(*next)),
            chain: u64::from_le_bytes(*chain),
            watermark: Timestamp(i64::from_le_bytes(*watermark)),
        })
    }
}
