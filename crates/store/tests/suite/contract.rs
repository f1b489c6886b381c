//! What every adapter of the port must do.

use millstream_event::{Lane, Position, Timestamp};
use millstream_store::{FjallStore, LaneCommit, LaneHead, MemoryStore, StateStore, StateView};
use millstream_store::{StoreError, StoreOptions};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::Bound::Included;

fn key(text: &str) -> Box<[u8]> {
    text.as_bytes().into()
}

fn lane(number: u8) -> Lane {
    Lane::from_number(number).unwrap()
}

fn head(next: u64, chain: u64) -> LaneHead {
    LaneHead { next: Position(next), chain, watermark: Timestamp(next as i64) }
}

fn step(expected: LaneHead, head: LaneHead, puts: &[(&str, &str)], deletes: &[&str]) -> LaneCommit {
    LaneCommit {
        expected,
        head,
        puts: puts.iter().map(|(k, v)| (key(k), v.as_bytes().to_vec())).collect(),
        deletes: deletes.iter().map(|k| key(k)).collect(),
    }
}

fn all(view: &dyn StateView, prefix: &str) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let mut last = Vec::new();
    view.scan(prefix.as_bytes(), &mut |k, v| {
        assert!(last.as_slice() < k, "keys come in byte order");
        last = k.to_vec();
        out.insert(String::from_utf8(k.into()).unwrap(), String::from_utf8(v.into()).unwrap());
        Ok(true)
    })
    .unwrap();
    out
}

fn check_empty(store: &dyn StateStore) {
    assert_eq!(store.head(0, lane(3)).unwrap(), LaneHead::default());
    assert_eq!(store.get(b"a").unwrap(), None);
    assert_eq!(store.get_many(&[b"a", b"b"]).unwrap(), vec![None, None]);
    assert!(all(store, "").is_empty());
    store.commit(0, &[]).unwrap();
}

fn check_commit_and_read(store: &dyn StateStore) {
    let first = head(2, 7);
    let commit = step(LaneHead::default(), first, &[("x1", "one"), ("x2", "two"), ("y", "")], &[]);
    store.commit(0, &[(lane(3), commit)]).unwrap();
    assert_eq!(store.head(0, lane(3)).unwrap(), first);
    assert_eq!(store.head(1, lane(3)).unwrap(), LaneHead::default(), "generations stand apart");
    assert_eq!(store.head(0, lane(4)).unwrap(), LaneHead::default(), "lanes stand apart");
    let values = store.get_many(&[b"y", b"none", b"x2"]).unwrap();
    assert_eq!(values, vec![Some(vec![]), None, Some(b"two".to_vec())]);
    assert_eq!(all(store, "x").len(), 2);
    assert_eq!(all(store, "").len(), 3, "heads are not among the state");

    let second = head(3, 8);
    store.commit(0, &[(lane(3), step(first, second, &[("x1", "uno")], &["x2", "none"]))]).unwrap();
    let expected = BTreeMap::from([("x1".into(), "uno".into()), ("y".into(), String::new())]);
    assert_eq!(all(store, ""), expected);
}

fn check_fencing(store: &dyn StateStore) {
    let at = head(5, 50);
    store.commit(0, &[(lane(1), step(LaneHead::default(), at, &[("k", "v")], &[]))]).unwrap();
    let other_chain = LaneHead { chain: 51, ..at };
    for stale in [LaneHead::default(), head(4, 50), other_chain] {
        let good = step(LaneHead::default(), head(1, 1), &[("good", "1")], &[]);
        let bad = step(stale, head(6, 60), &[("k", "stolen")], &["k"]);
        let refused = store.commit(0, &[(lane(2), good), (lane(1), bad)]);
        assert!(matches!(refused, Err(StoreError::Fenced { lane: found }) if found == lane(1)));
        assert_eq!(store.get(b"k").unwrap(), Some(b"v".to_vec()), "nothing of it was applied");
        assert_eq!(store.head(0, lane(1)).unwrap(), at);
    }
}

fn check_reserved_keys(store: &dyn StateStore) {
    for commit in [
        LaneCommit { puts: vec![((*b"\xff\xff\0").into(), vec![1])], ..LaneCommit::default() },
        LaneCommit { deletes: vec![(*b"\xff\xff").into()], ..LaneCommit::default() },
    ] {
        let refused = store.commit(0, &[(lane(0), commit)]);
        assert!(matches!(refused, Err(StoreError::ReservedKey)));
    }
    let last =
        LaneCommit { puts: vec![((*b"\xff\xfe\xff").into(), vec![1])], ..LaneCommit::default() };
    store.commit(0, &[(lane(0), last)]).unwrap();
    let mut seen = 0;
    store
        .scan(b"\xff", &mut |_, _| {
            seen += 1;
            Ok(true)
        })
        .unwrap();
    assert_eq!(seen, 1);
}

fn check_scan_stops_and_reports(store: &dyn StateStore) {
    let puts = [("a", "1"), ("b", "2"), ("c", "3")];
    store.commit(0, &[(lane(0), step(LaneHead::default(), head(1, 1), &puts, &[]))]).unwrap();
    let mut seen = 0;
    store
        .scan(b"", &mut |_, _| {
            seen += 1;
            Ok(seen < 2)
        })
        .unwrap();
    assert_eq!(seen, 2);
    let failed = store.scan(b"", &mut |_, _| Err(StoreError::Visitor("told so".into())));
    assert_eq!(failed.unwrap_err().to_string(), "told so");
}

fn check_ranges(store: &dyn StateStore) {
    let puts = [("a", "1"), ("b", "2"), ("b1", "3"), ("c", "4")];
    store.commit(0, &[(lane(0), step(LaneHead::default(), head(1, 1), &puts, &[]))]).unwrap();
    let found = |view: &dyn StateView, from: &[u8], to: &[u8]| {
        let mut keys = Vec::new();
        let mut visit = |key: &[u8], _: &[u8]| {
            keys.push(String::from_utf8(key.to_vec()).unwrap());
            Ok(keys.len() < 3)
        };
        view.range(from, to, &mut visit).unwrap();
        let last = view.last(from, to).unwrap().map(|(key, _)| String::from_utf8(key).unwrap());
        (keys.join(" "), last)
    };
    let snapshot = store.snapshot().unwrap();
    let gone = step(head(1, 1), head(2, 2), &[("b2", "5")], &["a"]);
    store.commit(0, &[(lane(0), gone)]).unwrap();
    assert_eq!(found(store, b"a", b"b1"), ("b b1".into(), Some("b1".into())));
    assert_eq!(found(store, b"b", b"\xff\xff\xff"), ("b b1 b2".into(), Some("c".into())), "stops");
    assert_eq!(found(store, b"b", b"b"), ("b".into(), Some("b".into())), "both ends belong to it");
    assert_eq!(found(store, b"b3", b"b9"), (String::new(), None));
    assert_eq!(found(store, b"c", b"a"), (String::new(), None), "ends before it begins");
    assert_eq!(found(&*snapshot, b"a", b"b9"), ("a b b1".into(), Some("b1".into())));
}

fn check_snapshot(store: &dyn StateStore) {
    let first = head(1, 1);
    let puts = [("a", "1"), ("b", "2")];
    store.commit(0, &[(lane(0), step(LaneHead::default(), first, &puts, &[]))]).unwrap();
    let snapshot = store.snapshot().unwrap();
    store
        .commit(0, &[(lane(0), step(first, head(2, 2), &[("a", "9"), ("z", "3")], &["b"]))])
        .unwrap();
    assert_eq!(
        all(&*snapshot, ""),
        BTreeMap::from([("a".into(), "1".into()), ("b".into(), "2".into())])
    );
    assert_eq!(snapshot.get(b"a").unwrap(), Some(b"1".to_vec()));
    assert_eq!(snapshot.head(0, lane(0)).unwrap(), first);
    assert_eq!(
        all(store, ""),
        BTreeMap::from([("a".into(), "9".into()), ("z".into(), "3".into())])
    );
}

fn check_racing_owners(store: &dyn StateStore) {
    let wins: usize = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..4_u64)
            .map(|racer| {
                scope.spawn(move || {
                    let commit = step(LaneHead::default(), head(1, racer), &[("r", "x")], &[]);
                    usize::from(store.commit(0, &[(lane(9), commit)]).is_ok())
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert_eq!(wins, 1, "exactly one owner may take a step");
}

/// Runs the whole contract, each part on a store of its own.
fn contract<S: StateStore>(mut fresh: impl FnMut() -> S) {
    check_empty(&fresh());
    check_commit_and_read(&fresh());
    check_fencing(&fresh());
    check_reserved_keys(&fresh());
    check_scan_stops_and_reports(&fresh());
    check_ranges(&fresh());
    check_snapshot(&fresh());
    check_racing_owners(&fresh());
}

#[test]
fn memory_keeps_the_contract() {
    contract(MemoryStore::new);
}

#[test]
fn embedded_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let mut number = 0;
    contract(|| {
        number += 1;
        FjallStore::open(&dir.path().join(number.to_string()), &StoreOptions::default()).unwrap()
    });
}

/// (key, value or removal) of one commit.
type Writes = Vec<(u8, Option<u8>)>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Both adapters hold what a map holds, across reopening.
    #[test]
    fn adapters_equal_a_map(commits in proptest::collection::vec(
        proptest::collection::vec((0_u8..20, proptest::option::of(any::<u8>())), 0..30), 1..12)) {
        let dir = tempfile::tempdir().unwrap();
        let memory = MemoryStore::new();
        let mut model = BTreeMap::new();
        let mut at = LaneHead::default();
        for (number, writes) in commits.iter().enumerate() {
            let store = FjallStore::open(dir.path(), &StoreOptions::default()).unwrap();
            let next = head(number as u64 + 1, number as u64);
            let commit = last_writes(writes, at, next);
            for (name, value) in &commit.puts {
                model.insert(name.clone(), value.clone());
            }
            for name in &commit.deletes {
                model.remove(name);
            }
            store.commit(0, &[(lane(0), commit.clone())]).unwrap();
            memory.commit(0, &[(lane(0), commit)]).unwrap();
            at = next;
            for view in [&store as &dyn StateView, &memory] {
                let mut found = BTreeMap::new();
                view.scan(b"", &mut |k, v| { found.insert(k.into(), v.to_vec()); Ok(true) }).unwrap();
                prop_assert_eq!(&found, &model);
                let (from, to) = (&[number as u8][..], &[number as u8 * 2][..]);
                let last = model.range::<[u8], _>((Included(from), Included(to))).next_back();
                let last = last.map(|(key, value)| (key.to_vec(), value.clone()));
                prop_assert_eq!(view.last(from, to).unwrap(), last);
                prop_assert_eq!(view.head(0, lane(0)).unwrap(), at);
            }
        }
    }
}

/// A commit names a key once: the last write counts.
fn last_writes(writes: &Writes, expected: LaneHead, head: LaneHead) -> LaneCommit {
    let last: BTreeMap<u8, Option<u8>> = writes.iter().copied().collect();
    let mut commit = LaneCommit { expected, head, ..LaneCommit::default() };
    for (name, value) in last {
        match value {
            Some(value) => commit.puts.push(([name].into(), vec![value])),
            None => commit.deletes.push([name].into()),
        }
    }
    commit
}

#[test]
fn a_head_survives_its_encoding() {
    let one = LaneHead { next: Position(5), chain: u64::MAX, watermark: Timestamp(-7) };
    assert_eq!(LaneHead::decode(&one.encode()), Some(one));
    assert_eq!(LaneHead::decode(&[0; 23]), None);
    assert_eq!(LaneHead::decode(&[0; 25]), None);
}
