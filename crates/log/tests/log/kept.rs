//! What is owed of removed segments: kept at its place, through crashes and erasures, within its bound.

use crate::harness::*;
use millstream_event::{Position, Record, Span, Timestamp};
use millstream_log::faulty::FaultyDisk;
use millstream_log::{
    EventLog, KeptSize, LanePositions, LogError, Owed, SegmentLog, SegmentOptions,
};

fn options() -> SegmentOptions {
    SegmentOptions { retain_for: Some(Span::seconds(1)), ..small() }
}

/// 60 records in lanes 0 and 1, about 15 a segment; every third of them says that it is owed.
fn filled(disk: &FaultyDisk, options: &SegmentOptions) -> SegmentLog {
    let log = open(disk, options).unwrap();
    for number in 0..60_u8 {
        let says: &[u8] = if number % 3 == 0 { b"owed" } else { b"past" };
        let payload = [says, &vec![number; 700]].concat();
        append(&log, vec![record(number % 2, payload)]).unwrap();
    }
    log
}

fn is_owed(record: &Record) -> bool {
    record.payload.starts_with(b"owed")
}

fn owed(from: LanePositions) -> Owed {
    Owed { from, fits: Box::new(is_owed) }
}

fn retain(log: &SegmentLog, owed: Option<&Owed>) -> Result<u64, LogError> {
    log.retain((&log.heads(), owed), Timestamp(i64::MAX))
}

fn kept(log: &dyn EventLog, from: &LanePositions) -> Result<Vec<Record>, LogError> {
    drain(&mut *log.kept(from)?)
}

/// What is owed and still there, once each: kept below the log's begin, and in the log.
fn still_there(log: &dyn EventLog) -> Vec<Record> {
    let tails = log.tails();
    let mut found = kept(log, &positions(&[])).unwrap();
    found.retain(|record| record.position < tails.get(record.header.lane));
    found.extend(everything(log).unwrap().into_iter().filter(is_owed));
    found
}

#[test]
fn what_is_owed_is_found_at_its_place_until_it_is_owed_no_more() {
    let disk = FaultyDisk::new();
    let log = filled(&disk, &options());
    let all: Vec<Record> = everything(&log).unwrap().into_iter().filter(is_owed).collect();
    let bytes = log.bytes();
    let from = positions(&[(0, 4), (1, 0)]);
    assert!(retain(&log, Some(&owed(from.clone()))).unwrap() >= 3);
    let tails = log.tails();
    let below = |record: &&Record| {
        let lane = record.header.lane;
        record.position < tails.get(lane) && record.position >= from.get(lane)
    };
    let expected: Vec<Record> = all.iter().filter(below).cloned().collect();
    assert!(expected.len() > 10);
    assert_eq!(kept(&log, &positions(&[])).unwrap(), expected);
    let size = log.kept_size(&positions(&[]));
    assert_eq!(size.records, expected.len() as u64);
    assert!(log.bytes() < bytes - 15_000 && log.bytes() > size.bytes);
    assert!((disk.used() as u64).abs_diff(log.bytes()) <= 1_024, "the files are as large as told");

    let (one, place) = (&expected[3], (expected[3].header.lane, expected[3].position));
    assert_eq!(log.read_at(place.0, place.1).unwrap().as_ref(), Some(one));
    assert!(matches!(log.read_at(lane(0), Position(1)), Err(LogError::Removed { .. })));
    let mut later = positions(&[]);
    later.set(place.0, place.1);
    let rest = kept(&log, &later).unwrap();
    assert!(rest.contains(one) && rest.len() < expected.len(), "reading begins where it should");

    drop(log);
    disk.crash(3);
    let log = open(&disk, &options()).unwrap();
    assert_eq!(kept(&log, &positions(&[])).unwrap(), expected, "it outlives a crash");
    assert_eq!(log.kept_size(&positions(&[])), size);
    retain(&log, Some(&owed(tails))).unwrap();
    assert_eq!(log.kept_size(&positions(&[])), KeptSize::default(), "nobody waits for it");
    assert!((disk.used() as u64).abs_diff(log.bytes()) <= 1_024, "the files are gone");
}

#[test]
fn nothing_is_kept_of_what_nobody_is_owed() {
    let disk = FaultyDisk::new();
    let log = filled(&disk, &options());
    retain(&log, Some(&Owed { from: positions(&[]), fits: Box::new(|_| false) })).unwrap();
    assert_eq!(log.kept_size(&positions(&[])), KeptSize::default());
    let log = filled(&FaultyDisk::new(), &options());
    retain(&log, Some(&owed(log.heads()))).unwrap();
    assert_eq!(log.kept_size(&positions(&[])), KeptSize::default());
    assert!(kept(&log, &positions(&[])).unwrap().is_empty());
}

#[test]
fn a_crash_between_any_two_steps_loses_nothing_and_doubles_nothing() {
    for seed in 0..80 {
        let disk = FaultyDisk::new();
        let log = filled(&disk, &options());
        let all = still_there(&log);
        assert_eq!(all.len(), 20);
        match seed % 2 {
            0 => disk.crash_in_sync_after(Some(seed / 2 % 12), seed),
            _ => disk.fail_sync_after(Some(seed / 2 % 12)),
        }
        let _may_be_cut_short = retain(&log, Some(&owed(positions(&[]))));
        disk.crash_in_sync_after(None, seed);
        disk.fail_sync_after(None);
        disk.crash(seed);
        drop(log);
        let log = open(&disk, &options()).unwrap();
        assert_eq!(still_there(&log), all, "seed {seed}");
        retain(&log, Some(&owed(positions(&[])))).unwrap();
        assert_eq!(still_there(&log), all, "seed {seed}, gone on with");
        assert!(log.kept_size(&positions(&[])).records > 0);
    }
}

#[test]
fn an_erasure_reaches_what_is_kept_whole_or_not_at_all() {
    for seed in 0..60 {
        let disk = FaultyDisk::new();
        let log = filled(&disk, &options());
        retain(&log, Some(&owed(positions(&[])))).unwrap();
        let all = kept(&log, &positions(&[])).unwrap();
        let before = all[seed as usize % all.len()].clone();
        let place = (before.header.lane, before.position);
        match seed % 5 {
            0 | 1 => disk.crash_in_sync_after(Some(seed % 5), seed),
            2 | 3 => disk.fail_sync_after(Some(seed % 5 - 2)),
            _ => {}
        }
        let confirmed = log.erase(place.0, place.1, b"gone").is_ok();
        disk.crash(seed);
        drop(log);
        let log = open(&disk, &options()).unwrap();
        let after = log.read_at(place.0, place.1).unwrap().unwrap();
        let gone = after.payload.starts_with(b"gone  ") && after.header.subject.0 == [0; 16];
        assert!(gone || (!confirmed && after == before), "seed {seed}");
        assert_eq!(kept(&log, &positions(&[])).unwrap().len(), all.len());
        assert_eq!(disk.contents(&dir().join("erase.intent")), None);
    }
}

#[test]
fn at_its_bound_segments_stay_of_which_something_is_owed() {
    let disk = FaultyDisk::new();
    let log = filled(&disk, &options());
    retain(&log, Some(&owed(positions(&[])))).unwrap();
    let whole = log.kept_size(&positions(&[])).bytes;
    for (bound, kept_all) in [(0, false), (1, false), (whole - 1, true), (whole, true)] {
        let bounded = SegmentOptions { kept_bytes_max: bound, ..options() };
        let log = filled(&FaultyDisk::new(), &bounded);
        let removed = retain(&log, Some(&owed(positions(&[])))).unwrap();
        let size = log.kept_size(&positions(&[]));
        assert_eq!(size.bytes == whole, kept_all, "{bound}: {size:?}");
        assert_eq!(removed, if bound == 0 { 0 } else { removed.max(1) });
        assert_eq!(still_there(&log).len(), 20, "nothing is lost at the bound");
        assert!(retain(&log, Some(&owed(log.heads()))).unwrap() + removed >= 3, "then they go");
    }
}

#[test]
fn what_is_kept_does_not_count_as_size_that_retention_looks_at() {
    let sized = SegmentOptions { retain_bytes: Some(20_000), ..small() };
    let log = filled(&FaultyDisk::new(), &sized);
    retain(&log, Some(&owed(positions(&[])))).unwrap();
    let kept = log.kept_size(&positions(&[])).bytes;
    assert!(kept > 10_000 && log.bytes() - kept <= 20_000 && log.bytes() > 20_000);
    let before = log.tails();
    retain(&log, Some(&owed(positions(&[])))).unwrap();
    assert_eq!(log.tails(), before, "the log itself is small enough");
}

#[test]
fn damage_is_told() {
    let disk = FaultyDisk::new();
    let log = filled(&disk, &options());
    retain(&log, Some(&owed(positions(&[])))).unwrap();
    drop(log);
    let path = dir().join("00000000.kept");
    let whole = disk.contents(&path).unwrap();
    for bit in [8 * 100, 8 * 4_095] {
        disk.flip_bit(&path, bit);
        let told = open(&disk, &options()).err().unwrap().to_string();
        assert!(told.contains("00000000.kept is damaged"), "{told}");
        disk.replace(&path, whole.clone());
    }
    for at in [4_096, 4_110, 4_200, 4_800] {
        disk.flip_bit(&path, 8 * at);
        let log = open(&disk, &options()).unwrap();
        let told = kept(&log, &positions(&[])).unwrap_err();
        assert!(matches!(told, LogError::Damaged { offset: 4_096, .. }), "{told}");
        disk.replace(&path, whole.clone());
    }
    disk.replace(&path, whole[..whole.len() - 1].to_vec());
    assert!(open(&disk, &options()).is_err(), "a file that was cut");
}
