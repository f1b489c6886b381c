//! The EventLog port and its embedded segment files: group commit, recovery, retention.
//!
//! # Format
//! `DIR/NNNNNNNN.segment`, numbered without gaps. A segment is a header page of 4,096 bytes
//! (`segment.rs`: id of the log, number, ordinal and chain hash of every lane where it begins), then
//! frames back to back (`frame.rs`: 32 bytes, then records), then possibly zeros. A frame is what
//! one fdatasync made durable. A record is the 72 bytes of [`millstream_event::record`] and its
//! payload; ordinals follow from its place. All numbers are little-endian.
//! `DIR/NNNNNNNN.kept` holds the records of a removed segment that somebody is still owed (`kept.rs`).
//! What ends in `.new` is a file being made, `DIR/erase.intent` an erasure being applied.
//!
//! # Constraints
//! - One writer thread; a frame is written only after the one before it was synced. This is what
//!   lets recovery tell a torn tail (cut, reported) from damage (refused, never cut).
//! - A group is acknowledged after the fdatasync that covers it, or refused; never both, never
//!   neither. After a failed fdatasync nothing is acknowledged until a restart.
//! - A full disk takes the frame back and refuses its groups; the next append tries again.
//! - Readers see durable records only, check every CRC, and stop at what they do not know.
//! - Only erasure changes durable bytes: subject, payload and CRC of one record, same length.
//! - Segments go from the old end only, whole, below the floor; what is owed of one is kept before, at
//!   its place, and found there by place and by [`EventLog::kept`], not by readers of the log.
//! - Encoding, CRC and digest are the caller's work; the writer's is one write and one fdatasync per
//!   frame, and the acknowledgements. Under load it waits briefly for company (`linger.rs`). A small
//!   frame that grows the file is followed by zeros, since a sync that need not record a new length
//!   costs less than half; the cost is spread over frames, so no other thread prepares anything.
//! - The files belong to one process at a time; the caller holds the lock.

mod batch;
pub mod chain;
mod cursor;
pub mod disk;
mod draft;
mod entry;
mod erasure;
pub mod error;
pub mod faulty;
mod frame;
mod guard;
mod kept;
mod kept_reader;
mod linger;
mod nonce;
pub mod options;
pub mod port;
mod queue;
mod reader;
mod recovery;
mod retention;
mod segment;
mod segment_log;
mod spare;
mod stream;
mod tail;
mod writer;

pub use chain::{LaneChains, chain};
pub use disk::{Disk, SystemDisk};
pub use draft::Draft;
pub use error::{AppendError, LogError};
pub use options::SegmentOptions;
pub use port::{
    Acknowledge, AfterAcknowledging, Append, Appended, EventLog, KeptSize, LanePositions,
    LogReader, Owed,
};
pub use segment_log::SegmentLog;
pub use tail::Cut;
