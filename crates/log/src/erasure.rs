//! Overwrites the payload of one record in place.
//!
//! A record can lie across pages, so an interrupted overwrite could leave a CRC that matches
//! nothing. The new bytes therefore go into a file of intent first: synced, then applied, then
//! removed; the next open applies an intent that is still there.
//!
//! The intent: magic `MSERASE1`, or `MSERASK1` for what is kept of a removed segment, segment (8 bytes),
//! offset (8), the record as it will be, CRC-32 over all before.

use crate::chain;
use crate::cursor::Cursor;
use crate::disk::{Disk, Opening};
use crate::entry;
use crate::error::LogError;
use crate::guard::lock;
use crate::kept;
use crate::kept_reader;
use crate::port::LanePositions;
use crate::segment::path_of;
use crate::stream::Stream;
use millstream_event::record::{CRC_RANGE, HEADER_BYTES};
use millstream_event::{Lane, Position, Record};
use std::io;
use std::path::{Path, PathBuf};

const INTENT_NAME: &str = "erase.intent";
const MAGIC: [u8; 8] = *b"MSERASE1";
const KEPT_MAGIC: [u8; 8] = *b"MSERASK1";
const RECORD_AT: usize = 24;
/// Fills up a payload whose replacement is shorter; JSON ignores it.
const FILLER: u8 = b' ';

/// Where a record was found, and its bytes.
struct Place {
    segment: u64,
    /// In what is kept of the segment.
    kept: bool,
    offset: u64,
    bytes: Vec<u8>,
}

impl Place {
    fn path(&self, dir: &Path) -> PathBuf {
        if self.kept { kept::path_of(dir, self.segment) } else { path_of(dir, self.segment) }
    }
}

/// The record at one place, or `None` when the lane has not reached it.
pub(crate) fn read_at(
    stream: &Stream,
    lane: Lane,
    position: Position,
) -> Result<Option<Record>, LogError> {
    // Under the lock, so that no record is seen half overwritten.
    let _rewriting = lock(&stream.rewriting);
    let Some(place) = find(stream, lane, position)? else {
        return Ok(None);
    };
    entry::decode(&place.bytes, position).map(Some).map_err(|source| LogError::Unsupported {
        path: place.path(&stream.dir).display().to_string(),
        offset: place.offset,
        source,
    })
}

/// Overwrites the payload at one place; false when the lane has not reached it.
pub(crate) fn erase(
    stream: &Stream,
    lane: Lane,
    position: Position,
    replacement: &[u8],
) -> Result<bool, LogError> {
    let _rewriting = lock(&stream.rewriting);
    let Some(mut place) = find(stream, lane, position)? else {
        return Ok(false);
    };
    blank(&mut place.bytes, replacement)?;
    let disk = &*stream.disk;
    let path = stream.dir.join(INTENT_NAME);
    let intent = disk.open(&path, Opening::Create).map_err(LogError::io("create", &path))?;
    let bytes = encode(&place);
    let written = intent.write_all_at(&bytes, 0).and_then(|()| intent.sync());
    written.map_err(LogError::io("write", &path))?;
    disk.sync_dir(&stream.dir).map_err(LogError::io("sync", &stream.dir))?;
    apply(disk, &stream.dir, &place)?;
    disk.remove(&path).map_err(LogError::io("remove", &path))?;
    // The removal may be lost in a crash: the intent is then applied again, to the same effect.
    Ok(true)
}

/// Applies an intent that an earlier process left behind.
pub(crate) fn finish(disk: &dyn Disk, dir: &Path, names: &[String]) -> Result<(), LogError> {
    if !names.iter().any(|name| name == INTENT_NAME) {
        return Ok(());
    }
    let path = dir.join(INTENT_NAME);
    let bytes = read_file(disk, &path).map_err(LogError::io("read", &path))?;
    // An intent that is not whole was never applied: the erasure was not confirmed.
    if let Some(place) = decode(&bytes) {
        match apply(disk, dir, &place) {
            // Retention has removed the segment since.
            Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    disk.remove(&path).map_err(LogError::io("remove", &path))?;
    disk.sync_dir(dir).map_err(LogError::io("sync", dir))
}

fn find(stream: &Stream, lane: Lane, position: Position) -> Result<Option<Place>, LogError> {
    let heads = stream.heads().positions;
    if position >= heads.get(lane) {
        return Ok(None);
    }
    if position < stream.tails().get(lane)
        && let Some((segment, entry)) = kept_reader::find(stream, lane, position)?
    {
        let (offset, bytes) = (entry.offset, entry.bytes);
        return Ok(Some(Place { segment, kept: true, offset, bytes }));
    }
    // Any segment will do that holds the lane's position, so the other lanes ask for their ends.
    let mut from: LanePositions = heads;
    from.set(lane, position);
    let header = stream.holding(&from)?;
    let mut cursor = Cursor::open(&*stream.disk, &stream.dir, &header)?;
    let limit = stream.extent(header.number).map_or(0, |extent| extent.end);
    while let Some(found) = cursor.step(limit).map_err(|fault| cursor.error(fault))? {
        if found.lane == lane && found.position == position {
            let bytes = cursor.bytes(&found).to_vec();
            let (segment, offset) = (header.number, found.offset);
            return Ok(Some(Place { segment, kept: false, offset, bytes }));
        }
    }
    Err(LogError::Damaged {
        path: path_of(&stream.dir, header.number).display().to_string(),
        offset: cursor.offset,
        what: "it holds fewer records than the segment after it says",
    })
}

/// Replaces subject, payload and CRC of a record; length and everything else stay.
fn blank(bytes: &mut [u8], replacement: &[u8]) -> Result<(), LogError> {
    let header = entry::header_bytes(bytes);
    let limit = bytes.len().saturating_sub(header);
    if replacement.len() > limit {
        return Err(LogError::ReplacementTooLarge { bytes: replacement.len(), limit });
    }
    bytes[chain::SUBJECT_RANGE].fill(0);
    bytes[header..].fill(FILLER);
    bytes[header..header + replacement.len()].copy_from_slice(replacement);
    if let Some((fixed, rest)) = bytes.split_first_chunk_mut::<HEADER_BYTES>() {
        let crc = entry::crc(fixed, rest);
        fixed[CRC_RANGE].copy_from_slice(&crc.to_le_bytes());
    }
    Ok(())
}

/// Overwrites the record, if it is there.
fn apply(disk: &dyn Disk, dir: &Path, place: &Place) -> Result<(), LogError> {
    let path = place.path(dir);
    let file = disk.open(&path, Opening::Write).map_err(LogError::io("open", &path))?;
    let mut there = [0; HEADER_BYTES];
    file.read_full_at(&mut there, place.offset).map_err(LogError::io("read", &path))?;
    let wanted = place.bytes.first_chunk().map(chain::digest);
    if wanted != Some(chain::digest(&there)) {
        // Someone restored or cut the segment since: the record to be erased is not in it.
        return Ok(());
    }
    let written = file.write_all_at(&place.bytes, place.offset).and_then(|()| file.sync());
    written.map_err(LogError::io("write", &path))
}

fn encode(place: &Place) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(RECORD_AT + place.bytes.len() + 4);
    bytes.extend_from_slice(if place.kept { &KEPT_MAGIC } else { &MAGIC });
    bytes.extend_from_slice(&place.segment.to_le_bytes());
    bytes.extend_from_slice(&place.offset.to_le_bytes());
    bytes.extend_from_slice(&place.bytes);
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Place> {
    let (body, crc) = bytes.split_last_chunk::<4>()?;
    let kept = body.get(..8)? == KEPT_MAGIC;
    let known = kept || body.get(..8)? == MAGIC;
    if !known || crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return None;
    }
    let number = |at: usize| {
        let (word, _) = body.get(at..)?.split_first_chunk::<8>()?;
        Some(u64::from_le_bytes(*word))
    };
    let bytes = body.get(RECORD_AT..)?.to_vec();
    Some(Place { segment: number(8)?, kept, offset: number(16)?, bytes })
}

fn read_file(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path, Opening::Read)?;
    let length = file.len()?.try_into().map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; length];
    let read = file.read_full_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}
