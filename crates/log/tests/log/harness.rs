//! Small records, a log on a disk, and acknowledgements that can be waited for.

use millstream_event::{Hash128, Header, Kind, Lane, Position, Record, Timestamp};
use millstream_log::faulty::FaultyDisk;
use millstream_log::{
    Append, AppendError, Appended, EventLog, LanePositions, LogError, LogReader, SegmentLog,
    SegmentOptions,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Where the log lies on the disk in memory.
pub fn dir() -> PathBuf {
    PathBuf::from("log")
}

/// The path of a segment there.
pub fn segment(number: u64) -> PathBuf {
    dir().join(format!("{number:08}.segment"))
}

/// A lane by its number.
pub fn lane(number: u8) -> Lane {
    Lane::from_number(number).unwrap()
}

/// An event record with this payload.
pub fn record(number: u8, payload: impl Into<Vec<u8>>) -> Append {
    let header = Header::new(Kind::Event, lane(number), Timestamp(1_700_000_000_000_000));
    Append { header: Header { subject: Hash128([7; 16]), ..header }, payload: payload.into() }
}

/// Bounds small enough to be reached: segments of 16 KiB, zeros of 1 KiB, no wait for company.
pub fn small() -> SegmentOptions {
    SegmentOptions {
        segment_bytes: 16 << 10,
        prepare_bytes: 1 << 10,
        linger_max: Duration::ZERO,
        ..SegmentOptions::default()
    }
}

/// Opens the log on this disk.
pub fn open(disk: &FaultyDisk, options: &SegmentOptions) -> Result<SegmentLog, LogError> {
    SegmentLog::open(disk.mount(), &dir(), options.clone())
}

/// What will become of a group.
pub type Pending = Receiver<Result<Appended, AppendError>>;

/// Appends without waiting.
pub fn submit(log: &dyn EventLog, group: Vec<Append>) -> Result<Pending, AppendError> {
    let (sender, receiver) = channel();
    log.append(group, Box::new(move |result| sender.send(result).unwrap_or_default()))?;
    Ok(receiver)
}

/// Appends and waits until the group is durable.
pub fn append(log: &dyn EventLog, group: Vec<Append>) -> Result<Appended, AppendError> {
    submit(log, group)?.recv().unwrap()
}

/// Positions that are 0 but for these lanes.
pub fn positions(places: &[(u8, u64)]) -> LanePositions {
    let mut positions = LanePositions::default();
    for (number, ordinal) in places {
        positions.set(lane(*number), Position(*ordinal));
    }
    positions
}

/// Everything that a reader gives without waiting.
pub fn drain(reader: &mut dyn LogReader) -> Result<Vec<Record>, LogError> {
    let mut records = Vec::new();
    while reader.read(&mut records, 100, Duration::ZERO)? > 0 {}
    Ok(records)
}

/// Everything in the log from where it begins.
pub fn everything(log: &dyn EventLog) -> Result<Vec<Record>, LogError> {
    drain(&mut *log.reader(&log.tails())?)
}

/// Lane, ordinal and payload of records, for comparison.
pub fn outline(records: &[Record]) -> Vec<(u8, u64, Vec<u8>)> {
    let outline =
        |record: &Record| (record.header.lane.number(), record.position.0, record.payload.clone());
    records.iter().map(outline).collect()
}

/// A folder on the system's disk.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Opens the log on the system's disk.
pub fn open_in(dir: &Path, options: &SegmentOptions) -> SegmentLog {
    SegmentLog::open(Arc::new(millstream_log::SystemDisk), dir, options.clone()).unwrap()
}
