use super::{TIGHT, arrive, check, open, parquet_files};
use crate::consume::tests::history::history;
use crate::consume::tests::parts::{World, options};
use crate::tables::{TablesError, TablesKeeper, TablesLimits, TablesOptions};
use millstream_store::tables::Table;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn what_a_crash_leaves_behind_is_removed_and_the_tables_go_on() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    arrive(&world, &history(61, 150));
    let before = open(&world, dir.path(), TIGHT).refresh().unwrap();
    let rows = before.rows(Table::Events);
    drop(before);
    // New files, whole and torn, and a manifest that was never put in force.
    let there = parquet_files(dir.path());
    fs::write(dir.path().join("events-00000099-000.parquet"), b"PAR1").unwrap();
    fs::write(dir.path().join("sessions-00000099-001.parquet"), b"").unwrap();
    fs::write(dir.path().join("manifest.json.unfinished"), b"{\"layout\":1").unwrap();
    arrive(&world, &history(62, 150));
    let tables = open(&world, dir.path(), TIGHT);
    assert_eq!(parquet_files(dir.path()), there);
    assert!(!dir.path().join("manifest.json.unfinished").exists());
    let version = tables.refresh().unwrap();
    assert!(version.rows(Table::Events) > rows);
    check(&world, &version);
}

#[test]
fn a_refresh_that_is_broken_off_changes_nothing() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    arrive(&world, &history(63, 100));
    drop(open(&world, dir.path(), TIGHT).refresh().unwrap());
    let manifest = fs::read(dir.path().join("manifest.json")).unwrap();
    arrive(&world, &history(64, 100));
    let tables = open(&world, dir.path(), TIGHT);
    tables.current().unwrap();
    arrive(&world, &history(65, 100));
    let manifest_now = fs::read(dir.path().join("manifest.json")).unwrap();
    assert_ne!(manifest, manifest_now);
    tables.close();
    assert!(matches!(tables.refresh(), Err(TablesError::Closing)));
    assert_eq!(fs::read(dir.path().join("manifest.json")).unwrap(), manifest_now);
    drop(tables);
    check(&world, &open(&world, dir.path(), TIGHT).refresh().unwrap());
}

#[test]
fn damaged_tables_are_made_anew() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    arrive(&world, &history(66, 100));
    let version = open(&world, dir.path(), TablesLimits::default()).refresh().unwrap();
    let file = version.files(Table::Sessions).pop().unwrap();
    drop(version);
    for damage in [
        Box::new(|| fs::write(&file, b"short").unwrap()) as Box<dyn Fn()>,
        Box::new(|| fs::remove_file(&file).unwrap_or_default()),
        Box::new(|| fs::write(dir.path().join("manifest.json"), b"{}").unwrap()),
    ] {
        damage();
        let tables = open(&world, dir.path(), TablesLimits::default());
        assert_eq!(parquet_files(dir.path()), 0);
        check(&world, &tables.refresh().unwrap());
    }
}

#[test]
fn tables_of_another_history_are_made_anew() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    arrive(&world, &history(67, 100));
    drop(open(&world, dir.path(), TablesLimits::default()).refresh().unwrap());
    // As long as the first, and as long in every lane, but of other records.
    let other = World::new();
    arrive(&other, &history(68, 300));
    let version = open(&other, dir.path(), TablesLimits::default()).current().unwrap();
    assert_eq!(version.rows(Table::Events), 300);
    check(&other, &version);
}

#[test]
fn state_that_is_folded_again_is_waited_for() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    arrive(&world, &history(69, 100));
    drop(open(&world, dir.path(), TablesLimits::default()).refresh().unwrap());
    let mut behind = World::new();
    behind.log = Arc::clone(&world.log);
    let tables = open(&behind, dir.path(), TablesLimits::default());
    assert!(matches!(tables.refresh(), Err(TablesError::Ahead)));
    behind.fold(&options(1, 50));
    check(&behind, &tables.refresh().unwrap());
}

#[test]
fn the_keeper_brings_in_what_arrives_and_ends_when_dropped() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let tables = Arc::new(open(&world, dir.path(), TablesLimits::default()));
    let options = TablesOptions { every: Duration::from_millis(1), share_percent: 100 };
    let keeper = TablesKeeper::start(&tables, options).unwrap();
    arrive(&world, &history(70, 50));
    let deadline = Instant::now() + Duration::from_secs(60);
    while tables.current().unwrap().rows(Table::Events) < 50 && Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert_eq!(tables.current().unwrap().rows(Table::Events), 50);
    drop(keeper);
    assert!(matches!(tables.refresh(), Err(TablesError::Closing)));
}
