//! The kept tables against exports of the same state.

mod changes;
mod crashes;
mod forgetting;

use super::{Tables, TablesLimits, TablesParts, Version};
use crate::consume::tests::parts::{NoBots, World, options};
use crate::export::{ExportParts, ExportRequest, export};
use crate::report::Freshness;
use millstream_event::{Span, Timestamp};
use millstream_log::{Append, EventLog};
use millstream_stitch::Properties;
use millstream_store::tables::{Format, Table, read_part, writer};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Small enough that every bound is met.
const TIGHT: TablesLimits = TablesLimits {
    step_records: 37,
    step_time: Duration::from_secs(60),
    part_rows: 40,
    bucket_rows: 5,
};

fn parts(world: &World, limits: TablesLimits) -> TablesParts {
    let as_of = Timestamp(1_800_000_000_000_000);
    let fresh = Freshness { as_of, complete_until: Some(as_of), provisional: false };
    TablesParts {
        log: Arc::clone(&world.log) as Arc<dyn EventLog>,
        store: Arc::clone(&world.store),
        agents: Arc::new(NoBots),
        generation: 0,
        properties: Properties::default(),
        window: Span::days(30),
        horizon: Span::hours(48),
        freshness: Arc::new(move || fresh),
        limits,
    }
}

fn open(world: &World, dir: &Path, limits: TablesLimits) -> Tables {
    Tables::open(dir, parts(world, limits)).unwrap()
}

fn lines(text: Vec<u8>) -> Vec<String> {
    let mut lines: Vec<_> = String::from_utf8(text).unwrap().lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

fn exported(world: &World, table: Table) -> Vec<String> {
    let state = world.store.snapshot().unwrap();
    let parts = ExportParts {
        log: &*world.log,
        state: &*state,
        generation: 0,
        properties: &Properties::default(),
        window: Span::days(30),
        horizon: Span::hours(48),
        agents: &NoBots,
    };
    let mut request = ExportRequest::new(table, Format::JsonLines);
    request.with_revision = table != Table::Events;
    let mut out = Vec::new();
    export(parts, &request, &mut out).unwrap();
    lines(out)
}

fn kept(version: &Version, table: Table) -> Vec<String> {
    let columns = table.kept_columns();
    let names: Vec<_> = columns.iter().map(|column| column.name).collect();
    let mut out = Vec::new();
    let mut rows = 0;
    let mut json = writer::open(Format::JsonLines, columns.clone(), &mut out).unwrap();
    for file in version.files(table) {
        read_part(&file, &names, &mut |cells| {
            rows += 1;
            json.row(cells)?;
            Ok(true)
        })
        .unwrap();
    }
    json.finish().unwrap();
    assert_eq!(rows, version.rows(table));
    lines(out)
}

/// Every kept table equals what an export says now.
fn check(world: &World, version: &Version) {
    for table in Table::KEPT {
        let (kept, exported) = (kept(version, table), exported(world, table));
        assert!(kept == exported, "{table} differs: {} and {} rows", kept.len(), exported.len());
    }
}

/// Appends and folds.
fn arrive(world: &World, records: &[Append]) {
    world.append(records);
    world.fold(&options(2, 20));
}

fn parquet_files(dir: &Path) -> usize {
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().ends_with(".parquet")).count()
}
