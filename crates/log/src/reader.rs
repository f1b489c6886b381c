//! Follows the log: from any per-lane positions to its durable end and on.

use crate::chain::{self, LaneChains};
use crate::cursor::{Cursor, Fault, Found};
use crate::entry;
use crate::error::LogError;
use crate::guard::lock;
use crate::port::{LanePositions, LogReader};
use crate::segment::SegmentHeader;
use crate::stream::{Extent, Stream};
use millstream_event::{Lane, Record};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A longer wait is cut to this: a day, so that no deadline overflows.
const WAIT_MAX: Duration = Duration::from_secs(86_400);

/// A reader over segment files.
pub(crate) struct SegmentReader {
    stream: Arc<Stream>,
    /// The first wanted ordinal of every lane.
    from: LanePositions,
    segment: u64,
    cursor: Cursor,
}

impl SegmentReader {
    /// Begins at these next positions.
    pub(crate) fn open(stream: Arc<Stream>, from: &LanePositions) -> Result<Self, LogError> {
        loop {
            let header = stream.holding(from)?;
            match Cursor::open(&*stream.disk, &stream.dir, &header) {
                Ok(cursor) => {
                    let (from, segment) = (from.clone(), header.number);
                    return Ok(Self { stream, from, segment, cursor });
                }
                // Retention was faster: say what is kept now.
                Err(_) if stream.extent(header.number).is_none() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes records up to `max` out of what is durable in this segment.
    fn collect(
        &mut self,
        out: &mut Vec<Record>,
        max: usize,
        extent: &Extent,
    ) -> Result<usize, LogError> {
        let mut taken = 0;
        while taken < max {
            let found = match step(&mut self.cursor, &self.stream, extent.end) {
                Ok(Some(found)) => found,
                Ok(None) => break,
                // The caller gets what was read; the next call meets the fault again.
                Err(_) if taken > 0 => break,
                Err(fault) => return Err(self.cursor.error(fault)),
            };
            if found.position < self.from.get(found.lane) {
                continue;
            }
            match entry::decode(self.cursor.bytes(&found), found.position) {
                Ok(record) => out.push(record),
                Err(source) => {
                    self.cursor.step_back(&found);
                    if taken > 0 {
                        break;
                    }
                    let offset = found.offset;
                    return Err(self.cursor.error(Fault::Unsupported { offset, source }));
                }
            }
            taken += 1;
        }
        Ok(taken)
    }

    fn enter(&mut self, next: &SegmentHeader) -> Result<(), LogError> {
        check_end(&self.cursor, next)?;
        self.cursor = Cursor::open(&*self.stream.disk, &self.stream.dir, next)?;
        self.segment = next.number;
        Ok(())
    }

    fn removed(&self) -> LogError {
        let tails = self.stream.tails();
        let behind = tails.iter().find(|(lane, first)| self.cursor.heads.get(*lane) < *first);
        let (lane, first) = behind.unwrap_or((Lane::CONTROL, tails.get(Lane::CONTROL)));
        LogError::Removed { lane, wanted: self.cursor.heads.get(lane), first }
    }
}

impl LogReader for SegmentReader {
    fn read(
        &mut self,
        out: &mut Vec<Record>,
        max: usize,
        wait: Duration,
    ) -> Result<usize, LogError> {
        if max == 0 {
            return Ok(0);
        }
        let deadline = Instant::now() + wait.min(WAIT_MAX);
        loop {
            let offset = self.cursor.offset;
            let Some(extent) = self.stream.extent_beyond(self.segment, offset, deadline) else {
                return Err(self.removed());
            };
            let taken = self.collect(out, max, &extent)?;
            if taken > 0 {
                return Ok(taken);
            }
            match &extent.next {
                Some(next) => self.enter(next)?,
                None if self.cursor.offset < extent.end => {
                    return Err(self.cursor.error(self.cursor.blank()));
                }
                None if Instant::now() >= deadline => return Ok(0),
                None => {}
            }
        }
    }
}

/// The chain hash of every lane before these next positions.
pub(crate) fn chains(stream: &Stream, at: &LanePositions) -> Result<LaneChains, LogError> {
    let heads = stream.heads();
    if heads.positions == *at {
        return Ok(heads.chains);
    }
    let mut header = stream.holding(at)?;
    let mut chains = header.chains.clone();
    loop {
        let mut cursor = Cursor::open(&*stream.disk, &stream.dir, &header)?;
        let Some(extent) = stream.extent(header.number) else {
            let tails = stream.tails();
            let (lane, first) = (Lane::CONTROL, tails.get(Lane::CONTROL));
            return Err(LogError::Removed { lane, wanted: at.get(lane), first });
        };
        loop {
            if cursor.heads.covers(at) {
                return Ok(chains);
            }
            let found = match step(&mut cursor, stream, extent.end) {
                Ok(Some(found)) => found,
                Ok(None) => break,
                Err(fault) => return Err(cursor.error(fault)),
            };
            if found.position < at.get(found.lane) {
                let digest = chain::digest(&cursor.fixed(&found));
                chains.set(found.lane, chain::link(chains.get(found.lane), digest));
            }
        }
        let Some(next) = extent.next else {
            return Err(cursor.error(cursor.blank()));
        };
        check_end(&cursor, &next)?;
        header = next;
    }
}

/// Steps; a bad record is looked at again while no erasure can be half done.
fn step(cursor: &mut Cursor, stream: &Stream, limit: u64) -> Result<Option<Found>, Fault> {
    match cursor.step(limit) {
        Err(Fault::Damaged { .. }) => {
            let _rewriting = lock(&stream.rewriting);
            cursor.forget();
            cursor.step(limit)
        }
        other => other,
    }
}

/// A segment must end where the next one says that it began.
fn check_end(cursor: &Cursor, next: &SegmentHeader) -> Result<(), LogError> {
    if cursor.heads == next.heads && cursor.next_sequence == next.sequence {
        return Ok(());
    }
    let what = "it holds other records than the segment after it says";
    Err(cursor.error(Fault::Damaged { offset: cursor.offset, what }))
}
