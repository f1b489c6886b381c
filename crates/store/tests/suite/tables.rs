//! Tables: names, order, escaping, and equality of what the formats say.

use millstream_event::{
    Campaign, Channel, EntityId, Event, Hash128, Money, Quarantine, QuarantineReason, Revision,
    SourceId, Timestamp,
};
use millstream_event::{Currency, envelope};
use millstream_pipeline::query::Outcome;
use millstream_pipeline::rows::{ConversionRow, CreditRow, PersonRow, SessionRow};
use millstream_store::tables::cell::{Cell, Column};
use millstream_store::tables::{
    EventRow, Format, QuarantineRow, Row, Sorter, SorterOptions, Table, write_rows, writer,
};
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;

fn written<R: Row>(rows: Vec<R>, format: Format, with_revision: bool) -> Vec<u8> {
    let mut out = Vec::new();
    write_rows(rows, format, with_revision, &mut out).unwrap();
    out
}

fn text<R: Row>(rows: Vec<R>, format: Format) -> String {
    String::from_utf8(written(rows, format, false)).unwrap()
}

fn hash(number: u8) -> Hash128 {
    Hash128([number; 16])
}

fn session(number: u8, at: i64) -> SessionRow {
    SessionRow {
        session_id: hash(number),
        anonymous_id: "=cmd|' /C calc'!A0".into(),
        person_id: EntityId(hash(9)),
        started_at: Timestamp(at),
        ended_at: Timestamp(at + 1_500_000),
        events: 3,
        page_views: 2,
        source: "google".into(),
        medium: "cpc".into(),
        channel: Channel::new("paid_search"),
        campaign: Campaign { name: Some("spring, \"sale\"".into()), ..Campaign::default() },
        device: "desktop".into(),
        browser: "Firefox".into(),
        os: "Linux".into(),
        country: Some("AT".into()),
        region: None,
        entry_url: Some("https://shop.example/a\nb".into()),
        exit_url: None,
        bot: false,
        resolution_delay_micros: 0,
        revision: Revision(77),
    }
}

fn credit(model: &'static str, touch: Option<u8>) -> CreditRow {
    CreditRow {
        conversion_id: hash(1),
        person_id: EntityId(hash(2)),
        touch_id: touch.map(hash),
        campaign: Campaign::default(),
        source: "".into(),
        channel: Channel::new("direct"),
        link_id: None,
        model,
        weight_ppb: 500_000_000,
        amount: Some(Money { minor: -250, currency: Currency::USD }),
        revision: Revision(5),
    }
}

fn event(line: &str) -> Event {
    envelope::decode(1, line.as_bytes()).unwrap()
}

const EVENT: &str = r#"{"id":"e1","k":"track","n":"Order Completed","src":"web","a":"d1","q":4,
"t":1000000,"rx":2000000,"cs":{"granted":5,"source":"explicit"},"f":5,
"v":{"minor":1250,"currency":"EUR"},"o":"A-1","p":{"a":
[1,"x\ny"]},"pg":{"u":"https://shop.example/?q=1"}}"#;

fn event_row(event: Event) -> EventRow {
    EventRow {
        event,
        outcome: Outcome::Visible { session_id: Some(hash(3)), person_id: EntityId(hash(2)) },
        device: "mobile".into(),
        browser: "Safari".into(),
        os: "iOS".into(),
        late: false,
        bot: true,
    }
}

#[test]
fn csv_of_sessions() {
    let expected = "session_id,anonymous_id,person_id,started_at,ended_at,events,page_views,source,\
        medium,channel,campaign,ad_group,term,content,device,browser,os,country,region,entry_url,\
        exit_url,bot,resolution_delay_us\r\n\
        02020202020202020202020202020202,\"'=cmd|' /C calc'!A0\",09090909090909090909090909090909,\
        1970-01-01T00:00:01Z,1970-01-01T00:00:02.5Z,3,2,google,cpc,paid_search,\
        \"spring, \"\"sale\"\"\",,,,desktop,Firefox,Linux,AT,,\"https://shop.example/a\nb\",,false,0\r\n\
        01010101010101010101010101010101,";
    let found = text(vec![session(1, 2_000_000), session(2, 1_000_000)], Format::Csv);
    assert!(found.starts_with(expected), "{found}");
}

#[test]
fn json_lines_of_an_event() {
    let found = text(vec![event_row(event(EVENT))], Format::JsonLines);
    let value: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found.lines().count(), 1);
    for (name, expected) in [
        ("event_id", serde_json::json!("e1")),
        ("kind", "track".into()),
        ("event", "Order Completed".into()),
        ("session_id", hash(3).to_hex().into()),
        ("event_time", "1970-01-01T00:00:01Z".into()),
        ("flags", "degraded imported bot".into()),
        ("consent", "measurement advertising".into()),
        ("value_minor", 1250.into()),
        ("currency", "EUR".into()),
        ("properties", serde_json::json!({"a": [1, "x\ny"]})),
        ("edge_at", serde_json::Value::Null),
    ] {
        assert_eq!(value[name], expected, "{name}");
    }
    let names: Vec<_> = EventRow::COLUMNS.iter().map(|column| column.name).collect();
    assert_eq!(value.as_object().unwrap().len(), names.len(), "column names are distinct");
}

#[test]
fn revision_is_shown_only_when_asked_for() {
    let rows = vec![credit("last", None)];
    assert!(!text(rows.clone(), Format::Csv).contains("revision"));
    let with = String::from_utf8(written(rows, Format::Csv, true)).unwrap();
    assert!(with.lines().next().unwrap().ends_with(",currency,revision"), "{with}");
    assert!(with.trim_end().ends_with(",-250,USD,5"), "{with}");
}

#[test]
fn rows_come_in_a_stable_order() {
    let rows = vec![credit("linear", Some(2)), credit("first", None), credit("linear", Some(1))];
    let mut reversed = rows.clone();
    reversed.reverse();
    assert_eq!(text(rows, Format::Csv), text(reversed, Format::Csv));
    let first = event(EVENT);
    let second = event(&EVENT.replace("\"q\":4", "\"q\":2"));
    let forth = vec![event_row(first.clone()), event_row(second.clone())];
    let back = vec![event_row(second), event_row(first)];
    assert_eq!(text(forth, Format::JsonLines), text(back, Format::JsonLines));
}

#[test]
fn parquet_says_what_json_lines_say() {
    let rows = vec![session(1, 1), session(2, 2), session(3, 3)];
    let bytes = written(rows.clone(), Format::Parquet, true);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let reader = SerializedFileReader::new(file.reopen().unwrap()).unwrap();
    let found: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(found.len(), 3);
    let names: Vec<_> = found[0].get_column_iter().map(|(name, _)| name.clone()).collect();
    let expected: Vec<_> = writer::columns::<SessionRow>(true).iter().map(|c| c.name).collect();
    assert_eq!(names, expected);
    let shown = format!("{}", found[1]);
    for part in ["session_id: \"0202", "events: 3", "bot: false", "region: null", "revision: 77"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert_eq!(written(rows.clone(), Format::Parquet, true), written(rows, Format::Parquet, true));
}

#[test]
fn an_empty_table_has_its_columns() {
    assert_eq!(
        text(Vec::<PersonRow>::new(), Format::Csv),
        "person_id,devices,touches,conversions\r\n"
    );
    assert_eq!(text(Vec::<ConversionRow>::new(), Format::JsonLines), "");
    assert!(!written(Vec::<ConversionRow>::new(), Format::Parquet, false).is_empty());
}

#[test]
fn quarantine_keeps_odd_bytes_readable() {
    let row = QuarantineRow(Quarantine {
        id: hash(4),
        reason: QuarantineReason::MalformedLine,
        detail: "-2+3".into(),
        source: SourceId::parse("web").unwrap(),
        received: None,
        bytes: 9,
        raw: Some("a\u{1}\t\"b\"\\\r\n".into()),
        resolved: false,
    });
    let csv = text(vec![row.clone()], Format::Csv);
    assert!(csv.contains(",malformed_line,\"'-2+3\",web,"), "{csv}");
    let json: serde_json::Value =
        serde_json::from_str(&text(vec![row], Format::JsonLines)).unwrap();
    assert!(json.get("received_at").is_none_or(serde_json::Value::is_null));
    assert_eq!(json["raw"], "a\u{1}\t\"b\"\\\r\n");
}

fn csv_cell(value: &str) -> String {
    let mut out = Vec::new();
    let mut table = writer::open(Format::Csv, vec![Column::text("c")], &mut out).unwrap();
    table.row(&[Cell::from(value)]).unwrap();
    table.finish().unwrap();
    String::from_utf8(out).unwrap().strip_prefix("c\r\n").unwrap().to_owned()
}

#[test]
fn formulas_are_made_inert_and_numbers_are_not() {
    for (value, expected) in [
        ("=1+1", "\"'=1+1\"\r\n"),
        ("@SUM(A1)", "\"'@SUM(A1)\"\r\n"),
        ("+cmd", "\"'+cmd\"\r\n"),
        ("-", "\"'-\"\r\n"),
        ("\tx", "\"'\tx\"\r\n"),
        ("\rx", "\"'\rx\"\r\n"),
        ("-1.5", "-1.5\r\n"),
        ("+43123", "+43123\r\n"),
        ("-1.", "\"'-1.\"\r\n"),
        ("-1e5", "\"'-1e5\"\r\n"),
        ("a=b", "a=b\r\n"),
        ("", "\r\n"),
    ] {
        assert_eq!(csv_cell(value), expected, "{value:?}");
    }
}

#[test]
fn names_are_parsed_and_unknown_ones_listed() {
    for table in Table::ALL {
        assert_eq!(table.name().parse(), Ok(table));
        let error = "sesions".parse::<Table>().unwrap_err().to_string();
        assert!(error.contains(table.name()), "{error}");
    }
    assert_eq!("jsonl".parse(), Ok(Format::JsonLines));
    assert!("xml".parse::<Format>().unwrap_err().to_string().contains("parquet"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// A reader that knows RFC 4180 gets back the text, save the guard.
    #[test]
    fn csv_survives_any_text(value in "\\PC{0,20}|[\"',=\r\n\t -~]{0,12}") {
        let found = csv_cell(&value);
        let body = found.strip_suffix("\r\n").unwrap();
        let plain = match body.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"').unwrap().replace("\"\"", "\""),
            None => { prop_assert!(!body.contains([',', '"', '\n', '\r'])); body.to_owned() }
        };
        let guarded = format!("'{value}");
        prop_assert!(plain == value || plain == guarded);
    }

    /// Spilling or not, the order is that of the keys.
    #[test]
    fn sorting_with_runs_equals_sorting_in_memory(
        rows in proptest::collection::vec((any::<u16>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..200),
        memory_bytes in 64_usize..8_000,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let options = SorterOptions { memory_bytes, folder: folder.path().into() };
        let mut sorter = Sorter::new(options);
        let mut expected = rows.clone();
        for (key, row) in rows {
            sorter.push(key.to_be_bytes().to_vec(), row).unwrap();
        }
        expected.sort();
        let mut found = Vec::new();
        sorter.finish(&mut |row| { found.push(row.to_vec()); Ok(()) }).unwrap();
        prop_assert_eq!(found, expected.into_iter().map(|(_, row)| row).collect::<Vec<_>>());
    }
}
