//! Room on the disk. The engine never recovers from a write that failed, so it is not even asked while
//! the disk is nearly full: the log, which does recover, may use what is left.

use crate::error::StoreError;
use rustix::fs::statvfs;
use std::path::Path;

/// Bytes that must be free for a commit, for the files that the engine writes behind it too.
const ROOM_BYTES: u64 = 64 << 20;
/// On a small disk this share of it.
const ROOM_SHARE: u64 = 16;

/// Refuses while the disk of `dir` is nearly full. Where it cannot be told there is room.
pub(crate) fn check(dir: &Path) -> Result<(), StoreError> {
    let Ok(disk) = statvfs(dir) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let wanted = wanted(disk.f_blocks.saturating_mul(disk.f_frsize));
    if free < wanted { Err(StoreError::Full { free, wanted }) } else { Ok(()) }
}

const fn wanted(size: u64) -> u64 {
    let share = size / ROOM_SHARE;
    if share < ROOM_BYTES { share } else { ROOM_BYTES }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_disk_needs_less_free() {
        assert_eq!(wanted(160 << 20), 10 << 20);
        assert_eq!(wanted(1 << 30), 64 << 20);
        assert_eq!(wanted(1 << 40), 64 << 20);
        assert_eq!(wanted(0), 0);
    }

    #[test]
    fn there_is_room_where_nothing_can_be_told() {
        assert!(check(Path::new("no/such/folder")).is_ok());
    }
}
