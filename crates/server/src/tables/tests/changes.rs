use super::super::merge::MERGED;
use super::{TIGHT, Version, arrive, check, open, parquet_files, parts};
use crate::consume::tests::history::{Random, history, record};
use crate::consume::tests::parts::World;
use crate::tables::{Tables, TablesLimits};
use millstream_event::{Event, Header, Kind, Lane, Span, Timestamp, envelope};
use millstream_log::Append;
use millstream_pipeline::retention::{Class, Cutoffs, Order};
use millstream_store::tables::Table;

#[test]
fn tables_equal_an_export_after_every_refresh() {
    for (seed, limits) in [(41, TablesLimits::default()), (42, TIGHT)] {
        let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
        let tables = open(&world, dir.path(), limits);
        check(&world, &tables.current().unwrap());
        let records = history(seed, 200);
        let mut random = Random(seed);
        let mut rest = &records[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(1 + random.below(60) as usize));
            arrive(&world, now);
            check(&world, &tables.refresh().unwrap());
            rest = later;
        }
    }
}

#[test]
fn a_refresh_in_steps_is_right_at_its_end_and_says_that_it_is_not_there_before() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let tables = open(&world, dir.path(), TIGHT);
    tables.current().unwrap();
    arrive(&world, &history(44, 300));
    let mut steps = 0;
    while tables.step().unwrap() {
        steps += 1;
        assert!(tables.current().unwrap().freshness().provisional);
        // More comes between the steps.
        if steps == 2 {
            arrive(&world, &history(45, 50));
        }
    }
    assert!(steps >= 300 / TIGHT.step_records);
    let version = tables.current().unwrap();
    assert!(!version.freshness().provisional);
    check(&world, &version);
}

fn page(id: &str, at: i64, received: i64) -> Event {
    let text = format!(
        r#"{{"id":"{id}","src":"web","a":"d","t":{at},"rx":{received},"sf":"browser",
        "cs":{{"granted":7,"source":"default"}},"k":"page"}}"#
    );
    envelope::decode(1, text.as_bytes()).unwrap()
}

const MINUTE: i64 = 60_000_000;
const START: i64 = 1_790_000_000_000_000;

#[test]
fn late_events_move_earlier_ones_to_other_sessions() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let tables = open(&world, dir.path(), TablesLimits::default());
    let at = |minute: i64| START + minute * MINUTE;
    let now = at(1_000);
    let two: Vec<_> =
        [0, 50].map(|minute| record(&page(&format!("e{minute}"), at(minute), now))).into();
    arrive(&world, &two);
    check(&world, &tables.refresh().unwrap());
    assert_eq!(tables.current().unwrap().rows(Table::Sessions), 2);
    // One in between joins both sessions, one before it begins them earlier.
    arrive(&world, &[record(&page("e25", at(25), now))]);
    check(&world, &tables.refresh().unwrap());
    assert_eq!(tables.current().unwrap().rows(Table::Sessions), 1);
    arrive(&world, &[record(&page("e-9", at(-9), now))]);
    check(&world, &tables.refresh().unwrap());
    // A better copy of the one in between lies elsewhere: the session is divided again.
    arrive(&world, &[record(&page("e25", at(500), now - 1))]);
    let version = tables.refresh().unwrap();
    assert_eq!((version.rows(Table::Sessions), version.rows(Table::Events)), (3, 4));
    check(&world, &version);
}

#[test]
fn what_a_browser_tells_of_a_servers_event_later_joins_its_row() {
    let told = |surface, more: &str| {
        let text = format!(
            r#"{{"id":"buy","src":"web","a":"d","t":{START},"rx":{START},"sf":"{surface}","k":"track",
            "n":"Look","cs":{{"granted":7,"source":"default"}},{more}}}"#
        );
        record(&envelope::decode(1, text.as_bytes()).unwrap())
    };
    let server = told("server", r#""u":"ann","v":{"minor":500,"currency":"EUR"}"#);
    let browser = told("browser", r#""pg":{"u":"https://shop.example/buy"}"#);
    for [first, second] in [[&server, &browser], [&browser, &server]] {
        let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
        let tables = open(&world, dir.path(), TablesLimits::default());
        for copy in [first, second] {
            arrive(&world, std::slice::from_ref(copy));
            check(&world, &tables.refresh().unwrap());
        }
        let version = tables.current().unwrap();
        assert_eq!((version.rows(Table::Events), version.rows(Table::Sessions)), (1, 1));
        let row = super::kept(&version, Table::Events).remove(0);
        for told in ["\"ann\"", "https://shop.example/buy", "500"] {
            assert!(row.contains(told), "{told} in {row}");
        }
    }
}

#[test]
fn small_parts_are_merged_and_nothing_is_left_behind() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let tables = open(&world, dir.path(), TablesLimits::default());
    for number in 0..(3 * MERGED as i64) {
        let event = page(&format!("e{number}"), START + number * MINUTE, START + 90 * MINUTE);
        arrive(&world, &[record(&event)]);
        let version = tables.refresh().unwrap();
        let files = version.files(Table::Events).len();
        assert!(files <= 2 * MERGED, "{files} parts after {number} refreshes");
        let all: usize = Table::KEPT.iter().map(|table| version.files(*table).len()).sum();
        assert_eq!(parquet_files(dir.path()), all);
    }
    check(&world, &tables.current().unwrap());
}

#[test]
fn large_tables_are_spread_over_files_by_lane() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let tables = open(&world, dir.path(), TIGHT);
    arrive(&world, &history(46, 300));
    let version = tables.refresh().unwrap();
    assert!(version.files(Table::Sessions).len() > 3);
    assert!(version.files(Table::Events).len() as u64 >= 300 / TIGHT.part_rows);
    check(&world, &version);
}

#[test]
fn files_stay_while_somebody_reads_them() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let tables = open(&world, dir.path(), TablesLimits::default());
    arrive(&world, &history(47, 60));
    let read = tables.refresh().unwrap();
    let before = super::kept(&read, Table::Sessions);
    for seed in [48, 49] {
        arrive(&world, &history(seed, 60));
        tables.refresh().unwrap();
    }
    assert!(super::kept(&read, Table::Sessions) == before, "a version changed under its reader");
    let held = parquet_files(dir.path());
    drop(read);
    tables.refresh().unwrap();
    assert!(parquet_files(dir.path()) < held);
    check(&world, &tables.current().unwrap());
}

#[test]
fn other_rules_make_the_tables_anew() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    arrive(&world, &history(50, 80));
    open(&world, dir.path(), TablesLimits::default()).refresh().unwrap();
    let mut narrow = parts(&world, TablesLimits::default());
    narrow.window = Span::hours(1);
    let tables = Tables::open(dir.path(), narrow).unwrap();
    assert_eq!(parquet_files(dir.path()), 0);
    assert_eq!(tables.refresh().unwrap().rows(Table::Events), 80);
}

#[test]
fn what_is_no_longer_kept_leaves_tables_and_exports_alike() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    let tables = open(&world, dir.path(), TIGHT);
    arrive(&world, &history(7, 200));
    let version = tables.refresh().unwrap();
    let rows = |version: &Version| version.rows(Table::Events);
    let (all, start) = (rows(&version), Timestamp(1_790_000_000_000_000));
    let order = |lane, order: &Order| Append {
        header: Header::new(Kind::Tick, lane, start),
        payload: serde_json::to_vec(order).unwrap(),
    };
    let mut left = all;
    for hours in [36, 24 * 3, 24 * 9] {
        let from = Some(start + Span::hours(hours));
        let with = |cutoffs: Cutoffs, class| cutoffs.with(class, from);
        let from = Class::ALL.into_iter().fold(Cutoffs::default(), with);
        let keep = |lane| order(lane, &Order::Keep(from));
        arrive(&world, &Lane::all().map(keep).collect::<Vec<_>>());
        let version = tables.refresh().unwrap();
        check(&world, &version);
        assert!(rows(&version) < left || left == 0, "events before {hours} h go");
        left = rows(&version);
        for class in Class::ALL {
            let sweep = |lane| order(lane, &Order::Sweep { class, from: 0, to: u32::MAX });
            arrive(&world, &Lane::all().map(sweep).collect::<Vec<_>>());
        }
        check(&world, &tables.refresh().unwrap());
    }
    let version = tables.refresh().unwrap();
    assert!(Table::KEPT.into_iter().all(|table| version.rows(table) == 0));
}
