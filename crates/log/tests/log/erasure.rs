//! Erasure in place: what it changes, what it leaves, and that an interruption does no harm.

use crate::halting::Halting;
use crate::harness::*;
use millstream_event::{Hash128, Position};
use millstream_log::faulty::FaultyDisk;
use millstream_log::{EventLog, LogError, SegmentLog};
use std::sync::Arc;

fn filled(disk: &FaultyDisk) -> SegmentLog {
    let log = open(disk, &small()).unwrap();
    for number in 0..40u8 {
        append(&log, vec![record(number % 2, vec![b'a' + number % 26; 1_000])]).unwrap();
    }
    log
}

#[test]
fn an_erased_payload_is_gone_and_the_chain_holds() {
    let disk = FaultyDisk::new();
    let log = filled(&disk);
    let before = everything(&log).unwrap();
    let chains = log.chains(&positions(&[(0, 15), (1, 20)])).unwrap();
    for ordinal in [3, 19] {
        let secret = log.read_at(lane(1), Position(ordinal)).unwrap().unwrap().payload;
        assert!(log.erase(lane(1), Position(ordinal), b"{}").unwrap());
        let erased = log.read_at(lane(1), Position(ordinal)).unwrap().unwrap();
        assert_eq!(erased.header.subject, Hash128([0; 16]));
        assert_eq!(erased.payload, [b"{}".to_vec(), vec![b' '; 998]].concat());
        assert_ne!(erased.payload, secret);
    }
    assert_eq!(log.chains(&positions(&[(0, 15), (1, 20)])).unwrap(), chains);
    drop(log);
    disk.crash(5);
    let log = open(&disk, &small()).unwrap();
    assert_eq!(log.chains(&positions(&[(0, 15), (1, 20)])).unwrap(), chains);
    let after = everything(&log).unwrap();
    for (old, new) in before.iter().zip(&after) {
        let erased = old.header.lane == lane(1) && [3, 19].contains(&old.position.0);
        assert_eq!(old == new, !erased);
        assert_eq!(old.header.nonce, new.header.nonce);
        assert_eq!(old.payload.len(), new.payload.len());
    }
}

#[test]
fn what_is_not_there_or_does_not_fit_is_said() {
    let disk = FaultyDisk::new();
    let log = filled(&disk);
    assert!(!log.erase(lane(0), Position(20), b"").unwrap());
    assert!(!log.erase(lane(9), Position(0), b"").unwrap());
    assert!(log.erase(lane(0), Position(0), &[b'x'; 1_000]).unwrap());
    let over = log.erase(lane(0), Position(0), &[b'x'; 1_001]).unwrap_err();
    assert!(matches!(over, LogError::ReplacementTooLarge { bytes: 1_001, limit: 1_000 }));
}

#[test]
fn an_erasure_interrupted_anywhere_is_done_whole_or_not_at_all() {
    for seed in 0..120 {
        let disk = FaultyDisk::new();
        let log = filled(&disk);
        let place = (lane(0), Position(seed % 20));
        let before = log.read_at(place.0, place.1).unwrap().unwrap();
        match seed % 4 {
            0 | 1 => disk.crash_in_sync_after(Some(seed % 2), seed),
            other => disk.fail_sync_after(Some(other - 2)),
        }
        let confirmed = log.erase(place.0, place.1, b"gone").is_ok();
        assert!(!confirmed);
        disk.crash(seed);
        drop(log);
        let log = open(&disk, &small()).unwrap();
        let after = log.read_at(place.0, place.1).unwrap().unwrap();
        assert!(after == before || after.payload.starts_with(b"gone   "));
        assert_eq!(everything(&log).unwrap().len(), 40);
        assert_eq!(disk.contents(&dir().join("erase.intent")), None);
    }
}

#[test]
fn a_reader_that_meets_a_half_erased_record_waits_for_the_other_half() {
    let disk = Arc::new(Halting::new(FaultyDisk::new().mount()));
    let log = SegmentLog::open(disk.clone(), &dir(), small()).unwrap();
    append(&log, vec![record(0, vec![b'x'; 3_000]), record(0, "next")]).unwrap();
    std::thread::scope(|scope| {
        let (reached, go) = disk.halt_next_write();
        let erasure = scope.spawn(|| log.erase(lane(0), Position(0), &[b'y'; 2_900]).unwrap());
        reached.recv().unwrap();
        let read = disk.next_read();
        let reader = scope.spawn(|| everything(&log).unwrap());
        read.recv().unwrap();
        go.send(()).unwrap();
        assert!(erasure.join().unwrap());
        let records = reader.join().unwrap();
        assert_eq!(records[0].payload, [vec![b'y'; 2_900], vec![b' '; 100]].concat());
        assert_eq!(records[1].payload, b"next");
    });
}
