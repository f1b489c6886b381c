use super::{ExportParts, ExportRequest, RequestError, export};
use crate::consume::tests::history::{Random, history};
use crate::consume::tests::parts::{NoBots, World, options};
use crate::consume::{ConsumeOptions, start};
use crate::instance::{Instance, InstanceError, InstanceOptions, backup, restore};
use millstream_event::{
    Hash128, Header, Kind, Lane, Quarantine, QuarantineReason, SourceId, Span, Timestamp,
};
use millstream_log::{Append, EventLog};
use millstream_stitch::Properties;
use millstream_store::tables::{Format, SorterOptions, Table};
use millstream_store::{MemoryStore, StateView};
use std::path::Path;
use std::sync::mpsc;

fn exported(log: &dyn EventLog, state: &dyn StateView, request: &ExportRequest) -> Vec<u8> {
    let parts = ExportParts {
        log,
        state,
        generation: 0,
        properties: &Properties::default(),
        window: Span::days(30),
        horizon: Span::hours(48),
        agents: &NoBots,
    };
    let mut out = Vec::new();
    let rows = export(parts, request, &mut out).unwrap();
    if request.format == Format::JsonLines {
        assert_eq!(rows, out.iter().filter(|byte| **byte == b'\n').count() as u64);
    }
    out
}

fn lines(world: &World, table: Table) -> Vec<String> {
    let request = ExportRequest::new(table, Format::JsonLines);
    let text = exported(&*world.log, &*world.store, &request);
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}

fn all_tables(log: &dyn EventLog, state: &dyn StateView) -> Vec<Vec<u8>> {
    let formats = [Format::Csv, Format::JsonLines, Format::Parquet];
    let requests = Table::ALL
        .into_iter()
        .flat_map(|table| formats.into_iter().map(move |format| ExportRequest::new(table, format)));
    requests.map(|request| exported(log, state, &request)).collect()
}

fn quarantined(number: u8, raw: &str) -> Append {
    let thing = Quarantine {
        id: Hash128([number; 16]),
        reason: QuarantineReason::MalformedLine,
        detail: "no quote".into(),
        source: SourceId::parse("web").unwrap(),
        received: Some(Timestamp(i64::from(number))),
        bytes: 3,
        raw: Some(raw.into()),
        resolved: false,
    };
    let lane = Lane::of(thing.subject());
    let header = Header::new(Kind::Quarantine, lane, Timestamp(1));
    Append { header, payload: serde_json::to_vec(&thing).unwrap() }
}

#[test]
fn each_event_is_there_once_and_in_flight_until_folded() {
    let world = World::new();
    let records = history(31, 60);
    world.append(&records);
    let before = lines(&world, Table::Events);
    assert_eq!(before.len(), records.len());
    assert!(before.iter().all(|line| line.contains(r#""outcome":"in_flight""#)));
    world.fold(&options(1, 100));
    let after = lines(&world, Table::Events);
    assert_eq!(after.len(), 60, "copies are left out");
    assert!(after.iter().all(|line| line.contains(r#""outcome":"visible""#)));
    let sessions = lines(&world, Table::Sessions);
    let first = after.iter().find(|line| !line.contains(r#""session_id":null"#)).unwrap();
    let id = first.split(r#""session_id":""#).nth(1).unwrap().split('"').next().unwrap();
    assert!(sessions.iter().any(|line| line.contains(id)), "events name sessions that exist");
}

#[test]
fn shuffled_input_and_spilled_sorting_give_the_same_bytes() {
    let mut records = history(32, 80);
    let world = World::new();
    world.append(&records);
    world.fold(&options(1, 100));
    let expected = all_tables(&*world.log, &*world.store);
    Random(9).shuffle(&mut records);
    let other = World::new();
    other.append(&records);
    other.fold(&options(4, 7));
    assert!(all_tables(&*other.log, &*other.store) == expected, "order shows in an export");
    let sorter = SorterOptions { memory_bytes: 2_000, ..SorterOptions::default() };
    let request = ExportRequest { sorter, ..ExportRequest::new(Table::Events, Format::Csv) };
    assert!(exported(&*other.log, &*other.store, &request) == expected[0]);
}

#[test]
fn quarantine_is_shown_once_and_damaged_events_too() {
    let world = World::new();
    world.append(&[quarantined(2, "b"), quarantined(1, "a"), quarantined(2, "again")]);
    let broken = Header::new(Kind::Event, Lane::GRAPH, Timestamp(7));
    world.append(&[Append { header: broken, payload: b"{".to_vec() }]);
    world.fold(&options(2, 1));
    let found = lines(&world, Table::Quarantine);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].contains(r#""raw":"a""#) && found[1].contains(r#""raw":"b""#));
    assert!(found[2].contains(r#""reason":"unreadable""#));
    assert!(lines(&world, Table::Events).is_empty());
}

#[test]
fn requests_are_parsed_and_unknown_words_named() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let parsed =
        ExportRequest::parse("credits", &[pair("format", "jsonl"), pair("with_revision", "true")]);
    let parsed = parsed.unwrap();
    assert_eq!(parsed.table, Table::Credits);
    assert!(parsed.with_revision && parsed.format == Format::JsonLines);
    for (table, parameters, word) in [
        ("credit", vec![], "credits"),
        ("events", vec![pair("format", "xml")], "parquet"),
        ("events", vec![pair("with_revision", "yes")], "yes"),
        ("events", vec![pair("limit", "1")], "limit"),
    ] {
        let refused: RequestError = ExportRequest::parse(table, &parameters).unwrap_err();
        assert!(refused.to_string().contains(word), "{refused}");
    }
}

fn append(instance: &Instance, records: &[Append]) {
    for group in records.chunks(20) {
        let (done, wait) = mpsc::channel();
        let acknowledge = Box::new(move |result| done.send(result).unwrap());
        instance.log.append(group.to_vec(), acknowledge).unwrap();
        wait.recv().unwrap().unwrap();
    }
}

/// Folds what the instance's log holds and gives all its tables.
fn folded(instance: &Instance) -> Vec<Vec<u8>> {
    let mut parts = World::new().parts();
    parts.log = instance.log.clone();
    parts.store = instance.in_force().store.clone();
    let consumer = start(&options(2, 50), parts).unwrap();
    consumer.drain(crate::consume::tests::parts::PATIENCE).unwrap();
    consumer.shutdown();
    all_tables(&*instance.log, &*instance.in_force().store.snapshot().unwrap())
}

fn open(dir: &Path) -> Instance {
    Instance::open(dir, &InstanceOptions::default()).unwrap()
}

#[test]
fn a_backup_taken_under_load_restores_and_folds_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let records = history(33, 200);
    let instance = open(&path("live"));
    append(&instance, &records[..100]);
    let mut parts = World::new().parts();
    parts.log = instance.log.clone();
    parts.store = instance.in_force().store.clone();
    let options = ConsumeOptions { batch_records: 10, ..options(2, 10) };
    let consumer = start(&options, parts).unwrap();
    let report = std::thread::scope(|scope| {
        scope.spawn(|| append(&instance, &records[100..150]));
        backup(&instance, &path("copy")).unwrap()
    });
    assert!(report.segments > 0 && report.log_bytes > 0);
    consumer.shutdown();
    drop(consumer);
    append(&instance, &records[150..]);
    let expected = folded(&instance);

    let options = InstanceOptions::default();
    let refused = backup(&instance, &path("copy"));
    assert!(matches!(refused, Err(InstanceError::NotEmpty { .. })), "a backup is never mixed");
    drop(instance);
    assert_eq!(restore(&path("copy"), &path("back"), &options).unwrap(), report);
    let restored = open(&path("back"));
    assert_eq!(restored.rebuilt, None, "the checkpoint belongs to the log");
    // What came after the backup arrives again, as clients retry it.
    append(&restored, &records[100..]);
    assert!(folded(&restored) == expected, "restored tables differ");
    drop(restored);

    let refused = restore(&path("copy"), &path("back"), &options);
    assert!(matches!(refused, Err(InstanceError::NotEmpty { .. })));
    std::fs::remove_file(path("copy").join("backup.json")).unwrap();
    let refused = restore(&path("copy"), &path("other"), &options);
    assert!(matches!(refused, Err(InstanceError::NotABackup { .. })));
}

#[test]
fn an_empty_directory_exports_empty_tables() {
    let world = World::new();
    let tables = all_tables(&*world.log, &MemoryStore::new());
    assert_eq!(tables.len(), Table::ALL.len() * 3);
    assert!(tables[0].starts_with(b"event_id,kind,event,"));
}
