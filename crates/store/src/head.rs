//! How far a lane has been folded, and a fingerprint of the way there.

use millstream_event::{Position, Record, Timestamp};

/// How far a lane has been folded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneHead {
    /// The next position to fold.
    pub next: Position,
    /// Hash over the immutable header fields of every record folded so far: tells timelines apart.
    pub chain: u64,
    /// The same hash over the last record alone: what a restart compares with the log.
    pub last: u64,
    /// The greatest receive stamp folded so far.
    pub watermark: Timestamp,
}

/// Bytes of a head as stored.
pub const HEAD_BYTES: usize = 32;

impl LaneHead {
    /// The head once `record` has been folded, too.
    #[must_use]
    pub fn after(self, record: &Record) -> Self {
        let last = fingerprint(record);
        Self {
            next: record.position.next(),
            chain: mix(self.chain, last),
            last,
            watermark: self.watermark.max(record.header.received),
        }
    }

    /// Little-endian bytes.
    pub fn encode(&self) -> [u8; HEAD_BYTES] {
        let mut out = [0; HEAD_BYTES];
        let words = [self.next.0, self.chain, self.last, self.watermark.0 as u64];
        for (slot, word) in out.chunks_exact_mut(8).zip(words) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        out
    }

    /// Reads what [`Self::encode`] wrote, or `None` when the length is another.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEAD_BYTES] = bytes.try_into().ok()?;
        let mut words = bytes.chunks_exact(8).map(|chunk| {
            chunk
                .iter()
                .rev()
                .fold(0_u64, |word, byte| word << 8 | u64::from(*byte))
        });
        let mut word = || words.next().unwrap_or_default();
        Some(Self {
            next: Position(word()),
            chain: word(),
            last: word(),
            watermark: Timestamp(word() as i64),
        })
    }
}

/// Hash of the header fields that never change: an erasure zeroes the subject and the payload, so
/// neither takes part. The nonce makes it differ between timelines that hold equal records.
pub fn fingerprint(record: &Record) -> u64 {
    let header = &record.header;
    let small = u64::from(header.kind as u8)
        | u64::from(header.lane.number()) << 8
        | u64::from(header.generation) << 16
        | u64::from(header.contract_version) << 32;
    let versions = u64::from(header.control_version) | u64::from(header.replay_epoch) << 32;
    [
        record.position.0,
        small,
        versions,
        header.item_version,
        header.nonce,
        header.received.0 as u64,
    ]
    .into_iter()
    .fold(SEED, mix)
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// One step of a multiply-fold hash (as in wyhash): the 128-bit product's halves xored.
fn mix(state: u64, word: u64) -> u64 {
    let product = u128::from(state ^ SEED) * u128::from(word ^ 0xd6e8_feb8_6659_fd93);
    (product as u64) ^ (product >> 64) as u64
}
