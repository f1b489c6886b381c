//! Opens the files that an earlier process left, whichever way it ended.
//!
//! Only the last segment is read in full; the header pages of the others say where they begin, and
//! readers check them record by record.

use crate::disk::{Disk, DiskFile, Opening};
use crate::erasure;
use crate::error::LogError;
use crate::frame::Home;
use crate::kept::{self, Kept};
use crate::nonce::Nonces;
use crate::segment::{self, LogId, PAGE_BYTES, PageFault, SegmentHeader, path_of};
use crate::stream::{Heads, Segment};
use crate::tail::{Cut, Tail, mend};
use millstream_event::Timestamp;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

/// What was found.
pub(crate) struct Recovered {
    pub(crate) segments: VecDeque<Segment>,
    pub(crate) kept: VecDeque<Arc<Kept>>,
    pub(crate) tail: Tail,
    pub(crate) cut: Option<Cut>,
}

/// Opens or creates the log in `dir`.
pub(crate) fn recover(disk: &dyn Disk, dir: &Path, nonces: &Nonces) -> Result<Recovered, LogError> {
    disk.create_dir(dir).map_err(LogError::io("create", dir))?;
    let names = disk.list(dir).map_err(LogError::io("list", dir))?;
    for name in names.iter().filter(|name| name.ends_with(segment::NEW_SUFFIX)) {
        let path = dir.join(name);
        disk.remove(&path).map_err(LogError::io("remove", &path))?;
    }
    erasure::finish(disk, dir, &names)?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment::number_of(name)).collect();
    numbers.sort_unstable();
    let Some(last) = numbers.pop() else {
        return create(disk, dir, nonces);
    };
    let mut segments = VecDeque::with_capacity(numbers.len() + 1);
    for number in numbers {
        segments.push_back(closed(disk, dir, number)?);
    }
    let (header, file, length) = open(disk, dir, last)?;
    let (tail, cut) = mend(disk, dir, &header, file, length)?;
    segments.push_back(Segment { header: Arc::new(header), end: tail.offset });
    check_order(dir, &segments)?;
    disk.sync_dir(dir).map_err(LogError::io("sync", dir))?;
    let kept = kept(disk, dir, (&names, &segments))?;
    Ok(Recovered { segments, kept, tail, cut })
}

/// What is kept of removed segments. Where the segment itself is still there it counts, for an erasure
/// may have reached it alone: what was kept of it is removed, and kept anew when it goes.
fn kept(
    disk: &dyn Disk,
    dir: &Path,
    (names, segments): (&[String], &VecDeque<Segment>),
) -> Result<VecDeque<Arc<Kept>>, LogError> {
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| kept::number_of(name)).collect();
    numbers.sort_unstable();
    let mut found = VecDeque::with_capacity(numbers.len());
    for number in numbers {
        let path = kept::path_of(dir, number);
        if segments.front().is_none_or(|first| number >= first.header.number) {
            disk.remove(&path).map_err(LogError::io("remove", &path))?;
            continue;
        }
        let kept = Kept::open(disk, dir, number)?;
        if segments.front().is_some_and(|first| first.header.log != kept.log) {
            let (path, what) = (path.display().to_string(), "another log wrote it");
            return Err(LogError::Foreign { path, what });
        }
        found.push_back(Arc::new(kept));
    }
    Ok(found)
}

fn create(disk: &dyn Disk, dir: &Path, nonces: &Nonces) -> Result<Recovered, LogError> {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&nonces.next().to_le_bytes());
    id[8..].copy_from_slice(&nonces.next().to_le_bytes());
    let heads = Heads::default();
    let header = SegmentHeader {
        log: LogId(id),
        number: 0,
        sequence: 0,
        latest: Timestamp(i64::MIN),
        heads: heads.positions.clone(),
        chains: heads.chains.clone(),
    };
    let path = path_of(dir, 0);
    let file = segment::create(disk, dir, &header).map_err(LogError::io("create", &path))?;
    let tail = Tail {
        file,
        home: Home { log: header.log, segment: 0 },
        offset: PAGE_BYTES as u64,
        sequence: 0,
        latest: header.latest,
        heads,
    };
    let segment = Segment { header: Arc::new(header), end: tail.offset };
    let (segments, kept) = (VecDeque::from([segment]), VecDeque::new());
    Ok(Recovered { segments, kept, tail, cut: None })
}

fn closed(disk: &dyn Disk, dir: &Path, number: u64) -> Result<Segment, LogError> {
    let (header, _, end) = open(disk, dir, number)?;
    Ok(Segment { header: Arc::new(header), end })
}

/// Opens a segment and reads its header page; the file's length comes with them.
fn open(
    disk: &dyn Disk,
    dir: &Path,
    number: u64,
) -> Result<(SegmentHeader, Arc<dyn DiskFile>, u64), LogError> {
    let path = path_of(dir, number);
    let file = disk.open(&path, Opening::Write).map_err(LogError::io("open", &path))?;
    let length = file.len().map_err(LogError::io("measure", &path))?;
    let mut page = vec![0; PAGE_BYTES];
    let read = file.read_full_at(&mut page, 0).map_err(LogError::io("read", &path))?;
    let text = path.display().to_string();
    match SegmentHeader::decode(&page[..read]) {
        Ok(header) if header.number == number => Ok((header, file, length)),
        Ok(_) => Err(LogError::Foreign { path: text, what: "its header has another number" }),
        Err(PageFault::Version) => {
            let what = "another version of the format wrote it; run that version";
            Err(LogError::Foreign { path: text, what })
        }
        Err(PageFault::Damaged) => Err(LogError::HeaderDamaged { path: text }),
    }
}

fn check_order(dir: &Path, segments: &VecDeque<Segment>) -> Result<(), LogError> {
    for (older, newer) in segments.iter().zip(segments.iter().skip(1)) {
        if older.header.number + 1 != newer.header.number {
            let path = path_of(dir, older.header.number + 1).display().to_string();
            return Err(LogError::Missing { path });
        }
        let follows = newer.header.log == older.header.log
            && newer.header.heads.covers(&older.header.heads)
            && newer.header.sequence >= older.header.sequence;
        if !follows {
            let path = path_of(dir, newer.header.number).display().to_string();
            let what = "it does not continue the segment before it";
            return Err(LogError::Foreign { path, what });
        }
    }
    Ok(())
}
