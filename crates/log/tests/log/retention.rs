//! Retention by age and by size, and the floor that it never passes.

use crate::harness::*;
use millstream_event::{Position, Span, Timestamp};
use millstream_log::faulty::FaultyDisk;
use millstream_log::{EventLog, LogError, SegmentLog, SegmentOptions};
use std::time::Duration;

const SECOND: i64 = 1_000_000;

/// 60 records in lanes 0 and 1, one a second from 0 s, about 15 a segment.
fn filled(disk: &FaultyDisk, options: &SegmentOptions) -> SegmentLog {
    let log = open(disk, options).unwrap();
    for number in 0..60 {
        let mut append_one = record((number % 2) as u8, vec![b'x'; 700]);
        append_one.header.received = Timestamp(number * SECOND);
        append(&log, vec![append_one]).unwrap();
    }
    log
}

#[test]
fn old_segments_go_by_age_but_not_past_the_floor() {
    let disk = FaultyDisk::new();
    let options = SegmentOptions { retain_for: Some(Span::seconds(20)), ..small() };
    let log = filled(&disk, &options);
    let all = everything(&log).unwrap();
    let bytes = log.bytes();
    assert_eq!(log.retain((&log.heads(), None), Timestamp(30 * SECOND)).unwrap(), 0);
    assert_eq!(
        log.retain((&positions(&[(0, 30), (1, 5)]), None), Timestamp(99 * SECOND)).unwrap(),
        0
    );
    assert_eq!(log.tails(), positions(&[]));
    assert_eq!(
        log.retain((&positions(&[(0, 9), (1, 9)]), None), Timestamp(99 * SECOND)).unwrap(),
        1
    );
    let first = log.tails().get(lane(0)).0;
    assert!((1..=9).contains(&first), "{first}");
    assert!(log.bytes() < bytes);
    assert_eq!(everything(&log).unwrap(), all[all.len() - everything(&log).unwrap().len()..]);
    let lost = log.reader(&positions(&[(0, first), (1, 0)])).err().unwrap();
    assert!(matches!(lost, LogError::Removed { wanted: Position(0), .. }), "{lost}");
    assert!(matches!(log.read_at(lane(0), Position(0)), Err(LogError::Removed { .. })));
    let tails = log.tails();
    drop(log);
    disk.crash(8);
    let log = open(&disk, &options).unwrap();
    assert_eq!(log.tails(), tails);
    assert_eq!(log.heads(), positions(&[(0, 30), (1, 30)]));
}

#[test]
fn everything_old_goes_but_the_segment_being_written() {
    let disk = FaultyDisk::new();
    let options = SegmentOptions { retain_for: Some(Span::seconds(1)), ..small() };
    let log = filled(&disk, &options);
    assert!(log.retain((&log.heads(), None), Timestamp(i64::MAX)).unwrap() >= 3);
    assert_eq!(log.retain((&log.heads(), None), Timestamp(i64::MAX)).unwrap(), 0);
    assert_eq!(append(&log, vec![record(0, "on")]).unwrap().places[0].1, Position(30));
}

#[test]
fn the_oldest_segments_go_by_size() {
    let disk = FaultyDisk::new();
    let options = SegmentOptions { retain_bytes: Some(30_000), ..small() };
    let log = filled(&disk, &options);
    log.set_retention_floor(&log.heads(), None).unwrap();
    assert!(log.bytes() <= 30_000);
    assert!(log.bytes() > 10_000, "no more than needed: {}", log.bytes());
    assert!(disk.used() as u64 <= log.bytes() + 1_024, "the files are really gone");
}

#[test]
fn nothing_goes_unasked() {
    let disk = FaultyDisk::new();
    let log = filled(&disk, &small());
    assert_eq!(log.retain((&log.heads(), None), Timestamp(i64::MAX)).unwrap(), 0);
}

#[test]
fn room_comes_back_at_the_disk_bound() {
    let disk = FaultyDisk::new();
    let options = SegmentOptions { bytes_max: 64 << 10, retain_bytes: Some(1), ..small() };
    let log = open(&disk, &options).unwrap();
    while append(&log, vec![record(0, vec![b'x'; 900])]).is_ok() {}
    log.set_retention_floor(&log.heads(), None).unwrap();
    append(&log, vec![record(0, vec![b'x'; 900])]).unwrap();
}

#[test]
fn a_reader_overtaken_by_retention_is_told() {
    let disk = FaultyDisk::new();
    let options = SegmentOptions { retain_for: Some(Span::seconds(1)), ..small() };
    let log = filled(&disk, &options);
    let mut reader = log.reader(&positions(&[])).unwrap();
    let mut records = Vec::new();
    reader.read(&mut records, 4, Duration::ZERO).unwrap();
    log.retain((&log.heads(), None), Timestamp(i64::MAX)).unwrap();
    let told = reader.read(&mut records, 4, Duration::ZERO).unwrap_err();
    assert!(matches!(told, LogError::Removed { wanted: Position(2), .. }), "{told}");
}

#[test]
fn segments_that_a_crash_brings_back_do_no_harm() {
    for seed in 0..30 {
        let disk = FaultyDisk::new();
        let options = SegmentOptions { retain_for: Some(Span::seconds(1)), ..small() };
        let log = filled(&disk, &options);
        log.retain((&positions(&[(0, 20), (1, 20)]), None), Timestamp(i64::MAX)).unwrap();
        drop(log);
        disk.crash(seed);
        let log = open(&disk, &options).unwrap();
        assert_eq!(log.heads(), positions(&[(0, 30), (1, 30)]));
        everything(&log).unwrap();
    }
}
