mod aging;
mod keeping;

use super::*;
use millstream_event::{Header, Kind, Lane, Position, Timestamp};
use millstream_log::{Append, chain};
use millstream_store::{LaneCommit, LaneHead};
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc;

fn open(dir: &Path) -> Result<Instance, InstanceError> {
    Instance::open(dir, &InstanceOptions::default())
}

fn append(log: &dyn EventLog, count: u64) {
    for number in 0..count {
        let header = Header::new(Kind::Tick, Lane::CONTROL, Timestamp(number as i64));
        let (done, wait) = mpsc::channel();
        let acknowledge = Box::new(move |result| done.send(result).unwrap());
        log.append(vec![Append { header, payload: vec![1, 2, 3] }], acknowledge).unwrap();
        wait.recv().unwrap().unwrap();
    }
}

/// Marks the first `count` records of the control lane as folded.
fn fold(instance: &Instance, count: u64) {
    let mut head = LaneHead::default();
    for number in 0..count {
        let record = instance.log.read_at(Lane::CONTROL, Position(number)).unwrap().unwrap();
        head.chain = chain(head.chain, &record.header, record.payload.len());
    }
    head.next = Position(count);
    let commit = LaneCommit { head, ..LaneCommit::default() };
    instance.in_force().store.commit(0, &[(Lane::CONTROL, commit)]).unwrap();
}

#[test]
fn a_second_process_is_told_where_the_first_listens() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    let Err(InstanceError::Running { admin: None, .. }) = open(dir.path()) else {
        panic!("must be refused")
    };
    let admin = Some("http://127.0.0.1:8081".to_owned());
    first.announce(&Addresses { public: None, admin: admin.clone() }).unwrap();
    let Err(refused @ InstanceError::Running { .. }) = open(dir.path()) else {
        panic!("must be refused")
    };
    assert!(refused.to_string().contains("127.0.0.1:8081"), "{refused}");
    drop(first);
    assert!(!dir.path().join("instance.json").exists());
    open(dir.path()).unwrap();
}

#[test]
fn the_key_is_private_stays_and_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    append(&*first.log, 1);
    let keys = first.keys.clone();
    drop(first);
    let path = dir.path().join("log/key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(open(dir.path()).unwrap().keys, keys);
    assert_ne!(keys.subject, keys.click);
    assert_eq!(format!("{keys:?}"), "Keys(..)");

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(open(dir.path()), Err(InstanceError::KeyExposed { mode: 0o644, .. })));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, [1; 31]).unwrap();
    assert!(matches!(open(dir.path()), Err(InstanceError::KeyDamaged { bytes: 31, .. })));
    fs::remove_file(&path).unwrap();
    assert!(matches!(open(dir.path()), Err(InstanceError::KeyMissing { .. })));
}

#[test]
fn state_of_this_log_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    append(&*first.log, 5);
    fold(&first, 3);
    drop(first);
    let again = open(dir.path()).unwrap();
    assert_eq!(again.rebuilt, None);
    assert_eq!(again.in_force().store.head(0, Lane::CONTROL).unwrap().next, Position(3));
}

#[test]
fn state_of_another_log_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    for (place, count) in [(&dir, 5), (&other, 5)] {
        let instance = open(place.path()).unwrap();
        append(&*instance.log, count);
        fold(&instance, 5);
    }
    fs::remove_dir_all(dir.path().join("state")).unwrap();
    fs::rename(other.path().join("state"), dir.path().join("state")).unwrap();
    let mixed = open(dir.path()).unwrap();
    assert!(mixed.rebuilt.as_ref().unwrap().contains("other records"), "{:?}", mixed.rebuilt);
    assert_eq!(mixed.in_force().store.head(0, Lane::CONTROL).unwrap(), LaneHead::default());
}

#[test]
fn state_ahead_of_its_log_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    append(&*first.log, 5);
    fold(&first, 5);
    drop(first);
    for entry in fs::read_dir(dir.path().join("log")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "segment") {
            fs::remove_file(path).unwrap();
        }
    }
    let emptied = open(dir.path()).unwrap();
    assert!(
        emptied.rebuilt.as_ref().unwrap().contains("the log ends at 0"),
        "{:?}",
        emptied.rebuilt
    );
}
