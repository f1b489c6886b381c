//! The bounds of an embedded log, each with its default.

use crate::error::LogError;
use crate::segment::PAGE_BYTES;
use millstream_event::Span;
use millstream_event::record::RECORD_BYTES_MAX;
use std::time::Duration;

/// Everything that waits becomes one frame, whose length has 32 bits.
const FRAME_BYTES_MAX: u64 = 1 << 31;
/// A longer wait would be felt by callers.
const LINGER_MICROS_MAX: u64 = 100_000;
/// Zeros are written in the same call as a frame and must not delay it for long.
const PREPARE_BYTES_MAX: u64 = 16 << 20;

/// How an embedded log is bounded and tuned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentOptions {
    /// A segment that would grow beyond this many bytes is followed by the next one; a single frame
    /// may be larger.
    pub segment_bytes: u64,
    /// Records that wait or are being written; beyond it appends are refused as overloaded.
    pub queue_records_max: usize,
    /// Bytes that wait or are being written, headers included.
    pub queue_bytes_max: usize,
    /// The longest that a group waits for company under load. An idle log never waits.
    pub linger_max: Duration,
    /// Bytes of all segments together, and of what is kept of removed ones; beyond it appends are
    /// refused as disk full.
    pub bytes_max: u64,
    /// Zeros written ahead of a small frame that grows the file, so that the next frames overwrite
    /// blocks that exist; 0 for plain growth. Not counted in `bytes_max`.
    pub prepare_bytes: usize,
    /// Segments whose records were all received longer ago than this may go. `None`: never by age.
    pub retain_for: Option<Span>,
    /// The oldest segments may go while the log is larger than this. `None`: never by size.
    pub retain_bytes: Option<u64>,
    /// Once what is kept of removed segments takes this many bytes, segments of which something is
    /// owed are removed no more.
    pub kept_bytes_max: u64,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 128 << 20,
            queue_records_max: 65_536,
            queue_bytes_max: 64 << 20,
            linger_max: Duration::from_micros(500),
            bytes_max: 64 << 30,
            prepare_bytes: 1 << 20,
            retain_for: None,
            retain_bytes: None,
            kept_bytes_max: 4 << 30,
        }
    }
}

impl SegmentOptions {
    /// Refuses bounds under which nothing could ever be appended.
    pub(crate) fn check(&self) -> Result<(), LogError> {
        let page = PAGE_BYTES as u64;
        let frame = RECORD_BYTES_MAX as u64..=FRAME_BYTES_MAX;
        let linger = u64::try_from(self.linger_max.as_micros()).unwrap_or(u64::MAX);
        let bounds = [
            ("log.segment_bytes", self.segment_bytes, 2 * page..=u64::MAX),
            ("log.queue_records_max", self.queue_records_max as u64, 1..=u64::from(u32::MAX)),
            ("log.queue_bytes_max", self.queue_bytes_max as u64, frame),
            ("log.linger_max_micros", linger, 0..=LINGER_MICROS_MAX),
            ("log.bytes_max", self.bytes_max, 4 * page..=u64::MAX / 2),
            ("log.prepare_bytes", self.prepare_bytes as u64, 0..=PREPARE_BYTES_MAX),
        ];
        for (option, value, range) in bounds {
            if !range.contains(&value) {
                let (least, most) = (*range.start(), *range.end());
                return Err(LogError::Option { option, value, least, most });
            }
        }
        Ok(())
    }
}
