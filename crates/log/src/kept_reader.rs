//! Reads what was kept of removed segments, from any per-lane positions to the last of it.

use crate::error::LogError;
use crate::guard::lock;
use crate::kept::{self, Entries, Entry, Kept};
use crate::port::{LanePositions, LogReader};
use crate::stream::Stream;
use millstream_event::{Lane, Position, Record};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

/// A reader over files of kept records; it ends with those that there were when it was opened.
pub(crate) struct KeptReader {
    stream: Arc<Stream>,
    /// The first wanted ordinal of every lane.
    from: LanePositions,
    files: VecDeque<Arc<Kept>>,
    inside: Option<Entries>,
}

impl KeptReader {
    pub(crate) fn new(stream: Arc<Stream>, from: &LanePositions) -> Self {
        let mut files = stream.kept();
        files.retain(|kept| !from.covers(&kept.end));
        Self { stream, from: from.clone(), files, inside: None }
    }

    /// The next record that is wanted.
    fn next(&mut self) -> Result<Option<Record>, LogError> {
        loop {
            let Some(entries) = &mut self.inside else {
                let Some(kept) = self.files.pop_front() else { return Ok(None) };
                self.inside = open(&self.stream, kept)?;
                continue;
            };
            match step(entries, &self.stream)? {
                None => self.inside = None,
                Some(entry) if entry.position < self.from.get(entry.lane) => {}
                Some(entry) => return entry.record(&entries.path).map(Some),
            }
        }
    }
}

impl LogReader for KeptReader {
    fn read(
        &mut self,
        out: &mut Vec<Record>,
        max: usize,
        _wait: Duration,
    ) -> Result<usize, LogError> {
        let mut taken = 0;
        while taken < max {
            let Some(record) = self.next()? else { break };
            out.push(record);
            taken += 1;
        }
        Ok(taken)
    }
}

/// Opens a file; `None` when nobody was owed anything of it any more, so that it went.
fn open(stream: &Stream, kept: Arc<Kept>) -> Result<Option<Entries>, LogError> {
    match Entries::open(&*stream.disk, &stream.dir, kept) {
        Err(LogError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// Steps; a bad entry is looked at again while no erasure can be half done.
fn step(entries: &mut Entries, stream: &Stream) -> Result<Option<Entry>, LogError> {
    match entries.next() {
        Err(LogError::Damaged { .. }) => {
            let _rewriting = lock(&stream.rewriting);
            entries.forget();
            entries.next()
        }
        other => other,
    }
}

/// The number of the segment that a place was in and its entry, when it was kept. The caller sees to it
/// that no erasure is half done.
pub(crate) fn find(
    stream: &Stream,
    lane: Lane,
    position: Position,
) -> Result<Option<(u64, Entry)>, LogError> {
    let Some(kept) = stream.kept().into_iter().find(|kept| kept.covers(lane, position)) else {
        return Ok(None);
    };
    let number = kept.number;
    let Some(mut entries) = open(stream, kept)? else { return Ok(None) };
    while let Some(entry) = entries.next()? {
        if (entry.lane, entry.position) == (lane, position) {
            return Ok(Some((number, entry)));
        }
    }
    Ok(None)
}

/// Removes the files of which nobody is owed anything at or behind `owed_from`; returns their bytes.
pub(crate) fn release(stream: &Stream, owed_from: Option<&LanePositions>) -> Result<u64, LogError> {
    let mut released = 0;
    for kept in stream.forget_kept(|kept| owed_from.is_none_or(|from| from.covers(&kept.end))) {
        let path = kept::path_of(&stream.dir, kept.number);
        stream.disk.remove(&path).map_err(LogError::io("remove", &path))?;
        released += kept.bytes;
    }
    if released > 0 {
        stream.disk.sync_dir(&stream.dir).map_err(LogError::io("sync", &stream.dir))?;
    }
    Ok(released)
}
