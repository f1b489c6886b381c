//! Checkpoints: what is written is read back, and damage is noticed.

use millstream_event::{Lane, Position, Timestamp};
use millstream_store::{
    FjallStore, LaneCommit, LaneHead, MemoryStore, StateStore, StateView, StoreError, StoreOptions,
    checkpoint,
};
use std::fs;

const GENERATION: u16 = 3;

fn filled() -> MemoryStore {
    let store = MemoryStore::new();
    for (number, entries) in [(0_u8, 40_u32), (7, 1), (65, 0)] {
        let lane = Lane::from_number(number).unwrap();
        let key = |entry: u32| {
            let mut key = vec![0, GENERATION as u8, number];
            key.extend_from_slice(&entry.to_be_bytes());
            key.into_boxed_slice()
        };
        let commit = LaneCommit {
            head: LaneHead { next: Position(9), chain: 4, watermark: Timestamp(5) },
            puts: (0..entries)
                .map(|entry| (key(entry), vec![number; entry as usize * 11]))
                .collect(),
            ..LaneCommit::default()
        };
        store.commit(GENERATION, &[(lane, commit)]).unwrap();
    }
    let other = LaneCommit { puts: vec![([0, 4, 0].into(), vec![1])], ..LaneCommit::default() };
    store.commit(4, &[(Lane::GRAPH, other)]).unwrap();
    store
}

fn dump(view: &dyn StateView) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut out = Vec::new();
    let mut visit = |key: &[u8], value: &[u8]| {
        out.push((key.to_vec(), value.to_vec()));
        Ok(true)
    };
    view.scan(&GENERATION.to_be_bytes(), &mut visit).unwrap();
    out
}

#[test]
fn a_checkpoint_is_read_back_into_another_adapter() {
    let dir = tempfile::tempdir().unwrap();
    let from = filled();
    let written =
        checkpoint::write(&|| from.snapshot(), GENERATION, &dir.path().join("c")).unwrap();
    assert_eq!((written.lanes, written.entries), (3, 41));
    let store = FjallStore::open(&dir.path().join("s"), &StoreOptions::default()).unwrap();
    assert_eq!(checkpoint::read(&dir.path().join("c"), &store).unwrap(), written);
    assert_eq!(dump(&store), dump(&from));
    for lane in Lane::all() {
        assert_eq!(store.head(GENERATION, lane).unwrap(), from.head(GENERATION, lane).unwrap());
    }
    let (heads, size) = checkpoint::verify(&dir.path().join("c")).unwrap();
    assert_eq!(size, written);
    for lane in Lane::all() {
        assert_eq!(heads[lane.index()], from.head(GENERATION, lane).unwrap());
    }
    let again = dir.path().join("again");
    checkpoint::write(&|| store.snapshot(), GENERATION, &again).unwrap();
    for entry in fs::read_dir(&again).unwrap() {
        let name = entry.unwrap().file_name();
        let other = dir.path().join("c").join(&name);
        assert_eq!(fs::read(again.join(&name)).unwrap(), fs::read(other).unwrap());
    }
}

#[test]
fn every_flip_and_every_cut_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    checkpoint::write(&|| filled().snapshot(), GENERATION, dir.path()).unwrap();
    let path = dir.path().join("lane-00.checkpoint");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&path, &flipped).unwrap();
        let read = checkpoint::read(dir.path(), &MemoryStore::new());
        assert!(matches!(read, Err(StoreError::Checkpoint { .. })), "byte {at}");
        assert!(checkpoint::verify(dir.path()).is_err(), "byte {at}");
        fs::write(&path, &whole[..at]).unwrap();
        let read = checkpoint::read(dir.path(), &MemoryStore::new());
        assert!(matches!(read, Err(StoreError::Checkpoint { .. })), "cut at {at}");
    }
}
