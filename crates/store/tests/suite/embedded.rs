//! What the embedded store adds: it survives restarts, and damage leads to a fresh start.

use millstream_event::{Lane, Position};
use millstream_store::{FjallStore, Found, LaneCommit, LaneHead, StateStore, StateView};
use millstream_store::{StoreError, StoreOptions};
use std::fs;
use std::path::{Path, PathBuf};

fn commit(number: u64) -> LaneCommit {
    let at = |next| LaneHead { next: Position(next), chain: next, ..LaneHead::default() };
    LaneCommit {
        expected: at(number),
        head: at(number + 1),
        puts: vec![
            (number.to_be_bytes().into(), vec![7; 500]),
            ((*b"\0total").into(), (number + 1).to_be_bytes().to_vec()),
        ],
        deletes: vec![],
    }
}

fn filled(dir: &Path, commits: u64) {
    let store = FjallStore::open(dir, &StoreOptions::default()).unwrap();
    for number in 0..commits {
        store.commit(0, &[(Lane::GRAPH, commit(number))]).unwrap();
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { out.extend(files(&path)) } else { out.push(path) }
    }
    out.sort();
    out
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &target)
        } else {
            fs::copy(&path, &target).map(drop).unwrap()
        }
    }
}

/// A store that opens after damage holds a prefix of the commits, each whole.
fn check_prefix(store: &FjallStore, most: u64) -> u64 {
    let head = store.head(0, Lane::GRAPH).unwrap();
    assert!(head.next.0 <= most);
    let total =
        store.get(b"\0total").unwrap().map_or(0, |v| u64::from_be_bytes(v.try_into().unwrap()));
    assert_eq!(total, head.next.0, "position and state belong together");
    for number in 0..most {
        let found = store.get(&number.to_be_bytes()).unwrap().is_some();
        assert_eq!(found, number < head.next.0, "commit {number} of {}", head.next.0);
    }
    head.next.0
}

#[test]
fn a_second_opener_is_told_that_it_is_locked() {
    let dir = tempfile::tempdir().unwrap();
    let _first = FjallStore::open(dir.path(), &StoreOptions::default()).unwrap();
    let second = FjallStore::open_or_rebuild(dir.path(), &StoreOptions::default());
    assert!(matches!(second.map(|_| ()), Err(StoreError::Locked { .. })));
}

#[test]
fn a_journal_cut_anywhere_loses_whole_commits_from_its_end() {
    const COMMITS: u64 = 12;
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    filled(&original, COMMITS);
    let journal = files(&original).into_iter().find(|p| p.extension().is_some_and(|e| e == "jnl"));
    let journal = journal.expect("the engine keeps a journal");
    let length = written_length(&journal);
    for share in 1..=40 {
        let copy = dir.path().join(format!("cut{share}"));
        copy_tree(&original, &copy);
        let cut = copy.join(journal.strip_prefix(&original).unwrap());
        fs::OpenOptions::new()
            .write(true)
            .open(&cut)
            .unwrap()
            .set_len(length * share / 41)
            .unwrap();
        let (store, _) = FjallStore::open_or_rebuild(&copy, &StoreOptions::default()).unwrap();
        check_prefix(&store, COMMITS);
    }
}

/// Bytes of the journal up to the last that is not zero: it may be preallocated.
fn written_length(path: &Path) -> u64 {
    let bytes = fs::read(path).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1
}

#[test]
fn a_flipped_byte_never_shows_half_a_commit() {
    const COMMITS: u64 = 6;
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    filled(&original, COMMITS);
    let mut rebuilt = 0;
    for (number, file) in files(&original).into_iter().enumerate() {
        let length = fs::metadata(&file).unwrap().len().min(4_000);
        for at in (0..length).step_by(509) {
            let copy = dir.path().join(format!("flip{number}-{at}"));
            copy_tree(&original, &copy);
            let damaged = copy.join(file.strip_prefix(&original).unwrap());
            let mut bytes = fs::read(&damaged).unwrap();
            bytes[at as usize] ^= 0x40;
            fs::write(&damaged, bytes).unwrap();
            let (store, found) =
                FjallStore::open_or_rebuild(&copy, &StoreOptions::default()).unwrap();
            check_prefix(&store, COMMITS);
            rebuilt += u64::from(matches!(found, Found::SetAside { .. }));
            drop(store);
            fs::remove_dir_all(&copy).unwrap();
        }
    }
    assert!(rebuilt > 0, "some flips must have been noticed");
}

#[test]
fn another_layout_is_set_aside_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    filled(&state, 3);
    let layout = StoreOptions::default().layout + 1;
    let options = StoreOptions { layout, ..StoreOptions::default() };
    let refused = FjallStore::open(&state, &options).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("remove that folder"), "{refused}");
    let (store, found) = FjallStore::open_or_rebuild(&state, &options).unwrap();
    let Found::SetAside { path, .. } = found else { panic!("must be set aside") };
    assert!(path.ends_with("state.damaged") && path.exists());
    assert_eq!(check_prefix(&store, 3), 0);
    drop(store);
    let again = FjallStore::open_or_rebuild(&state, &StoreOptions::default()).unwrap();
    assert!(matches!(again.1, Found::SetAside { .. }), "an older set-aside folder is replaced");
}
