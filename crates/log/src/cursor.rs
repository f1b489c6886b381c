//! Walks the records of one segment in physical order, checking every one.

use crate::disk::{Disk, DiskFile, Opening};
use crate::entry;
use crate::error::LogError;
use crate::frame::{FRAME_HEADER_BYTES, FrameHeader, Home};
use crate::port::LanePositions;
use crate::segment::{PAGE_BYTES, SegmentHeader, path_of};
use millstream_event::record::{HEADER_BYTES, HeaderError};
use millstream_event::{Lane, Position};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes read at a time.
const BLOCK_BYTES: usize = 256 << 10;

/// Why the walk ended before the end.
#[derive(Debug)]
pub(crate) enum Fault {
    Io(std::io::Error),
    Damaged { offset: u64, what: &'static str },
    Unsupported { offset: u64, source: HeaderError },
}

/// The frame that the cursor is in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Inside {
    pub(crate) offset: u64,
    pub(crate) sequence: u64,
    /// Bytes and records not yet passed.
    left: u64,
    records_left: u32,
    /// Records passed.
    pub(crate) passed: u32,
}

/// A checked record; its bytes stay in the cursor until the next step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) offset: u64,
    pub(crate) lane: Lane,
    pub(crate) position: Position,
    at: usize,
    length: usize,
}

/// A place in a segment.
pub(crate) struct Cursor {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    home: Home,
    buffer: Vec<u8>,
    /// What of the buffer was read and not passed.
    start: usize,
    filled: usize,
    /// Offset in the file of `buffer[start]`.
    pub(crate) offset: u64,
    pub(crate) frame: Inside,
    pub(crate) next_sequence: u64,
    /// The next ordinal of every lane.
    pub(crate) heads: LanePositions,
}

impl Cursor {
    /// At the first frame of a segment.
    pub(crate) fn open(
        disk: &dyn Disk,
        dir: &Path,
        header: &SegmentHeader,
    ) -> Result<Self, LogError> {
        let path = path_of(dir, header.number);
        let file = disk.open(&path, Opening::Read).map_err(LogError::io("open", &path))?;
        Ok(Self {
            file,
            path,
            home: Home { log: header.log, segment: header.number },
            buffer: Vec::new(),
            start: 0,
            filled: 0,
            offset: PAGE_BYTES as u64,
            frame: Inside { offset: PAGE_BYTES as u64, ..Inside::default() },
            next_sequence: header.sequence,
            heads: header.heads.clone(),
        })
    }

    /// Passes the next record before `limit`. `None` at the limit, or where only zeros stand in
    /// place of a frame header.
    pub(crate) fn step(&mut self, limit: u64) -> Result<Option<Found>, Fault> {
        while self.frame.left == 0 {
            if self.frame.records_left != 0 {
                return Err(self.damaged("the frame holds fewer records than its header says"));
            }
            if self.offset >= limit || !self.enter_frame(limit)? {
                return Ok(None);
            }
        }
        if !self.fill(HEADER_BYTES, limit)? {
            return Err(self.damaged("the file ends inside a record"));
        }
        let stated = entry::stated_length(&self.buffer[self.start..self.filled]);
        let Some(length) = stated.filter(|length| *length as u64 <= self.frame.left) else {
            return Err(self.damaged("the record's length is impossible"));
        };
        if !self.fill(length, limit)? {
            return Err(self.damaged("the file ends inside a record"));
        }
        let bytes = &self.buffer[self.start..self.start + length];
        let Some(fixed) = entry::checked(bytes) else {
            return Err(self.damaged("the record's CRC does not match"));
        };
        let number = fixed[11];
        let Some(lane) = Lane::from_number(number) else {
            let source = HeaderError::UnknownLane(number);
            return Err(Fault::Unsupported { offset: self.offset, source });
        };
        let position = self.heads.get(lane);
        let found = Found { offset: self.offset, lane, position, at: self.start, length };
        self.heads.set(lane, position.next());
        self.start += length;
        self.offset += length as u64;
        self.frame.left -= length as u64;
        self.frame.records_left = self.frame.records_left.saturating_sub(1);
        self.frame.passed += 1;
        Ok(Some(found))
    }

    /// Stands before the record passed last again.
    pub(crate) fn step_back(&mut self, found: &Found) {
        self.heads.set(found.lane, found.position);
        self.start = found.at;
        self.offset = found.offset;
        self.frame.left += found.length as u64;
        self.frame.records_left += 1;
        self.frame.passed -= 1;
    }

    /// The fault of standing before the durable end without a frame to enter.
    pub(crate) fn blank(&self) -> Fault {
        self.damaged("zeros stand in place of a frame")
    }

    /// The bytes of the record passed last.
    pub(crate) fn bytes(&self, found: &Found) -> &[u8] {
        &self.buffer[found.at..found.at + found.length]
    }

    /// The fixed header of the record passed last.
    pub(crate) fn fixed(&self, found: &Found) -> [u8; HEADER_BYTES] {
        let mut fixed = [0; HEADER_BYTES];
        fixed.copy_from_slice(&self.buffer[found.at..found.at + HEADER_BYTES]);
        fixed
    }

    /// Takes what follows for records of the next frame although its header is bad, so that the
    /// valid ones of a torn frame can be kept.
    pub(crate) fn enter_headless(&mut self, limit: u64) {
        self.forget();
        self.frame = Inside {
            offset: self.offset,
            sequence: self.next_sequence,
            left: limit.saturating_sub(self.offset + FRAME_HEADER_BYTES as u64),
            records_left: u32::MAX,
            passed: 0,
        };
        self.next_sequence += 1;
        self.offset += FRAME_HEADER_BYTES as u64;
    }

    /// Reads again from the file what was read and not passed.
    pub(crate) fn forget(&mut self) {
        self.start = 0;
        self.filled = 0;
    }

    /// True between two frames.
    pub(crate) fn between_frames(&self) -> bool {
        self.frame.left == 0 && self.frame.records_left == 0
    }

    /// The fault as the caller's error.
    pub(crate) fn error(&self, fault: Fault) -> LogError {
        let path = self.path.display().to_string();
        match fault {
            Fault::Io(source) => LogError::Io { doing: "read", path, source },
            Fault::Damaged { offset, what } => LogError::Damaged { path, offset, what },
            Fault::Unsupported { offset, source } => LogError::Unsupported { path, offset, source },
        }
    }

    /// False when only zeros stand here.
    fn enter_frame(&mut self, limit: u64) -> Result<bool, Fault> {
        // Zeros behind the last frame may end anywhere.
        let room = limit.saturating_sub(self.offset).min(FRAME_HEADER_BYTES as u64) as usize;
        if !self.fill(room, limit)? {
            return Err(self.damaged("the file ends inside a frame header"));
        }
        let bytes = &self.buffer[self.start..self.start + room];
        let Some(header) = FrameHeader::decode(bytes, self.home, self.offset) else {
            if bytes.iter().all(|byte| *byte == 0) {
                return Ok(false);
            }
            return Err(self.damaged("the frame header's CRC does not match"));
        };
        if header.sequence != self.next_sequence {
            return Err(self.damaged("the frame is out of sequence"));
        }
        self.frame = Inside {
            offset: self.offset,
            sequence: header.sequence,
            left: u64::from(header.bytes),
            records_left: header.records,
            passed: 0,
        };
        self.next_sequence += 1;
        self.start += FRAME_HEADER_BYTES;
        self.offset += FRAME_HEADER_BYTES as u64;
        Ok(true)
    }

    /// Has at least `need` bytes in the buffer; false when the file or the limit ends before.
    fn fill(&mut self, need: usize, limit: u64) -> Result<bool, Fault> {
        if self.filled - self.start >= need {
            return Ok(true);
        }
        let available = limit.saturating_sub(self.offset);
        if (need as u64) > available {
            return Ok(false);
        }
        self.buffer.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        let room = need.max(BLOCK_BYTES);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        let upto = usize::try_from(available).unwrap_or(usize::MAX).min(self.buffer.len());
        let into = &mut self.buffer[self.filled..upto];
        let read = self.file.read_full_at(into, self.offset + self.filled as u64);
        self.filled += read.map_err(Fault::Io)?;
        Ok(self.filled >= need)
    }

    fn damaged(&self, what: &'static str) -> Fault {
        Fault::Damaged { offset: self.offset, what }
    }
}
