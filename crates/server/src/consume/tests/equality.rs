//! The same records give the same answers.

use super::answers::{answers, check_equal};
use super::history::{Random, history, tick};
use super::parts::{PATIENCE, Strike, World, options};
use crate::consume::{ConsumeOptions, CrashPoint, DrainError};
use millstream_event::Lane;
use millstream_log::Append;
use millstream_store::{MemoryStore, checkpoint};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// The answers when everything is folded at once by one owner.
fn plain(records: &[Append]) -> String {
    let world = World::new();
    world.append(records);
    let progress = world.fold(&options(1, 2_000));
    assert!(progress.drained && progress.lag_records == 0 && progress.stopped.is_empty());
    let answers = answers(&*world.store);
    assert!(answers.contains("\"conversion_id\""), "the history must convert");
    answers
}

#[test]
fn owners_and_batches_do_not_matter() {
    let records = history(11, 80);
    let expected = plain(&records);
    for owners in [1, 4, 16] {
        for batch in [1, 7, 1_000] {
            let world = World::new();
            world.append(&records);
            world.fold(&options(owners, batch));
            check_equal(
                &answers(&*world.store),
                &expected,
                &format!("{owners} owners, batches of {batch}"),
            );
        }
    }
}

#[test]
fn order_does_not_matter() {
    let mut records = history(12, 150);
    let expected = plain(&records);
    for seed in 1..5 {
        Random(seed).shuffle(&mut records);
        check_equal(&plain(&records), &expected, &format!("shuffled with {seed}"));
    }
}

#[test]
fn following_the_tail_equals_folding_at_once() {
    let records = history(13, 300);
    let expected = plain(&records);
    let world = World::new();
    let consumer = world.start(&options(2, 100));
    for group in records.chunks(40) {
        world.append(group);
    }
    consumer.drain(PATIENCE).unwrap();
    check_equal(&answers(&*world.store), &expected, "answers");
}

/// Starts, is struck, starts again, until nothing strikes.
fn fold_with(world: &World, strikes: &[(CrashPoint, usize)], owners: usize, batch: usize) -> usize {
    let mut struck = 0;
    for (point, passes) in strikes {
        let options =
            ConsumeOptions { crash: Some(Strike::at(*point, *passes)), ..options(owners, batch) };
        match world.start(&options).drain(PATIENCE) {
            Err(DrainError::Closed) => struck += 1,
            other => drop(other.unwrap()),
        }
    }
    world.fold(&options(owners, batch));
    struck
}

#[test]
fn a_crash_at_any_point_changes_nothing() {
    let records = history(14, 120);
    let expected = plain(&records);
    for point in CrashPoint::ALL {
        for passes in [1, 2, 5] {
            let world = World::new();
            world.append(&records);
            let struck = fold_with(&world, &[(point, passes), (point, passes)], 2, 30);
            assert!(struck > 0, "{point:?} was never passed {passes} times");
            check_equal(&answers(&*world.store), &expected, &format!("{point:?} at pass {passes}"));
        }
    }
}

#[test]
fn many_random_crashes_change_nothing() {
    let records = history(15, 120);
    let expected = plain(&records);
    for seed in 1..6 {
        let mut random = Random(seed);
        let strikes: Vec<_> = (0..12)
            .map(|_| {
                let point = CrashPoint::ALL[random.below(5) as usize];
                (point, 1 + random.below(6) as usize)
            })
            .collect();
        let world = World::new();
        world.append(&records);
        fold_with(&world, &strikes, 1 + random.below(4) as usize, 1 + random.below(60) as usize);
        check_equal(&answers(&*world.store), &expected, &format!("seed {seed}: {strikes:?}"));
    }
}

#[test]
fn state_that_falls_back_is_folded_again() {
    let records = history(16, 200);
    let expected = plain(&records);
    let mut world = World::new();
    let (first, rest) = records.split_at(records.len() / 2);
    world.append(first);
    world.fold(&options(2, 20));
    let dir = tempfile::tempdir().unwrap();
    let before: Vec<_> = Lane::all().map(|_| world.store.snapshot().unwrap()).collect();
    let (before, opened) = (RefCell::new(before), Cell::new(0));
    world.append(rest);
    world.fold(&options(2, 20));
    // Every other lane stands where it stood before the rest.
    let open = || match opened.replace(opened.get() + 1) % 2 {
        0 => Ok(before.borrow_mut().pop().unwrap()),
        _ => world.store.snapshot(),
    };
    checkpoint::write(&open, 0, dir.path()).unwrap();
    let fallen = MemoryStore::new();
    checkpoint::read(dir.path(), &fallen).unwrap();
    world.store = Arc::new(fallen);
    world.fold(&options(3, 50));
    check_equal(&answers(&*world.store), &expected, "answers");
    world.store = Arc::new(MemoryStore::new());
    world.fold(&options(1, 200));
    check_equal(&answers(&*world.store), &expected, "from nothing, with all items in the log");
}

#[test]
fn ticks_do_not_matter() {
    let records = history(17, 100);
    let expected = plain(&records);
    let mut mixed = records;
    for number in 0..40 {
        let lane = Lane::from_number(number).unwrap();
        mixed.insert(number as usize * 2, tick(lane));
    }
    check_equal(&plain(&mixed), &expected, "with ticks");
}
