//! Finds the end of the last segment after whichever end the process before had.
//!
//! A frame is written only after the one before it was synced. So a bad frame with a valid one
//! behind it was durable once: that is damage, reported and never cut. A bad frame with nothing
//! valid behind it is a torn tail: its valid records are kept, the rest was never acknowledged.
//!
//! The last frame that is kept is written once more and synced before anyone sees it. After a
//! failed fdatasync the page cache may show bytes that the disk does not have, and a later
//! fdatasync would not write them.

use crate::chain;
use crate::cursor::{Cursor, Fault};
use crate::disk::{Disk, DiskFile};
use crate::entry;
use crate::error::LogError;
use crate::frame::{self, FRAME_HEADER_BYTES, FrameHeader, Home};
use crate::segment::{PAGE_BYTES, SegmentHeader, path_of};
use crate::stream::Heads;
use millstream_event::Timestamp;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What was cut off a torn tail: never acknowledged, unless bits were flipped there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The segment.
    pub path: String,
    /// Where it ends now.
    pub offset: u64,
    /// Bytes cut, up to the last one that was not zero.
    pub bytes: u64,
    /// Valid records of the torn frame that were kept.
    pub records_kept: u32,
}

/// Where the writer goes on.
pub(crate) struct Tail {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) home: Home,
    pub(crate) offset: u64,
    pub(crate) sequence: u64,
    pub(crate) latest: Timestamp,
    pub(crate) heads: Heads,
}

/// Cuts a torn tail off the last segment, makes durable what is kept, and says where to go on.
pub(crate) fn mend(
    disk: &dyn Disk,
    dir: &Path,
    header: &SegmentHeader,
    file: Arc<dyn DiskFile>,
    length: u64,
) -> Result<(Tail, Option<Cut>), LogError> {
    let path = path_of(dir, header.number);
    let home = Home { log: header.log, segment: header.number };
    let mut walk = Walk::begin(disk, dir, header)?;
    let fault = walk.pass(length)?;
    let (from, sequence) = walk.suspect();
    let rest = read(&*file, from, length).map_err(LogError::io("read", &path))?;
    let last = rest.iter().rposition(|byte| *byte != 0).map_or(from, |at| from + at as u64 + 1);
    if fault.is_some() || last > from {
        if frame::find_later(&rest, home, from, sequence).is_some() {
            return Err(walk.cursor.error(fault.unwrap_or_else(|| walk.cursor.blank())));
        }
        if walk.cursor.between_frames() {
            walk.cursor.enter_headless(length);
            // Whatever ends the valid records here is the end of the torn frame.
            walk.pass(length)?;
        }
    }
    let records_kept = walk.kept.filter(|kept| kept.offset == from).map_or(0, |kept| kept.records);
    let cut = (last > walk.end).then(|| Cut {
        path: path.display().to_string(),
        offset: walk.end,
        bytes: last - walk.end,
        records_kept,
    });
    settle(&*file, home, walk.kept, walk.end, length).map_err(LogError::io("write", &path))?;
    let sequence = walk.kept.map_or(header.sequence, |kept| kept.sequence + 1);
    let heads = Heads { positions: walk.cursor.heads.clone(), chains: walk.heads.chains };
    Ok((Tail { file, home, offset: walk.end, sequence, latest: walk.latest, heads }, cut))
}

/// How far a segment holds.
struct Walk {
    cursor: Cursor,
    heads: Heads,
    latest: Timestamp,
    /// The last frame that holds, as far as it holds.
    kept: Option<FrameHeader>,
    /// End of the last valid record.
    end: u64,
}

impl Walk {
    fn begin(disk: &dyn Disk, dir: &Path, header: &SegmentHeader) -> Result<Self, LogError> {
        Ok(Self {
            cursor: Cursor::open(disk, dir, header)?,
            heads: Heads { positions: header.heads.clone(), chains: header.chains.clone() },
            latest: header.latest,
            kept: None,
            end: PAGE_BYTES as u64,
        })
    }

    /// Passes records until the end or a damaged place, which it returns.
    fn pass(&mut self, limit: u64) -> Result<Option<Fault>, LogError> {
        loop {
            let found = match self.cursor.step(limit) {
                Ok(Some(found)) => found,
                Ok(None) => return Ok(None),
                Err(damage @ Fault::Damaged { .. }) => return Ok(Some(damage)),
                Err(other) => return Err(self.cursor.error(other)),
            };
            let fixed = self.cursor.fixed(&found);
            let previous = self.heads.chains.get(found.lane);
            self.heads.chains.set(found.lane, chain::link(previous, chain::digest(&fixed)));
            self.latest = self.latest.max(entry::received(&fixed));
            self.end = self.cursor.offset;
            let frame = self.cursor.frame;
            let bytes = (self.end - frame.offset) as u32 - FRAME_HEADER_BYTES as u32;
            let (sequence, offset, records) = (frame.sequence, frame.offset, frame.passed);
            self.kept = Some(FrameHeader { sequence, offset, bytes, records });
        }
    }

    /// Offset and sequence of the frame that the walk ended in, or that should follow.
    fn suspect(&self) -> (u64, u64) {
        if self.cursor.between_frames() {
            (self.cursor.offset, self.cursor.next_sequence)
        } else {
            (self.cursor.frame.offset, self.cursor.frame.sequence)
        }
    }
}

fn read(file: &dyn DiskFile, from: u64, length: u64) -> io::Result<Vec<u8>> {
    let bytes = length.saturating_sub(from).try_into().map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut rest = vec![0; bytes];
    let filled = file.read_full_at(&mut rest, from)?;
    rest.truncate(filled);
    Ok(rest)
}

/// Ends the file at `end`, writes the last frame again with a header that fits, and syncs.
fn settle(
    file: &dyn DiskFile,
    home: Home,
    kept: Option<FrameHeader>,
    end: u64,
    length: u64,
) -> io::Result<()> {
    if length != end {
        file.set_len(end)?;
    }
    if let Some(frame) = kept {
        let mut bytes = read(file, frame.offset, end)?;
        if let Some(header) = bytes.first_chunk_mut() {
            *header = frame.encode(home);
        }
        file.write_all_at(&bytes, frame.offset)?;
    }
    file.sync()
}
