//! Cuts and flips at every byte of a small log, and damage in the middle.

use crate::harness::*;
use millstream_event::{Position, Record};
use millstream_log::faulty::FaultyDisk;
use millstream_log::{EventLog, LogError, SegmentLog, SegmentOptions};

const PAGE: usize = 4096;

/// Three frames of two records each; the bytes of the segment and where each frame ends.
fn small_log(prepare_bytes: usize) -> (Vec<u8>, Vec<usize>, Vec<Record>) {
    let disk = FaultyDisk::new();
    let log = open(&disk, &SegmentOptions { prepare_bytes, ..small() }).unwrap();
    let mut ends = Vec::new();
    for frame in 0..3u8 {
        let group = vec![record(frame, vec![frame; 40]), record(9, vec![b'z'; 30])];
        append(&log, group).unwrap();
        ends.push(log.bytes() as usize);
    }
    let records = everything(&log).unwrap();
    drop(log);
    (disk.contents(&segment(0)).unwrap(), ends, records)
}

fn reopen(bytes: Vec<u8>) -> (FaultyDisk, Result<SegmentLog, LogError>) {
    let disk = FaultyDisk::new();
    disk.replace(&segment(0), bytes);
    let log = open(&disk, &small());
    (disk, log)
}

/// The log goes on after what it kept, and keeps it.
fn check_alive(disk: &FaultyDisk, log: SegmentLog, kept: &[Record]) {
    assert_eq!(everything(&log).unwrap(), kept);
    append(&log, vec![record(5, "new")]).unwrap();
    drop(log);
    disk.crash(kept.len() as u64);
    let log = open(disk, &small()).unwrap();
    assert_eq!(log.cut(), None);
    let records = everything(&log).unwrap();
    assert_eq!(records[..kept.len()], *kept);
    assert_eq!(outline(&records[kept.len()..]), [(5, 0, b"new".to_vec())]);
}

/// Where each record ends, given that frames of two records have these ends.
fn record_ends(ends: &[usize]) -> Vec<usize> {
    ends.iter().flat_map(|end| [end - 72 - 30, *end]).collect()
}

#[test]
fn a_log_cut_at_any_byte_keeps_its_whole_records() {
    let (bytes, ends, records) = small_log(0);
    assert_eq!(bytes.len(), ends[2]);
    for length in PAGE..=bytes.len() {
        let (disk, log) = reopen(bytes[..length].to_vec());
        let log = log.unwrap();
        let kept = record_ends(&ends).iter().filter(|end| **end <= length).count();
        let boundary = [&[PAGE], &record_ends(&ends)[..]].concat().contains(&length);
        let clean = length == PAGE || ends.contains(&length);
        assert_eq!(log.cut().is_none(), clean || boundary, "cut at {length}: {:?}", log.cut());
        check_alive(&disk, log, &records[..kept]);
    }
    for length in 0..PAGE {
        let (_, log) = reopen(bytes[..length].to_vec());
        assert!(matches!(log, Err(LogError::HeaderDamaged { .. })));
    }
}

#[test]
fn a_bit_flipped_anywhere_in_the_last_frame_costs_no_record_before_it() {
    for prepare_bytes in [0, 4096] {
        let (bytes, ends, records) = small_log(prepare_bytes);
        for at in ends[1]..ends[2] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            let (disk, log) = reopen(flipped);
            let log = log.unwrap();
            let header = at < ends[1] + 32;
            let kept = match (header, at < record_ends(&ends)[4]) {
                (true, _) => 6,
                (false, true) => 4,
                (false, false) => 5,
            };
            assert_eq!(log.cut().is_some(), !header, "flip at {at}");
            check_alive(&disk, log, &records[..kept]);
        }
    }
}

#[test]
fn a_bit_flipped_before_the_last_frame_is_reported_and_nothing_is_cut() {
    for prepare_bytes in [0, 4096] {
        let (bytes, ends, records) = small_log(prepare_bytes);
        for at in 0..ends[1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            let (disk, log) = reopen(flipped.clone());
            let told = log.err().unwrap_or_else(|| panic!("a flip at {at} was not noticed"));
            assert_eq!(disk.contents(&segment(0)).unwrap(), flipped);
            if at < PAGE {
                assert!(matches!(told, LogError::HeaderDamaged { .. }), "{at}: {told}");
                continue;
            }
            let LogError::Damaged { offset, .. } = told else { panic!("{at}: {told}") };
            let offset = offset as usize;
            assert!(offset <= at && at < offset + 72 + 40, "{at}: {offset}");
            // The way out that the message names.
            let kept = record_ends(&ends).iter().filter(|end| **end <= offset).count();
            let (disk, log) = reopen(flipped[..offset].to_vec());
            check_alive(&disk, log.unwrap(), &records[..kept]);
        }
    }
}

#[test]
fn a_page_of_zeros_before_a_valid_frame_is_damage() {
    let (bytes, ends, _) = small_log(0);
    let mut blanked = bytes;
    blanked[PAGE..ends[0]].fill(0);
    let (_, log) = reopen(blanked);
    assert!(matches!(log, Err(LogError::Damaged { offset: 4096, .. })));
}

#[test]
fn the_cut_says_what_was_lost() {
    let (bytes, ends, _) = small_log(4096);
    let mut torn = bytes;
    torn[ends[2] - 10..].fill(0);
    let (_, log) = reopen(torn);
    let log = log.unwrap();
    let cut = log.cut().unwrap();
    assert_eq!(cut.offset as usize, ends[2] - 102);
    assert_eq!((cut.bytes, cut.records_kept), (92, 1));
    assert_eq!(cut.path, segment(0).display().to_string());
}

#[test]
fn a_payload_that_holds_a_frame_is_not_taken_for_one() {
    let (bytes, ends, _) = small_log(0);
    let disk = FaultyDisk::new();
    let mut torn = bytes[..ends[1]].to_vec();
    // The copy of a real frame, moved: its offset betrays it.
    torn.extend_from_slice(&[1; 40]);
    torn.extend_from_slice(&bytes[ends[1]..ends[2]]);
    disk.replace(&segment(0), torn);
    assert_eq!(everything(&open(&disk, &small()).unwrap()).unwrap().len(), 4);
}

/// Three segments.
fn long_log(disk: &FaultyDisk) -> Vec<Record> {
    let log = open(disk, &small()).unwrap();
    for number in 0..9u8 {
        append(&log, vec![record(0, vec![number; 4_000])]).unwrap();
    }
    everything(&log).unwrap()
}

#[test]
fn damage_in_an_older_segment_is_met_by_readers() {
    for bit in (PAGE * 8..PAGE * 8 + 4_000 * 8).step_by(1_001) {
        let disk = FaultyDisk::new();
        long_log(&disk);
        disk.flip_bit(&segment(1), bit);
        let log = open(&disk, &small()).unwrap();
        let told = everything(&log).unwrap_err();
        assert!(matches!(&told, LogError::Damaged { path, .. } if path.contains("00000001")));
        assert!(told.to_string().contains("restore the file"), "{told}");
        append(&log, vec![record(0, "new")]).unwrap();
    }
}

#[test]
fn an_older_segment_that_was_cut_is_met_by_readers() {
    for short in [1, 100, 4_104] {
        let disk = FaultyDisk::new();
        let records = long_log(&disk);
        let mut bytes = disk.contents(&segment(0)).unwrap();
        bytes.truncate(bytes.len() - short);
        disk.replace(&segment(0), bytes);
        let log = open(&disk, &small()).unwrap();
        let told = everything(&log).unwrap_err();
        assert!(matches!(told, LogError::Damaged { .. }), "{told}");
        let from = positions(&[(0, 3)]);
        assert_eq!(drain(&mut *log.reader(&from).unwrap()).unwrap(), records[3..]);
    }
}

#[test]
fn zeros_behind_an_older_segment_are_no_damage() {
    for zeros in [1, 31, 32, 5_000] {
        let disk = FaultyDisk::new();
        let records = long_log(&disk);
        let mut bytes = disk.contents(&segment(0)).unwrap();
        bytes.resize(bytes.len() + zeros, 0);
        disk.replace(&segment(0), bytes);
        assert_eq!(everything(&open(&disk, &small()).unwrap()).unwrap(), records);
    }
}

#[test]
fn missing_and_foreign_segments_are_refused() {
    let disk = FaultyDisk::new();
    long_log(&disk);
    let middle = disk.contents(&segment(1)).unwrap();
    disk.mount().remove(&segment(1)).unwrap();
    assert!(matches!(open(&disk, &small()), Err(LogError::Missing { .. })));
    disk.replace(&segment(1), disk.contents(&segment(0)).unwrap());
    assert!(matches!(open(&disk, &small()), Err(LogError::Foreign { .. })));
    let other = FaultyDisk::new();
    long_log(&other);
    disk.replace(&segment(1), other.contents(&segment(1)).unwrap());
    assert!(matches!(open(&disk, &small()), Err(LogError::Foreign { .. })));
    disk.replace(&segment(1), middle);
    disk.replace(&dir().join("notes.txt"), b"not the log's".to_vec());
    disk.replace(&dir().join("00000007.new"), b"an interrupted roll".to_vec());
    let log = open(&disk, &small()).unwrap();
    assert_eq!(log.heads().get(lane(0)), Position(9));
    assert_eq!(disk.contents(&dir().join("00000007.new")), None);
}
