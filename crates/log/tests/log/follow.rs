//! Readers: order, starting places, rolls, concurrent writing, what they refuse.

use crate::harness::*;
use millstream_event::{Kind, Lane, Position};
use millstream_log::faulty::FaultyDisk;
use millstream_log::{
    AppendError, Appended, Draft, EventLog, LanePositions, LogError, SegmentOptions, chain,
};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

#[test]
fn a_group_is_read_back_in_order_with_its_places() {
    let disk = FaultyDisk::new();
    let log = open(&disk, &small()).unwrap();
    let group = vec![record(3, "a"), record(65, "b"), record(3, "c")];
    let places = append(&log, group).unwrap().places;
    assert_eq!(places, [(lane(3), Position(0)), (lane(65), Position(0)), (lane(3), Position(1))]);
    let records = everything(&log).unwrap();
    assert_eq!(
        outline(&records),
        [(3, 0, b"a".to_vec()), (65, 0, b"b".to_vec()), (3, 1, b"c".to_vec())]
    );
    assert_eq!(log.heads(), positions(&[(3, 2), (65, 1)]));
    assert_ne!(records[0].header.nonce, records[2].header.nonce);
    assert_eq!(records[0].header.kind, Kind::Event);
    drop(log);
    let log = open(&disk, &small()).unwrap();
    assert_eq!(everything(&log).unwrap(), records);
    assert_eq!(log.cut(), None);
}

#[test]
fn an_empty_group_and_an_empty_payload_are_fine() {
    let disk = FaultyDisk::new();
    let log = open(&disk, &small()).unwrap();
    assert_eq!(append(&log, Vec::new()).unwrap().places, []);
    assert_eq!(append(&log, vec![record(0, "")]).unwrap().places, [(lane(0), Position(0))]);
    assert_eq!(outline(&everything(&log).unwrap()), [(0, 0, Vec::new())]);
}

/// 200 records of 300 bytes over lanes 0 to 4: several segments of 16 KiB.
fn filled(disk: &FaultyDisk) -> millstream_log::SegmentLog {
    let log = open(disk, &small()).unwrap();
    for number in 0..200u64 {
        let payload = format!("{number:>228}");
        append(&log, vec![record((number % 5) as u8, payload)]).unwrap();
    }
    assert!(disk.contents(&segment(3)).is_some());
    log
}

#[test]
fn a_reader_begins_at_any_positions() {
    let disk = FaultyDisk::new();
    let log = filled(&disk);
    let all = everything(&log).unwrap();
    for start in [0, 1, 13, 39, 40] {
        let from = positions(&[(0, start), (1, 40 - start), (2, start / 2), (3, 40), (4, start)]);
        let records = drain(&mut *log.reader(&from).unwrap()).unwrap();
        let wanted: Vec<_> =
            all.iter().filter(|one| one.position >= from.get(one.header.lane)).cloned().collect();
        assert_eq!(outline(&records), outline(&wanted));
    }
}

#[test]
fn a_place_beyond_the_end_is_refused() {
    let disk = FaultyDisk::new();
    let log = filled(&disk);
    let beyond = log.reader(&positions(&[(2, 41)])).err().unwrap();
    assert!(
        matches!(&beyond, LogError::Ahead { wanted, head, .. } if wanted.0 == 41 && head.0 == 40),
        "{beyond}"
    );
}

#[test]
fn single_places_and_ranges_are_read() {
    let disk = FaultyDisk::new();
    let log = filled(&disk);
    let one = log.read_at(lane(2), Position(31)).unwrap().unwrap();
    assert_eq!(one.payload, format!("{:>228}", 31 * 5 + 2).into_bytes());
    assert_eq!(log.read_at(lane(2), Position(40)).unwrap(), None);
    let mut seen = Vec::new();
    let (from, to) = (positions(&[(0, 10), (1, 38)]), positions(&[(0, 12), (1, 99)]));
    let mut visit = |record: millstream_event::Record| {
        seen.push((record.header.lane.number(), record.position.0));
        true
    };
    log.scan(&from, &to, &mut visit).unwrap();
    assert_eq!(seen, [(0, 10), (0, 11), (1, 38), (1, 39)]);
    let mut count = 0;
    let mut first_three = |_| {
        count += 1;
        count < 3
    };
    log.scan(&LanePositions::default(), &log.heads(), &mut first_three).unwrap();
    assert_eq!(count, 3);
}

#[test]
fn chains_are_what_a_consumer_computes() {
    let disk = FaultyDisk::new();
    let log = filled(&disk);
    let all = everything(&log).unwrap();
    let at = positions(&[(0, 40), (1, 7), (2, 33)]);
    let chains = log.chains(&at).unwrap();
    let ends = log.chains(&log.heads()).unwrap();
    for lane in Lane::all() {
        let own = all.iter().filter(|record| record.header.lane == lane);
        let link = |hash, record: &millstream_event::Record| {
            chain(hash, &record.header, record.payload.len())
        };
        let part = own.clone().filter(|record| record.position < at.get(lane)).fold(0, link);
        assert_eq!(chains.get(lane), part, "lane {lane}");
        assert_eq!(ends.get(lane), own.fold(0, link), "lane {lane}");
    }
    drop(log);
    let log = open(&disk, &small()).unwrap();
    assert_eq!(log.chains(&log.heads()).unwrap(), ends);
}

#[test]
fn an_unknown_kind_stops_the_reader_but_not_the_log() {
    let disk = FaultyDisk::new();
    let log = open(&disk, &small()).unwrap();
    append(&log, vec![record(1, "known"), record(2, "unknown")]).unwrap();
    drop(log);
    let mut bytes = disk.contents(&segment(0)).unwrap();
    let at = 4096 + 32 + 72 + 5;
    bytes[at + 10] = 200;
    let crc = crc32fast::hash(&[&bytes[at..at + 6], &bytes[at + 10..at + 79]].concat());
    bytes[at + 6..at + 10].copy_from_slice(&crc.to_le_bytes());
    disk.replace(&segment(0), bytes);
    let log = open(&disk, &small()).unwrap();
    append(&log, vec![record(1, "later")]).unwrap();
    let mut reader = log.reader(&LanePositions::default()).unwrap();
    let mut records = Vec::new();
    assert_eq!(reader.read(&mut records, 9, Duration::ZERO).unwrap(), 1);
    for _ in 0..2 {
        let stop = reader.read(&mut records, 9, Duration::ZERO).unwrap_err();
        assert!(matches!(stop, LogError::Unsupported { offset, .. } if offset == at as u64));
    }
    let mut beyond = log.reader(&positions(&[(2, 1)])).unwrap();
    assert_eq!(drain(&mut *beyond).unwrap().len(), 2);
}

#[test]
fn an_idle_reader_waits_no_longer_than_asked_and_wakes_for_a_record() {
    let disk = FaultyDisk::new();
    let log = Arc::new(open(&disk, &small()).unwrap());
    let mut reader = log.reader(&LanePositions::default()).unwrap();
    let mut records = Vec::new();
    assert_eq!(reader.read(&mut records, 1, Duration::from_millis(1)).unwrap(), 0);
    let writer = Arc::clone(&log);
    let thread = std::thread::spawn(move || append(&*writer, vec![record(0, "x")]).unwrap());
    assert_eq!(reader.read(&mut records, 1, Duration::MAX).unwrap(), 1);
    thread.join().unwrap();
    assert_eq!(reader.read(&mut records, 0, Duration::MAX).unwrap(), 0);
}

/// Follows while four threads append; every record once, in order, and never before it is durable.
fn follow_while_writing(dir: &Path, options: &SegmentOptions) {
    const THREADS: u64 = 4;
    const EACH: u64 = 500;
    let log = Arc::new(open_in(dir, options));
    let writers: Vec<_> = (0..THREADS)
        .map(|thread| {
            let log = Arc::clone(&log);
            std::thread::spawn(move || write_closed_loop(&*log, thread as u8, EACH))
        })
        .collect();
    let mut reader = log.reader(&LanePositions::default()).unwrap();
    let mut next = [0; THREADS as usize];
    let mut records = Vec::new();
    while next.iter().sum::<u64>() < THREADS * EACH {
        records.clear();
        let read = reader.read(&mut records, 64, Duration::from_secs(30)).unwrap();
        assert!(read > 0, "nothing came for 30 s");
        let heads = log.heads();
        for record in &records {
            let lane = record.header.lane;
            assert!(record.position < heads.get(lane));
            assert_eq!(record.position.0, next[lane.index()]);
            assert_eq!(record.payload, payload(lane.number(), record.position.0));
            next[lane.index()] += 1;
        }
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    drop((reader, log));
    let log = open_in(dir, options);
    assert_eq!(everything(&log).unwrap().len() as u64, THREADS * EACH);
}

fn payload(lane: u8, ordinal: u64) -> Vec<u8> {
    format!("{lane}/{ordinal}").repeat(1 + ordinal as usize % 90).into_bytes()
}

/// Keeps eight appends in flight.
fn write_closed_loop(log: &dyn EventLog, lane: u8, count: u64) {
    let gate = Arc::new((Mutex::new(0u32), Condvar::new()));
    let acknowledged = Arc::new(AtomicU64::new(0));
    for ordinal in 0..count {
        let mut flying = gate.0.lock().unwrap();
        while *flying >= 8 {
            flying = gate.1.wait(flying).unwrap();
        }
        *flying += 1;
        drop(flying);
        let (gate, acknowledged) = (Arc::clone(&gate), Arc::clone(&acknowledged));
        let done = move |result: Result<millstream_log::Appended, _>| {
            assert_eq!(result.unwrap().places[0].1, Position(ordinal));
            acknowledged.fetch_add(1, Ordering::SeqCst);
            *gate.0.lock().unwrap() -= 1;
            gate.1.notify_one();
        };
        log.append(vec![record(lane, payload(lane, ordinal))], Box::new(done)).unwrap();
    }
    let mut flying = gate.0.lock().unwrap();
    while *flying > 0 {
        flying = gate.1.wait(flying).unwrap();
    }
    assert_eq!(acknowledged.load(Ordering::SeqCst), count);
}

#[test]
fn a_reader_follows_concurrent_writers_across_segments() {
    let folder = folder();
    let options = SegmentOptions { segment_bytes: 64 << 10, ..SegmentOptions::default() };
    follow_while_writing(folder.path(), &options);
    assert!(std::fs::read_dir(folder.path()).unwrap().count() > 5);
}

#[test]
fn what_was_queued_is_written_before_the_log_is_gone() {
    let disk = FaultyDisk::new();
    let log = open(&disk, &small()).unwrap();
    let pending: Vec<_> = (0..100).map(|_| submit(&log, vec![record(0, "x")]).unwrap()).collect();
    drop(log);
    assert!(pending.into_iter().all(|one| one.recv().unwrap().is_ok()));
    let log = open(&disk, &small()).unwrap();
    assert_eq!(log.heads().get(lane(0)), Position(100));
}

#[test]
fn the_last_owner_may_be_an_acknowledgement_and_a_panic_in_one_harms_nobody() {
    let disk = FaultyDisk::new();
    let log = Arc::new(open(&disk, &small()).unwrap());
    log.append(vec![record(0, "x")], Box::new(|_| panic!("expected in this test"))).unwrap();
    append(&*log, vec![record(0, "y")]).unwrap();
    let owner = Arc::clone(&log);
    let (sender, receiver) = std::sync::mpsc::channel();
    let last = move |result: Result<_, _>| {
        drop(owner);
        sender.send(result.is_ok()).unwrap();
    };
    log.append(vec![record(0, "z")], Box::new(last)).unwrap();
    drop(log);
    assert!(receiver.recv().unwrap());
}

#[test]
fn large_groups_and_small_ones_drafted_or_not_keep_their_order() {
    let disk = FaultyDisk::new();
    let options = SegmentOptions { linger_max: Duration::from_millis(20), ..small() };
    let log = open(&disk, &options).unwrap();
    let lengths = [5, 40_000, 0, 33_000, 70_000, 9, 32_000, 50_000, 1];
    let (over, heard) = std::sync::mpsc::channel();
    let payload = |number: usize| vec![number as u8; lengths[number % lengths.len()]];
    for number in 0..lengths.len() * 6 {
        let over = over.clone();
        let note = Box::new(move |outcome: Result<_, _>| over.send(outcome).unwrap());
        let append = record(7, payload(number));
        if number % 2 == 0 {
            log.append(vec![append], note).unwrap();
        } else {
            let mut draft = Draft::with_room(1, 10);
            draft.add(append.header, |out| out.extend_from_slice(&append.payload));
            log.append_draft(draft, note).unwrap();
        }
    }
    let expected: Vec<_> = (0..lengths.len() * 6).map(|it| (7, it as u64, payload(it))).collect();
    for (_, ordinal, _) in &expected {
        let outcome: Result<Appended, AppendError> = heard.recv().unwrap();
        assert_eq!(outcome.unwrap().places, [(lane(7), Position(*ordinal))]);
    }
    assert!(outline(&everything(&log).unwrap()) == expected);
    drop(log);
    assert!(outline(&everything(&open(&disk, &options).unwrap()).unwrap()) == expected);
}

#[test]
fn a_draft_is_held_to_the_bounds_of_a_group() {
    let disk = FaultyDisk::new();
    let log = open(&disk, &small()).unwrap();
    let drafted = |length: usize| {
        let mut draft = Draft::default();
        draft.add(record(1, "").header, |out| out.resize(out.len() + length, b'x'));
        log.append_draft(draft, Box::new(|_| {}))
    };
    let limit = millstream_event::record::RECORD_BYTES_MAX - millstream_event::record::HEADER_BYTES;
    drafted(limit).unwrap();
    assert!(matches!(drafted(limit + 1), Err(AppendError::TooLarge { .. })));
}
