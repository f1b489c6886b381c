//! What is still owed of a segment that retention removed: single records at their places, in a file.
//!
//! A page of 4,096 bytes, then entries back to back. Only erasure changes an entry.
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 8 | magic `MSTRKEPT` |
//! | 8 | 4 | format version |
//! | 12 | 4 | number of lanes |
//! | 16 | 16 | id of the log |
//! | 32 | 8 | number of the segment |
//! | 40 | 8 | number of entries |
//! | 48 | 8 | bytes of the file |
//! | 56 | 16 a lane | ordinal of the lane's next record where the segment began, and where it ended |
//! | 4092 | 4 | CRC-32 over everything before |
//!
//! An entry: the record's position (8), CRC-32 over the log's id, the segment's number and the position
//! (4), the record as it stood in the segment.

use crate::cursor::Cursor;
use crate::disk::{Disk, DiskFile, Opening};
use crate::entry;
use crate::error::LogError;
use crate::port::{LanePositions, Owed};
use crate::segment::{LogId, PAGE_BYTES, SegmentHeader};
use crate::stream::Segment;
use millstream_event::record::HEADER_BYTES;
use millstream_event::{Lane, Position, Record};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MAGIC: [u8; 8] = *b"MSTRKEPT";
const FORMAT_VERSION: u32 = 1;
const LANES_AT: usize = 56;
const CRC_AT: usize = PAGE_BYTES - 4;
const SUFFIX: &str = ".kept";
/// Position and CRC before each record.
const PLACE_BYTES: usize = 12;
/// Bytes read or written at a time.
const BLOCK_BYTES: usize = 256 << 10;

/// A file of kept records, as its page tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) log: LogId,
    pub(crate) number: u64,
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    /// Where the segment began.
    pub(crate) begin: LanePositions,
    /// Where it ended.
    pub(crate) end: LanePositions,
}

/// The number in the name of a file of kept records, or `None` for the name of anything else.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let number: u64 = name.strip_suffix(SUFFIX)?.parse().ok()?;
    (name == format!("{number:08}{SUFFIX}")).then_some(number)
}

/// Where the records kept of the segment with this number lie.
pub(crate) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}{SUFFIX}"))
}

impl Kept {
    fn encode(&self) -> Vec<u8> {
        let mut page = vec![0; PAGE_BYTES];
        page[0..8].copy_from_slice(&MAGIC);
        page[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        page[12..16].copy_from_slice(&(Lane::COUNT as u32).to_le_bytes());
        page[16..32].copy_from_slice(&self.log.0);
        page[32..40].copy_from_slice(&self.number.to_le_bytes());
        page[40..48].copy_from_slice(&self.entries.to_le_bytes());
        page[48..56].copy_from_slice(&self.bytes.to_le_bytes());
        for (lane, place) in Lane::all().zip(page[LANES_AT..].chunks_exact_mut(16)) {
            place[..8].copy_from_slice(&self.begin.get(lane).0.to_le_bytes());
            place[8..].copy_from_slice(&self.end.get(lane).0.to_le_bytes());
        }
        let crc = crc32fast::hash(&page[..CRC_AT]);
        page[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        page
    }

    fn decode(page: &[u8]) -> Option<Self> {
        let whole = page.len() == PAGE_BYTES
            && page[0..8] == MAGIC
            && page[CRC_AT..] == crc32fast::hash(&page[..CRC_AT]).to_le_bytes()
            && page[8..12] == FORMAT_VERSION.to_le_bytes()
            && page[12..16] == (Lane::COUNT as u32).to_le_bytes();
        if !whole {
            return None;
        }
        let mut log = [0; 16];
        log.copy_from_slice(&page[16..32]);
        let (words, _) = page[..CRC_AT].as_chunks::<8>();
        let word = |at: usize| u64::from_le_bytes(words[at / 8]);
        let (mut begin, mut end) = (LanePositions::default(), LanePositions::default());
        for (index, lane) in Lane::all().enumerate() {
            begin.set(lane, Position(word(LANES_AT + 16 * index)));
            end.set(lane, Position(word(LANES_AT + 16 * index + 8)));
        }
        let (log, number) = (LogId(log), word(32));
        Some(Self { log, number, entries: word(40), bytes: word(48), begin, end })
    }

    /// Reads the page of a file.
    pub(crate) fn open(disk: &dyn Disk, dir: &Path, number: u64) -> Result<Self, LogError> {
        let path = path_of(dir, number);
        let file = disk.open(&path, Opening::Read).map_err(LogError::io("open", &path))?;
        let mut page = vec![0; PAGE_BYTES];
        let read = file.read_full_at(&mut page, 0).map_err(LogError::io("read", &path))?;
        let length = file.len().map_err(LogError::io("measure", &path))?;
        Self::decode(&page[..read])
            .filter(|kept| kept.number == number && kept.bytes == length)
            .ok_or_else(|| LogError::KeptDamaged { path: path.display().to_string() })
    }

    /// True when a record at this place would be in this file.
    pub(crate) fn covers(&self, lane: Lane, position: Position) -> bool {
        (self.begin.get(lane)..self.end.get(lane)).contains(&position)
    }

    fn place_crc(&self, position: Position) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.log.0);
        hasher.update(&self.number.to_le_bytes());
        hasher.update(&position.0.to_le_bytes());
        hasher.finalize()
    }
}

/// Writes what is owed of a segment beside it, durably; `None` when nothing is. The segment is still
/// there afterwards: a crash leaves both, and the segment counts.
pub(crate) fn write(
    disk: &dyn Disk,
    dir: &Path,
    (segment, next): (&Segment, &SegmentHeader),
    owed: &Owed,
) -> Result<Option<Kept>, LogError> {
    let (header, end) = (&segment.header, segment.end);
    let new = dir.join(format!("{:08}{SUFFIX}{}", header.number, crate::segment::NEW_SUFFIX));
    let mut kept = Kept {
        log: header.log,
        number: header.number,
        entries: 0,
        bytes: PAGE_BYTES as u64,
        begin: header.heads.clone(),
        end: next.heads.clone(),
    };
    let mut cursor = Cursor::open(disk, dir, header)?;
    let mut file: Option<Arc<dyn DiskFile>> = None;
    let mut block = Vec::new();
    while let Some(found) = cursor.step(end).map_err(|fault| cursor.error(fault))? {
        let bytes = cursor.bytes(&found);
        let is_owed = found.position >= owed.from.get(found.lane)
            && entry::decode(bytes, found.position).is_ok_and(|record| (owed.fits)(&record));
        if !is_owed {
            continue;
        }
        block.extend_from_slice(&found.position.0.to_le_bytes());
        block.extend_from_slice(&kept.place_crc(found.position).to_le_bytes());
        block.extend_from_slice(bytes);
        kept.entries += 1;
        if block.len() >= BLOCK_BYTES {
            flush((disk, &new), &mut file, &mut block, &mut kept.bytes)?;
        }
    }
    if kept.entries == 0 {
        return Ok(None);
    }
    let file = flush((disk, &new), &mut file, &mut block, &mut kept.bytes)?;
    let finish = || -> io::Result<()> {
        file.write_all_at(&kept.encode(), 0)?;
        file.sync()?;
        disk.rename(&new, &path_of(dir, kept.number))?;
        disk.sync_dir(dir)
    };
    finish().map_err(LogError::io("write", &new))?;
    Ok(Some(kept))
}

/// Writes the block to the end of the file, which is made when it is not there yet.
fn flush(
    (disk, path): (&dyn Disk, &Path),
    file: &mut Option<Arc<dyn DiskFile>>,
    block: &mut Vec<u8>,
    end: &mut u64,
) -> Result<Arc<dyn DiskFile>, LogError> {
    let open = match file {
        Some(open) => Arc::clone(open),
        None => disk.open(path, Opening::Create).map_err(LogError::io("create", path))?,
    };
    open.write_all_at(block, *end).map_err(LogError::io("write", path))?;
    *end += block.len() as u64;
    block.clear();
    *file = Some(Arc::clone(&open));
    Ok(open)
}

/// A record in a file of kept ones.
pub(crate) struct Entry {
    /// Where the record begins in the file.
    pub(crate) offset: u64,
    pub(crate) lane: Lane,
    pub(crate) position: Position,
    pub(crate) bytes: Vec<u8>,
}

impl Entry {
    /// The record.
    pub(crate) fn record(&self, path: &Path) -> Result<Record, LogError> {
        entry::decode(&self.bytes, self.position).map_err(|source| LogError::Unsupported {
            path: path.display().to_string(),
            offset: self.offset,
            source,
        })
    }
}

/// Walks the entries of a file in their order, checking every one.
pub(crate) struct Entries {
    file: Arc<dyn DiskFile>,
    pub(crate) path: PathBuf,
    pub(crate) kept: Arc<Kept>,
    offset: u64,
    block: Vec<u8>,
    start: usize,
}

impl Entries {
    pub(crate) fn open(disk: &dyn Disk, dir: &Path, kept: Arc<Kept>) -> Result<Self, LogError> {
        let path = path_of(dir, kept.number);
        let file = disk.open(&path, Opening::Read).map_err(LogError::io("open", &path))?;
        let (offset, block, start) = (PAGE_BYTES as u64, Vec::new(), 0);
        Ok(Self { file, path, kept, offset, block, start })
    }

    /// The next entry; `None` behind the last one. After an error it is tried again.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, LogError> {
        if self.offset >= self.kept.bytes {
            return Ok(None);
        }
        let (kept, short) = (Arc::clone(&self.kept), "the file ends inside an entry");
        let head = self.fill(PLACE_BYTES + HEADER_BYTES)?;
        let Some((place, record)) = head.split_first_chunk::<PLACE_BYTES>() else {
            return Err(self.damaged(short));
        };
        let (position, crc) = place.split_at(8);
        let position =
            Position(position.iter().rev().fold(0, |all, one| all << 8 | u64::from(*one)));
        let wanted = kept.place_crc(position).to_le_bytes();
        let length = entry::stated_length(record).filter(|_| crc == wanted);
        let Some(length) = length else {
            return Err(self.damaged("the entry's place or length is impossible"));
        };
        let whole = self.fill(PLACE_BYTES + length)?;
        let bytes = whole.get(PLACE_BYTES..PLACE_BYTES + length).unwrap_or_default().to_vec();
        let Some(fixed) = entry::checked(&bytes) else {
            return Err(self.damaged("the record's CRC does not match"));
        };
        let Some(lane) = Lane::from_number(fixed[11]) else {
            return Err(self.damaged("the record's lane is unknown"));
        };
        let offset = self.offset + PLACE_BYTES as u64;
        self.start += PLACE_BYTES + length;
        self.offset = offset + length as u64;
        Ok(Some(Entry { offset, lane, position, bytes }))
    }

    /// Reads again from the file what was read and not passed.
    pub(crate) fn forget(&mut self) {
        self.block.clear();
        self.start = 0;
    }

    /// What follows in the file: so many bytes, or more, or less where it ends.
    fn fill(&mut self, need: usize) -> Result<&[u8], LogError> {
        if self.block.len() - self.start < need {
            self.block.resize(need.max(BLOCK_BYTES), 0);
            self.start = 0;
            let read = self.file.read_full_at(&mut self.block, self.offset);
            let read = read.map_err(LogError::io("read", &self.path));
            self.block.truncate(*read.as_ref().unwrap_or(&0));
            read?;
        }
        Ok(&self.block[self.start..])
    }

    fn damaged(&self, what: &'static str) -> LogError {
        let path = self.path.display().to_string();
        LogError::Damaged { path, offset: self.offset, what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        let (mut begin, mut end) = (LanePositions::default(), LanePositions::default());
        begin.set(Lane::GRAPH, Position(3));
        end.set(Lane::GRAPH, Position(9));
        Kept { log: LogId([4; 16]), number: 12, entries: 2, bytes: 5_000, begin, end }
    }

    #[test]
    fn a_page_reads_back_and_every_flipped_byte_is_noticed() {
        let page = kept().encode();
        assert_eq!(Kept::decode(&page), Some(kept()));
        for at in 0..page.len() {
            let mut flipped = page.clone();
            flipped[at] ^= 0x10;
            assert_eq!(Kept::decode(&flipped), None, "byte {at}");
        }
        assert!(
            kept().covers(Lane::GRAPH, Position(3)) && !kept().covers(Lane::GRAPH, Position(9))
        );
    }

    #[test]
    fn names_and_numbers_agree() {
        assert_eq!(number_of("00000012.kept"), Some(12));
        assert_eq!(path_of(Path::new("log"), 12), Path::new("log/00000012.kept"));
        for name in ["12.kept", "00000012.segment", "00000012.kept.new", "+0000012.kept"] {
            assert_eq!(number_of(name), None, "{name}");
        }
    }
}
