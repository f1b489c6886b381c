//! Removes whole segments from the old end, by age and by size, never past the floor. What somebody is
//! still owed of one is kept beside it first, so that it holds nothing else.

use crate::error::LogError;
use crate::guard::lock;
use crate::kept;
use crate::kept_reader::release;
use crate::options::SegmentOptions;
use crate::port::{KeptSize, LanePositions, Owed};
use crate::queue::Queue;
use crate::segment::{SegmentHeader, path_of};
use crate::stream::{Segment, Stream};
use millstream_event::Timestamp;
use std::sync::Mutex;

/// What retention may remove.
#[derive(Clone, Copy)]
pub(crate) struct Allowed<'a> {
    /// Records below these positions.
    pub(crate) floor: &'a LanePositions,
    /// But for what is owed of them.
    pub(crate) owed: Option<&'a Owed>,
    /// The time of day.
    pub(crate) now: Timestamp,
}

/// How much is kept of removed segments that end behind these positions.
pub(crate) fn kept_size(stream: &Stream, from: &LanePositions) -> KeptSize {
    let mut size = KeptSize::default();
    for kept in stream.kept().iter().filter(|kept| !from.covers(&kept.end)) {
        size.records += kept.entries;
        size.bytes += kept.bytes;
    }
    size
}

/// Removes what `options` let go, as far as every record of a segment lies below the floor. One
/// caller at a time: `turn` is held meanwhile.
pub(crate) fn retain(
    stream: &Stream,
    queue: &Queue,
    options: &SegmentOptions,
    turn: &Mutex<()>,
    allowed: Allowed<'_>,
) -> Result<u64, LogError> {
    let _turn = lock(turn);
    queue.release(release(stream, allowed.owed.map(|owed| &owed.from))?);
    let mut removed = 0;
    while let Some((oldest, next)) = stream.oldest() {
        let kept_bytes = kept_size(stream, &LanePositions::default()).bytes;
        let old = options.retain_for.is_some_and(|age| next.latest < allowed.now - age);
        let stored = queue.stored().saturating_sub(kept_bytes);
        let large = options.retain_bytes.is_some_and(|most| stored > most);
        if !(old || large) || !allowed.floor.covers(&next.heads) {
            break;
        }
        let owed = allowed.owed.filter(|owed| !owed.from.covers(&next.heads));
        if owed.is_some() && kept_bytes >= options.kept_bytes_max {
            break;
        }
        // No erasure comes between: it must reach the copy that counts, also after a crash.
        let _rewriting = lock(&stream.rewriting);
        if let Some(owed) = owed {
            keep(stream, queue, (&oldest, &next), owed)?;
        }
        // Forgotten before it goes, so that no reader opens it; one that is still inside is told.
        stream.forget_oldest();
        let path = path_of(&stream.dir, oldest.header.number);
        stream.disk.remove(&path).map_err(LogError::io("remove", &path))?;
        // One by one: after a crash no older segment may come back before a gap.
        stream.disk.sync_dir(&stream.dir).map_err(LogError::io("sync", &stream.dir))?;
        queue.release(oldest.end);
        removed += 1;
    }
    Ok(removed)
}

/// Keeps what is owed of a segment that is about to go.
fn keep(
    stream: &Stream,
    queue: &Queue,
    of: (&Segment, &SegmentHeader),
    owed: &Owed,
) -> Result<(), LogError> {
    if let Some(kept) = kept::write(&*stream.disk, &stream.dir, of, owed)? {
        queue.store(kept.bytes);
        stream.keep(kept);
    }
    Ok(())
}
