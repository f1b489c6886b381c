//! The log record: a fixed little-endian header, then the payload.
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | length of the whole record, header included |
//! | 4 | 2 | header length |
//! | 6 | 4 | CRC-32 of the record without these four bytes |
//! | 10 | 1 | kind |
//! | 11 | 1 | lane |
//! | 12 | 16 | keyed hash of the subject, zero once erased |
//! | 28 | 2 | generation |
//! | 30 | 2 | contract version of the payload |
//! | 32 | 4 | control version |
//! | 36 | 4 | replay epoch |
//! | 40 | 8 | item version |
//! | 48 | 8 | nonce |
//! | 56 | 1 | seal |
//! | 57 | 7 | zero |
//! | 64 | 8 | received, microseconds since the epoch |
//!
//! The ordinal of a record is given at append and follows from its place; it is not stored here.
//! The layout is for ever: a later field goes behind these, and the header length says so.

use crate::hash::Hash128;
use crate::lane::{Lane, Position};
use crate::time::Timestamp;
use alloc::vec::Vec;

/// What a record is. A reader stops at a kind it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// An event in the contract's envelope.
    Event = 1,
    /// Something that broke the contract, with its reason.
    Quarantine = 2,
    /// A message from one entity to another, across lanes.
    Item = 3,
    /// Links, spend, configuration, generation switches: the control lane.
    Control = 4,
    /// The passing of time, per lane.
    Tick = 5,
    /// An erasure request.
    Erase = 6,
    /// The outcome of a send to a destination.
    Delivery = 7,
    /// A count that stands for events whose consent forbids storing them.
    Aggregate = 8,
}

impl Kind {
    /// The kind with this number, or `None` when this version does not know it.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Event,
            2 => Self::Quarantine,
            3 => Self::Item,
            4 => Self::Control,
            5 => Self::Tick,
            6 => Self::Erase,
            7 => Self::Delivery,
            8 => Self::Aggregate,
            _ => return None,
        })
    }
}

/// The header's fields apart from the lengths and the CRC, which follow from the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the record is.
    pub kind: Kind,
    /// The lane it belongs to.
    pub lane: Lane,
    /// Keyed hash of the subject: finds what to erase, tells nothing without the key.
    pub subject: Hash128,
    /// Generation that wrote it; 0 for everything that came from outside.
    pub generation: u16,
    /// Version of the payload's contract.
    pub contract_version: u16,
    /// Ordinal + 1 of the last control record that capture had applied; 0 before the first.
    pub control_version: u32,
    /// 0 at capture, higher for a replay after a rule change.
    pub replay_epoch: u32,
    /// For items: the sender's revision. Else 0.
    pub item_version: u64,
    /// Random, so that the fencing chain differs between timelines that hold equal records.
    pub nonce: u64,
    /// 0: payload in clear. 1: payload under a per-subject key.
    pub seal: u8,
    /// When capture received it; monotonic per node.
    pub received: Timestamp,
}

/// Bytes of the header as this version writes it.
pub const HEADER_BYTES: usize = 72;
/// Largest record, header included: 1 MiB.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
/// Where the CRC stands.
pub const CRC_RANGE: core::ops::Range<usize> = 6..10;

impl Header {
    /// A header for something received now from outside.
    pub const fn new(kind: Kind, lane: Lane, received: Timestamp) -> Self {
        Self {
            kind,
            lane,
            subject: Hash128([0; 16]),
            generation: 0,
            contract_version: crate::envelope::CONTRACT_VERSION,
            control_version: 0,
            replay_epoch: 0,
            item_version: 0,
            nonce: 0,
            seal: 0,
            received,
        }
    }

    /// The 72 bytes for a payload of `payload_bytes`, with the CRC field zero.
    pub fn encode(&self, payload_bytes: usize) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[0..4].copy_from_slice(&((HEADER_BYTES + payload_bytes) as u32).to_le_bytes());
        out[4..6].copy_from_slice(&(HEADER_BYTES as u16).to_le_bytes());
        out[10] = self.kind as u8;
        out[11] = self.lane.number();
        out[12..28].copy_from_slice(&self.subject.0);
        out[28..30].copy_from_slice(&self.generation.to_le_bytes());
        out[30..32].copy_from_slice(&self.contract_version.to_le_bytes());
        out[32..36].copy_from_slice(&self.control_version.to_le_bytes());
        out[36..40].copy_from_slice(&self.replay_epoch.to_le_bytes());
        out[40..48].copy_from_slice(&self.item_version.to_le_bytes());
        out[48..56].copy_from_slice(&self.nonce.to_le_bytes());
        out[56] = self.seal;
        out[64..72].copy_from_slice(&self.received.0.to_le_bytes());
        out
    }

    /// Reads the fields of a header whose lengths and CRC were checked before.
    ///
    /// # Errors
    /// [`HeaderError`] when the bytes are too few, or name an unknown kind or lane.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let fixed: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(HeaderError::Short)?;
        Ok(Self {
            kind: Kind::from_number(fixed[10]).ok_or(HeaderError::UnknownKind(fixed[10]))?,
            lane: Lane::from_number(fixed[11]).ok_or(HeaderError::UnknownLane(fixed[11]))?,
            subject: Hash128(take(fixed, 12)),
            generation: u16::from_le_bytes(take(fixed, 28)),
            contract_version: u16::from_le_bytes(take(fixed, 30)),
            control_version: u32::from_le_bytes(take(fixed, 32)),
            replay_epoch: u32::from_le_bytes(take(fixed, 36)),
            item_version: u64::from_le_bytes(take(fixed, 40)),
            nonce: u64::from_le_bytes(take(fixed, 48)),
            seal: fixed[56],
            received: Timestamp(i64::from_le_bytes(take(fixed, 64))),
        })
    }
}

fn take<const N: usize>(bytes: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

/// Why a header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Fewer bytes than a header has.
    #[error("the record is shorter than a header of {HEADER_BYTES} bytes")]
    Short,
    /// Written by a newer version.
    #[error("record kind {0} is unknown: the log was written by a newer version; run that version")]
    UnknownKind(u8),
    /// No such lane.
    #[error("lane {0} does not exist: the log is damaged or was written by a newer version")]
    UnknownLane(u8),
}

/// A record as it is read back: header, place in its lane, payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The header's fields.
    pub header: Header,
    /// Its place in its lane.
    pub position: Position,
    /// The payload; its meaning follows from the kind.
    pub payload: Vec<u8>,
}
