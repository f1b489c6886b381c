//! Every bound at and over its limit, and a disk that is full or broken.

use crate::harness::*;
use millstream_event::Position;
use millstream_event::record::RECORD_BYTES_MAX;
use millstream_log::faulty::FaultyDisk;
use millstream_log::{AppendError, EventLog, LogError, SegmentOptions};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

const HEADER: usize = 72;
const PAGE: u64 = 4096;

#[test]
fn a_record_at_the_limit_is_taken_and_one_over_it_refused() {
    let disk = FaultyDisk::new();
    let log = open(&disk, &small()).unwrap();
    let largest = RECORD_BYTES_MAX - HEADER;
    append(&log, vec![record(0, vec![b'x'; largest])]).unwrap();
    let over = append(&log, vec![record(0, vec![b'x'; largest + 1])]).unwrap_err();
    assert!(matches!(over, AppendError::TooLarge { bytes, limit } if bytes == limit + 1));
    assert_eq!(everything(&log).unwrap()[0].payload.len(), largest);
    drop(log);
    assert_eq!(open(&disk, &small()).unwrap().heads().get(lane(0)), Position(1));
}

/// A log whose writer is stuck in an acknowledgement until the sender is used or dropped.
fn stuck(disk: &FaultyDisk, options: &SegmentOptions) -> (millstream_log::SegmentLog, Sender<()>) {
    let log = open(disk, options).unwrap();
    let (release, blocked) = channel::<()>();
    let (reached, wait) = channel();
    let hold = move |_| {
        reached.send(()).unwrap();
        blocked.recv().unwrap_or_default();
    };
    log.append(vec![record(0, "first")], Box::new(hold)).unwrap();
    wait.recv().unwrap();
    (log, release)
}

#[test]
fn the_queue_is_bounded_by_records() {
    let disk = FaultyDisk::new();
    let options = SegmentOptions { queue_records_max: 5, ..small() };
    let (log, release) = stuck(&disk, &options);
    let pending: Vec<_> = (0..5).map(|_| submit(&log, vec![record(1, "x")]).unwrap()).collect();
    assert_eq!(log.queued(), 5);
    assert!(matches!(submit(&log, vec![record(1, "x")]), Err(AppendError::Overloaded)));
    drop(release);
    assert!(pending.into_iter().all(|one| one.recv().unwrap().is_ok()));
    append(&log, vec![record(1, "x")]).unwrap();
    let group = |records| (0..records).map(|_| record(2, "x")).collect();
    append(&log, group(5)).unwrap();
    let over = append(&log, group(6)).unwrap_err();
    assert!(matches!(over, AppendError::GroupTooLarge { records: 6, records_max: 5, .. }));
}

#[test]
fn the_queue_is_bounded_by_bytes() {
    let disk = FaultyDisk::new();
    let options = SegmentOptions { queue_bytes_max: RECORD_BYTES_MAX, ..small() };
    let (log, release) = stuck(&disk, &options);
    let half = || record(1, vec![b'x'; RECORD_BYTES_MAX / 2 - HEADER]);
    let first = submit(&log, vec![half()]).unwrap();
    let second = submit(&log, vec![half()]).unwrap();
    assert!(matches!(submit(&log, vec![record(1, "")]), Err(AppendError::Overloaded)));
    drop(release);
    first.recv().unwrap().unwrap();
    second.recv().unwrap().unwrap();
    let over = append(&log, vec![half(), half(), record(1, "")]).unwrap_err();
    assert!(matches!(over, AppendError::GroupTooLarge { bytes_max: RECORD_BYTES_MAX, .. }));
}

#[test]
fn the_disk_bound_is_never_passed_and_refuses_at_once() {
    let disk = FaultyDisk::new();
    let bytes_max = 15 * PAGE;
    let options = SegmentOptions { bytes_max, prepare_bytes: 0, ..small() };
    let log = open(&disk, &options).unwrap();
    let mut taken = 0;
    let refused = loop {
        match append(&log, vec![record(0, vec![b'x'; 928])]) {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
        assert!(disk.used() as u64 <= bytes_max);
        assert_eq!(log.bytes(), disk.used() as u64);
    };
    assert!(matches!(refused, AppendError::DiskFull));
    // Full means full: no more than the pages that a roll may need, and this record, were left.
    assert!(log.bytes() + 2 * PAGE + 1032 + 32 > bytes_max, "{}", log.bytes());
    assert!(matches!(submit(&log, vec![record(0, vec![b'x'; 928])]), Err(AppendError::DiskFull)));
    drop(log);
    let log = open(&disk, &options).unwrap();
    assert_eq!(log.heads().get(lane(0)), Position(taken));
    assert!(matches!(submit(&log, vec![record(0, vec![b'x'; 928])]), Err(AppendError::DiskFull)));
    drop(log);
    let log = open(&disk, &SegmentOptions { bytes_max: bytes_max + 1064, ..options }).unwrap();
    append(&log, vec![record(0, vec![b'x'; 928])]).unwrap();
}

#[test]
fn a_full_disk_refuses_its_group_and_goes_on_by_itself() {
    for room in (0..64).chain((64..1_152).step_by(17)).chain([1_151]) {
        let disk = FaultyDisk::new();
        let log = open(&disk, &small()).unwrap();
        append(&log, vec![record(0, "before")]).unwrap();
        let whole = disk.used();
        disk.limit_space(Some(whole + room));
        // 2,176 bytes with the headers, 1,024 more than the zeros ahead: 1,152 would be enough.
        let group = || vec![record(0, vec![b'x'; 1_500]), record(1, vec![b'y'; 500])];
        assert!(matches!(append(&log, group()), Err(AppendError::DiskFull)), "room {room}");
        assert_eq!(log.heads(), positions(&[(0, 1)]));
        assert_eq!(everything(&log).unwrap().len(), 1);
        disk.limit_space(None);
        assert_eq!(append(&log, group()).unwrap().places[0].1, Position(1));
        drop(log);
        disk.crash(room as u64);
        let log = open(&disk, &small()).unwrap();
        assert_eq!(log.heads(), positions(&[(0, 2), (1, 1)]));
        assert_eq!(everything(&log).unwrap().len(), 3);
    }
}

#[test]
fn a_disk_that_is_full_at_a_roll_goes_on_by_itself() {
    let disk = FaultyDisk::new();
    let log = open(&disk, &SegmentOptions { prepare_bytes: 0, ..small() }).unwrap();
    let group = || vec![record(0, vec![b'x'; 4_000])];
    append(&log, group()).unwrap();
    append(&log, group()).unwrap();
    disk.limit_space(Some(disk.used() + 4_095));
    assert!(matches!(append(&log, group()), Err(AppendError::DiskFull)));
    assert!(matches!(append(&log, group()), Err(AppendError::DiskFull)));
    // The page fits now, since what was written of it is written again, but not the frame.
    disk.limit_space(Some(disk.used() + 4_000));
    assert!(matches!(append(&log, group()), Err(AppendError::DiskFull)));
    disk.limit_space(None);
    append(&log, group()).unwrap();
    assert_eq!(everything(&log).unwrap().len(), 3);
    drop(log);
    assert_eq!(open(&disk, &small()).unwrap().heads().get(lane(0)), Position(3));
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_until_a_restart() {
    let disk = FaultyDisk::new();
    let log = open(&disk, &SegmentOptions { prepare_bytes: 0, ..small() }).unwrap();
    append(&log, vec![record(0, "before")]).unwrap();
    disk.fail_sync_after(Some(0));
    assert!(matches!(append(&log, vec![record(0, "lost")]), Err(AppendError::Poisoned(_))));
    assert!(matches!(submit(&log, vec![record(0, "x")]), Err(AppendError::Poisoned(_))));
    assert!(matches!(log.refusal(), Some(AppendError::Poisoned(_))));
    assert_eq!(log.heads().get(lane(0)), Position(1));
    assert_eq!(outline(&everything(&log).unwrap()), [(0, 0, b"before".to_vec())]);
    drop(log);
    // Without a power cut the page cache still shows the group: kept, for it does no harm, but
    // then it must really be on the disk, although its sync had failed.
    let log = open(&disk, &small()).unwrap();
    let kept = everything(&log).unwrap();
    assert_eq!(outline(&kept), [(0, 0, b"before".to_vec()), (0, 1, b"lost".to_vec())]);
    drop(log);
    disk.crash(1);
    let log = open(&disk, &small()).unwrap();
    assert_eq!(everything(&log).unwrap(), kept);
    append(&log, vec![record(0, "after")]).unwrap();
}

#[test]
fn a_failed_sync_at_a_roll_poisons_too() {
    let disk = FaultyDisk::new();
    let log = open(&disk, &small()).unwrap();
    let group = || vec![record(0, vec![b'x'; 7_000])];
    append(&log, group()).unwrap();
    disk.fail_sync_after(Some(0));
    assert!(matches!(append(&log, group()), Err(AppendError::Poisoned(_))));
    drop(log);
    disk.crash(3);
    let log = open(&disk, &small()).unwrap();
    assert_eq!(append(&log, group()).unwrap().places[0].1, Position(1));
}

#[test]
fn short_writes_are_finished() {
    let disk = FaultyDisk::new();
    disk.limit_write(Some(7));
    let log = open(&disk, &small()).unwrap();
    append(&log, vec![record(0, vec![b'x'; 3_000])]).unwrap();
    drop(log);
    disk.crash(0);
    assert_eq!(everything(&open(&disk, &small()).unwrap()).unwrap()[0].payload.len(), 3_000);
}

#[test]
fn bounds_that_make_no_sense_are_refused() {
    let cases = [
        SegmentOptions { segment_bytes: 8_191, ..small() },
        SegmentOptions { queue_records_max: 0, ..small() },
        SegmentOptions { queue_bytes_max: RECORD_BYTES_MAX - 1, ..small() },
        SegmentOptions { queue_bytes_max: (1 << 31) + 1, ..small() },
        SegmentOptions { bytes_max: 16_383, ..small() },
        SegmentOptions { linger_max: Duration::from_micros(100_001), ..small() },
        SegmentOptions { prepare_bytes: (16 << 20) + 1, ..small() },
    ];
    for options in cases {
        let refused = open(&FaultyDisk::new(), &options).err().unwrap();
        assert!(matches!(refused, LogError::Option { .. }), "{refused}");
    }
    let least = SegmentOptions {
        segment_bytes: 8_192,
        queue_records_max: 1,
        queue_bytes_max: RECORD_BYTES_MAX,
        bytes_max: 16_384,
        linger_max: Duration::from_micros(100_000),
        prepare_bytes: 16 << 20,
        ..small()
    };
    append(&open(&FaultyDisk::new(), &least).unwrap(), vec![record(0, "x")]).unwrap();
}
