//! Rounds of acknowledgements, and the hooks that hear when one is over.

use crate::harness::{append, dir, open, record, small, submit};
use millstream_log::faulty::FaultyDisk;
use millstream_log::{EventLog, SegmentOptions};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happened, in its order.
type Story = Arc<Mutex<Vec<String>>>;

fn tell(story: &Story, what: impl Into<String>) {
    story.lock().unwrap().push(what.into());
}

#[test]
fn a_hook_hears_after_every_acknowledgement_of_a_round() {
    let disk = FaultyDisk::new();
    let options = SegmentOptions { linger_max: Duration::from_millis(50), ..small() };
    let log = open(&disk, &options).unwrap();
    let story = Story::default();
    let (over, heard) = channel();
    let told = Arc::clone(&story);
    assert!(log.after_acknowledging(Box::new(move || {
        tell(&told, "over");
        over.send(()).is_ok()
    })));
    for round in 0..20 {
        for group in 0..3 {
            let told = Arc::clone(&story);
            let note = move |_| tell(&told, format!("{round}.{group}"));
            log.append(vec![record(1, "a")], Box::new(note)).unwrap();
        }
        // Rounds may be one or three; each ends with the hook, so all are told before the last.
        let all = |story: &Story| {
            let story = story.lock().unwrap();
            (0..3).all(|group| story.contains(&format!("{round}.{group}")))
        };
        while !all(&story) {
            heard.recv_timeout(Duration::from_secs(60)).unwrap();
        }
    }
    drop(log);
    let story = story.lock().unwrap();
    assert_eq!(story.last().map(String::as_str), Some("over"), "no round ends without the hook");
    let notes: Vec<_> = story.iter().filter(|it| *it != "over").collect();
    let order: Vec<_> =
        (0..20).flat_map(|r| (0..3).map(move |group| format!("{r}.{group}"))).collect();
    assert!(notes.into_iter().eq(&order), "acknowledged in the order of the log");
}

#[test]
fn a_hook_that_has_heard_enough_is_called_no_more() {
    let disk = FaultyDisk::new();
    let log = open(&disk, &small()).unwrap();
    let calls = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
    for (wanted, calls) in [2, usize::MAX].into_iter().zip(&calls) {
        let calls = Arc::clone(calls);
        let hook = move || calls.fetch_add(1, Ordering::SeqCst) + 1 < wanted;
        assert!(log.after_acknowledging(Box::new(hook)));
    }
    for _ in 0..5 {
        append(&log, vec![record(1, "a")]).unwrap();
    }
    drop(log);
    assert_eq!(calls.map(|calls| calls.load(Ordering::SeqCst)), [2, 5]);
}

#[test]
fn a_hook_that_panics_goes_and_the_log_goes_on() {
    let disk = FaultyDisk::new();
    let log = open(&disk, &small()).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    assert!(log.after_acknowledging(Box::new(|| panic!("a bug of whoever listens"))));
    let counted = Arc::clone(&calls);
    assert!(log.after_acknowledging(Box::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        true
    })));
    for _ in 0..3 {
        append(&log, vec![record(1, "a")]).unwrap();
    }
    drop(log);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[test]
fn a_round_that_failed_is_a_round() {
    let disk = FaultyDisk::new();
    let log = open(&disk, &small()).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    assert!(log.after_acknowledging(Box::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        true
    })));
    append(&log, vec![record(1, "a")]).unwrap();
    disk.fail_sync_after(Some(0));
    let failed = submit(&log, vec![record(1, "b")]).unwrap().recv().unwrap();
    assert!(failed.is_err(), "not durable in {}", dir().display());
    drop(log);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}
