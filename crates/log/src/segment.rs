//! A segment file's name and its header page.
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 8 | magic `MSTRMSEG` |
//! | 8 | 4 | format version |
//! | 12 | 4 | number of lanes |
//! | 16 | 16 | id of the log, random |
//! | 32 | 8 | number of the segment |
//! | 40 | 8 | sequence of its first frame |
//! | 48 | 8 | latest receive stamp of any record before it |
//! | 56 | 16 a lane | ordinal of the lane's next record, hash of its chain |
//! | 4092 | 4 | CRC-32 over everything before |

use crate::chain::LaneChains;
use crate::disk::{Disk, DiskFile, Opening};
use crate::port::LanePositions;
use millstream_event::{Lane, Position, Timestamp};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of the header page; the first frame begins behind it.
pub(crate) const PAGE_BYTES: usize = 4096;
/// Version of the layout of segments, frames and records together.
pub(crate) const FORMAT_VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"MSTRMSEG";
const LANES_AT: usize = 56;
const CRC_AT: usize = PAGE_BYTES - 4;
const SUFFIX: &str = ".segment";
/// Ends the name of a segment whose header page is not durable yet.
pub(crate) const NEW_SUFFIX: &str = ".new";

/// Tells the segments of one log from those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogId(pub(crate) [u8; 16]);

/// Where the log stood when the segment began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) log: LogId,
    pub(crate) number: u64,
    pub(crate) sequence: u64,
    pub(crate) latest: Timestamp,
    pub(crate) heads: LanePositions,
    pub(crate) chains: LaneChains,
}

/// Why a page is not a segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageFault {
    /// Bytes were changed or are missing.
    Damaged,
    /// Another version wrote it.
    Version,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut page = vec![0; PAGE_BYTES];
        page[0..8].copy_from_slice(&MAGIC);
        page[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        page[12..16].copy_from_slice(&(Lane::COUNT as u32).to_le_bytes());
        page[16..32].copy_from_slice(&self.log.0);
        page[32..40].copy_from_slice(&self.number.to_le_bytes());
        page[40..48].copy_from_slice(&self.sequence.to_le_bytes());
        page[48..56].copy_from_slice(&self.latest.0.to_le_bytes());
        for (lane, place) in Lane::all().zip(page[LANES_AT..].chunks_exact_mut(16)) {
            place[..8].copy_from_slice(&self.heads.get(lane).0.to_le_bytes());
            place[8..].copy_from_slice(&self.chains.get(lane).to_le_bytes());
        }
        let crc = crc32fast::hash(&page[..CRC_AT]);
        page[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        page
    }

    pub(crate) fn decode(page: &[u8]) -> Result<Self, PageFault> {
        if page.len() != PAGE_BYTES || page[0..8] != MAGIC {
            return Err(PageFault::Damaged);
        }
        if page[CRC_AT..] != crc32fast::hash(&page[..CRC_AT]).to_le_bytes() {
            return Err(PageFault::Damaged);
        }
        if page[8..12] != FORMAT_VERSION.to_le_bytes()
            || page[12..16] != (Lane::COUNT as u32).to_le_bytes()
        {
            return Err(PageFault::Version);
        }
        let mut heads = LanePositions::default();
        let mut chains = LaneChains::default();
        for (index, lane) in Lane::all().enumerate() {
            let at = LANES_AT + 16 * index;
            heads.set(lane, Position(u64::from_le_bytes(take(page, at))));
            chains.set(lane, u64::from_le_bytes(take(page, at + 8)));
        }
        Ok(Self {
            log: LogId(take(page, 16)),
            number: u64::from_le_bytes(take(page, 32)),
            sequence: u64::from_le_bytes(take(page, 40)),
            latest: Timestamp(i64::from_le_bytes(take(page, 48))),
            heads,
            chains,
        })
    }
}

fn take<const N: usize>(page: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&page[at..at + N]);
    out
}

/// Where the segment with this number lies.
pub(crate) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}{SUFFIX}"))
}

/// Makes a segment. It gets its name only once the header page is durable, so that a segment with a
/// bad page is always damage and never an interrupted creation.
pub(crate) fn create(
    disk: &dyn Disk,
    dir: &Path,
    header: &SegmentHeader,
) -> io::Result<Arc<dyn DiskFile>> {
    let new = dir.join(format!("{:08}{NEW_SUFFIX}", header.number));
    let file = disk.open(&new, Opening::Create)?;
    file.write_all_at(&header.encode(), 0)?;
    file.sync()?;
    disk.rename(&new, &path_of(dir, header.number))?;
    disk.sync_dir(dir)?;
    Ok(file)
}

/// The number in a segment's name, or `None` for the name of anything else.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let plain = digits.len() >= 8 && digits.bytes().all(|digit| digit.is_ascii_digit());
    let number = if plain { digits.parse().ok()? } else { return None };
    (format!("{number:08}") == digits).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        let mut heads = LanePositions::default();
        let mut chains = LaneChains::default();
        heads.set(Lane::GRAPH, Position(77));
        chains.set(Lane::CONTROL, u64::MAX);
        let latest = Timestamp(-5);
        SegmentHeader { log: LogId([1; 16]), number: 12, sequence: 90, latest, heads, chains }
    }

    #[test]
    fn a_page_reads_back() {
        assert_eq!(SegmentHeader::decode(&header().encode()), Ok(header()));
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_noticed() {
        let page = header().encode();
        for at in 0..page.len() {
            let mut flipped = page.clone();
            flipped[at] ^= 0x10;
            assert_eq!(SegmentHeader::decode(&flipped), Err(PageFault::Damaged), "byte {at}");
            assert_eq!(SegmentHeader::decode(&page[..at]), Err(PageFault::Damaged));
        }
    }

    #[test]
    fn another_version_is_told_from_damage() {
        let mut page = header().encode();
        page[8] = 2;
        let crc = crc32fast::hash(&page[..CRC_AT]);
        page[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&page), Err(PageFault::Version));
    }

    #[test]
    fn names_and_numbers_agree() {
        for number in [0, 1, 99_999_999, 100_000_000] {
            let path = path_of(Path::new("log"), number);
            assert_eq!(number_of(path.file_name().unwrap().to_str().unwrap()), Some(number));
        }
        for name in ["1.segment", "0000000a.segment", "00000001.new", "key", "000000001.segment"] {
            assert_eq!(number_of(name), None, "{name}");
        }
    }
}
