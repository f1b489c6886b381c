//! One record as bytes: made in the caller's thread, checked at every read.

use crate::chain;
use crate::draft::Draft;
use crate::error::AppendError;
use crate::nonce::Nonces;
use millstream_event::record::{CRC_RANGE, HEADER_BYTES, HeaderError, RECORD_BYTES_MAX};
use millstream_event::{Header, Lane, Position, Record, Timestamp};

/// What the writer must know about a record that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) lane: Lane,
    pub(crate) digest: u64,
    pub(crate) received: Timestamp,
}

/// A group as it will stand in a frame.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) bytes: Vec<u8>,
    pub(crate) entries: Vec<Entry>,
}

/// Refuses records that are too large.
pub(crate) const fn check_size(largest: usize) -> Result<(), AppendError> {
    if largest > RECORD_BYTES_MAX {
        return Err(AppendError::TooLarge { bytes: largest, limit: RECORD_BYTES_MAX });
    }
    Ok(())
}

impl Prepared {
    /// Puts the headers where the draft left room for them. All the work that can be done before the
    /// writer's turn is done here, in the caller's thread.
    pub(crate) fn new(draft: Draft, nonces: &Nonces) -> Self {
        let (mut bytes, records) = draft.into_parts();
        let mut begin = 0;
        let mut prepare = |(header, end): (Header, usize)| {
            let record = &mut bytes[begin..end];
            begin = end;
            let header = Header { nonce: nonces.next(), ..header };
            let (room, payload) = record.split_at_mut(HEADER_BYTES);
            let mut fixed = header.encode(payload.len());
            let entry = Entry {
                lane: header.lane,
                digest: chain::digest(&fixed),
                received: header.received,
            };
            let crc = crc(&fixed, payload);
            fixed[CRC_RANGE].copy_from_slice(&crc.to_le_bytes());
            room.copy_from_slice(&fixed);
            entry
        };
        let entries = records.into_iter().map(&mut prepare).collect();
        Self { bytes, entries }
    }
}

/// The CRC-32 of a record without the CRC's own four bytes.
pub(crate) fn crc(header: &[u8; HEADER_BYTES], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[..CRC_RANGE.start]);
    hasher.update(&header[CRC_RANGE.end..]);
    hasher.update(payload);
    hasher.finalize()
}

/// The length that the first bytes of a record state, when it is a possible one.
pub(crate) fn stated_length(first: &[u8]) -> Option<usize> {
    let (length, rest) = first.split_first_chunk::<4>()?;
    let (header, _) = rest.split_first_chunk::<2>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let header = u16::from_le_bytes(*header) as usize;
    let possible = header >= HEADER_BYTES && length >= header && length <= RECORD_BYTES_MAX;
    possible.then_some(length)
}

/// A whole record's fixed header when its CRC holds.
pub(crate) fn checked(bytes: &[u8]) -> Option<&[u8; HEADER_BYTES]> {
    let (fixed, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let stated = [fixed[6], fixed[7], fixed[8], fixed[9]];
    (crc(fixed, rest) == u32::from_le_bytes(stated)).then_some(fixed)
}

/// The receive stamp in a header.
pub(crate) fn received(fixed: &[u8; HEADER_BYTES]) -> Timestamp {
    let (words, _) = fixed.as_chunks::<8>();
    Timestamp(i64::from_le_bytes(words[8]))
}

/// The record that checked bytes hold.
pub(crate) fn decode(bytes: &[u8], position: Position) -> Result<Record, HeaderError> {
    let header = Header::decode(bytes)?;
    let payload = bytes.get(header_bytes(bytes)..).ok_or(HeaderError::Short)?.to_vec();
    Ok(Record { header, position, payload })
}

/// How long the record says that its header is.
pub(crate) fn header_bytes(bytes: &[u8]) -> usize {
    match bytes {
        [_, _, _, _, low, high, ..] => u16::from_le_bytes([*low, *high]) as usize,
        _ => bytes.len(),
    }
}
