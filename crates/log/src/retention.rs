//! Removes whole segments from the old end, by age and by size, never past the floor.

use crate::error::LogError;
use crate::guard::lock;
use crate::options::SegmentOptions;
use crate::port::LanePositions;
use crate::queue::Queue;
use crate::segment::path_of;
use crate::stream::Stream;
use millstream_event::Timestamp;
use std::sync::Mutex;

/// Removes what `options` let go, as far as every record of a segment lies below `floor`. One
/// caller at a time: `turn` is held meanwhile.
pub(crate) fn retain(
    stream: &Stream,
    queue: &Queue,
    options: &SegmentOptions,
    turn: &Mutex<()>,
    (floor, now): (&LanePositions, Timestamp),
) -> Result<u64, LogError> {
    let _turn = lock(turn);
    let mut removed = 0;
    while let Some((oldest, next)) = stream.oldest() {
        let old = options.retain_for.is_some_and(|age| next.latest < now - age);
        let large = options.retain_bytes.is_some_and(|most| queue.stored() > most);
        if !(old || large) || !floor.covers(&next.heads) {
            break;
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
