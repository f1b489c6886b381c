//! Fold and state step back behind capture, and no further than they were told.

use super::parts::{PATIENCE, World, options};
use crate::consume::ConsumeOptions;
use crate::instance::{Instance, InstanceOptions};
use crate::priority::NICENESS_MAX;
use std::fs;
use std::time::Instant;

/// The niceness of this process's threads with this name.
fn nice_of(name: &str) -> Vec<i32> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let stat = |task: fs::DirEntry| fs::read_to_string(task.path().join("stat")).ok();
    let nice = |stat: String| {
        let (head, tail) = stat.rsplit_once(") ")?;
        let (_, found) = head.split_once('(')?;
        // The 19th field of the line, so the 17th behind the name.
        (found == name).then(|| tail.split(' ').nth(16)?.parse().ok())?
    };
    tasks.filter_map(|task| stat(task.unwrap()).and_then(nice)).collect()
}

fn own() -> i32 {
    rustix::process::getpriority_process(None).unwrap()
}

#[test]
fn the_fold_steps_back_as_far_as_it_is_told() {
    // Other tests of this process have consumers, too: a niceness of its own tells this one.
    let world = World::new();
    let consumer = world.start(&ConsumeOptions { niceness: 7, ..options(2, 10) });
    consumer.drain(PATIENCE).unwrap();
    let expected = (own() + 7).min(NICENESS_MAX.into());
    for name in ["owner-0", "owner-1", "log-reader"] {
        // A thread names itself and steps back some time after it was started.
        let begun = Instant::now();
        while !nice_of(name).contains(&expected) {
            assert!(begun.elapsed() < PATIENCE, "{name}: {:?}", nice_of(name));
            std::thread::yield_now();
        }
    }
}

#[test]
fn the_threads_of_the_state_library_step_back_and_the_log_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let options = InstanceOptions { niceness: 6, ..InstanceOptions::default() };
    let instance = Instance::open(dir.path(), &options).unwrap();
    let expected = (own() + 6).min(NICENESS_MAX.into());
    let workers = nice_of("fjall:worker");
    let behind = workers.iter().filter(|nice| **nice == expected).count();
    assert_eq!(behind, options.store.worker_threads, "{workers:?}");
    assert!(nice_of("log-writer").contains(&own()), "acknowledgements wait for it");
    drop(instance);
}
