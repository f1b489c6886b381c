//! What of the log is durable, shared by the writer, readers, retention and erasure.

use crate::chain::LaneChains;
use crate::disk::Disk;
use crate::error::LogError;
use crate::guard::{lock, wait_until};
use crate::kept::Kept;
use crate::port::LanePositions;
use crate::segment::{SegmentHeader, path_of};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

/// A segment and how far it is durable.
#[derive(Clone)]
pub(crate) struct Segment {
    pub(crate) header: Arc<SegmentHeader>,
    /// End of its last durable frame; for a segment closed by an earlier process the end of the
    /// file, which may be zeros.
    pub(crate) end: u64,
}

/// A segment's durable end, and the header of the segment that follows it.
pub(crate) struct Extent {
    pub(crate) end: u64,
    pub(crate) next: Option<Arc<SegmentHeader>>,
}

/// Where every lane ends.
#[derive(Clone, Default)]
pub(crate) struct Heads {
    pub(crate) positions: LanePositions,
    pub(crate) chains: LaneChains,
}

struct Durable {
    segments: VecDeque<Segment>,
    heads: Heads,
}

/// The durable part of the log.
pub(crate) struct Stream {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    durable: Mutex<Durable>,
    moved: Condvar,
    /// Files of what is kept of removed segments, the oldest first.
    kept: Mutex<VecDeque<Arc<Kept>>>,
    /// Held while durable bytes are overwritten: who meets a bad record looks again under it.
    pub(crate) rewriting: Mutex<()>,
}

impl Stream {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        segments: VecDeque<Segment>,
        heads: Heads,
        kept: VecDeque<Arc<Kept>>,
    ) -> Self {
        let kept = Mutex::new(kept);
        let durable = Mutex::new(Durable { segments, heads });
        let (moved, rewriting) = (Condvar::new(), Mutex::new(()));
        Self { disk, dir, durable, moved, kept, rewriting }
    }

    /// What is kept of removed segments, the oldest first.
    pub(crate) fn kept(&self) -> VecDeque<Arc<Kept>> {
        lock(&self.kept).clone()
    }

    /// Something more is kept, of a segment behind all of those.
    pub(crate) fn keep(&self, kept: Kept) {
        lock(&self.kept).push_back(Arc::new(kept));
    }

    /// Forgets the files that nobody needs, which are about to be removed.
    pub(crate) fn forget_kept(&self, is_settled: impl Fn(&Kept) -> bool) -> Vec<Arc<Kept>> {
        let mut kept = lock(&self.kept);
        let (settled, needed): (Vec<_>, Vec<_>) =
            std::mem::take(&mut *kept).into_iter().partition(|one| is_settled(one));
        *kept = needed.into();
        settled
    }

    /// A frame became durable.
    pub(crate) fn publish(&self, end: u64, heads: &Heads) {
        let mut durable = lock(&self.durable);
        if let Some(last) = durable.segments.back_mut() {
            last.end = end;
        }
        durable.heads.clone_from(heads);
        drop(durable);
        self.moved.notify_all();
    }

    /// A new segment was begun.
    pub(crate) fn begin(&self, header: SegmentHeader, end: u64) {
        lock(&self.durable).segments.push_back(Segment { header: Arc::new(header), end });
        self.moved.notify_all();
    }

    /// Where every lane ends.
    pub(crate) fn heads(&self) -> Heads {
        lock(&self.durable).heads.clone()
    }

    /// Where every lane begins.
    pub(crate) fn tails(&self) -> LanePositions {
        let durable = lock(&self.durable);
        let first = durable.segments.front().map(|segment| segment.header.heads.clone());
        first.unwrap_or_default()
    }

    /// How far a segment reaches, or `None` once it was removed.
    pub(crate) fn extent(&self, number: u64) -> Option<Extent> {
        extent(&lock(&self.durable), number)
    }

    /// As [`Self::extent`], waiting until the segment reaches beyond `offset` or is followed.
    pub(crate) fn extent_beyond(
        &self,
        number: u64,
        offset: u64,
        deadline: Instant,
    ) -> Option<Extent> {
        let mut durable = lock(&self.durable);
        loop {
            let found = extent(&durable, number)?;
            if found.end > offset || found.next.is_some() {
                return Some(found);
            }
            let in_time;
            (durable, in_time) = wait_until(&self.moved, durable, deadline);
            if !in_time {
                return Some(found);
            }
        }
    }

    /// The last segment that begins at or before these positions in every lane.
    pub(crate) fn holding(&self, from: &LanePositions) -> Result<Arc<SegmentHeader>, LogError> {
        let durable = lock(&self.durable);
        for (lane, head) in durable.heads.positions.iter() {
            let wanted = from.get(lane);
            if wanted > head {
                return Err(LogError::Ahead { lane, wanted, head });
            }
        }
        let after = durable.segments.partition_point(|segment| from.covers(&segment.header.heads));
        if let Some(segment) = after.checked_sub(1).and_then(|at| durable.segments.get(at)) {
            return Ok(Arc::clone(&segment.header));
        }
        drop(durable);
        let lost = self.tails().iter().find(|(lane, first)| from.get(*lane) < *first);
        Err(match lost {
            Some((lane, first)) => LogError::Removed { lane, wanted: from.get(lane), first },
            None => LogError::Missing { path: path_of(&self.dir, 0).display().to_string() },
        })
    }

    /// The oldest segment when another one follows it: its header, its end, and the follower's
    /// header.
    pub(crate) fn oldest(&self) -> Option<(Segment, Arc<SegmentHeader>)> {
        let durable = lock(&self.durable);
        let next = Arc::clone(&durable.segments.get(1)?.header);
        Some((durable.segments.front()?.clone(), next))
    }

    /// Forgets the oldest segment, which is about to be removed.
    pub(crate) fn forget_oldest(&self) {
        lock(&self.durable).segments.pop_front();
    }
}

fn extent(durable: &Durable, number: u64) -> Option<Extent> {
    let first = durable.segments.front()?.header.number;
    let index = usize::try_from(number.checked_sub(first)?).ok()?;
    let next = durable.segments.get(index + 1).map(|segment| Arc::clone(&segment.header));
    Some(Extent { end: durable.segments.get(index)?.end, next })
}
