//! Imports: true numbers, the same for the same set of lines.

use crate::command::{access_log, command, expect, report, tables};
use flate2::read::GzDecoder;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;

const DONE_WITH_REFUSALS: i32 = 3;

fn lines() -> Vec<String> {
    let mut text = String::new();
    GzDecoder::new(File::open(access_log()).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn import(dir: &Path, files: &[&Path]) -> serde_json::Value {
    let mut arguments = vec!["import", "--format", "combined", "--output", "json", "--data-dir"];
    arguments.push(dir.to_str().unwrap());
    arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
    serde_json::from_str(&expect(DONE_WITH_REFUSALS, &arguments)).unwrap()
}

#[test]
fn the_real_log_gives_the_known_numbers_and_the_same_again_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let first = import(&dir, &[&access_log()]);
    assert_eq!(first["accepted"], 9_999);
    assert_eq!(first["quarantined"], 1);
    let sessions = report("sessions", &dir);
    assert_eq!(sessions["totals"]["events"], 9_999);
    assert_eq!(sessions["totals"]["devices"], 1_861);
    assert_eq!(sessions["gaps"]["quarantined"], 1);
    let before = tables(&dir);
    assert_eq!(before[0].lines().filter(|row| row.contains(",page,")).count(), 3_911);
    let campaigns = before[0].lines().filter(|row| row.contains("utm_")).count();
    assert!(campaigns >= 153, "{campaigns}");
    let again = import(&dir, &[&access_log()]);
    assert_eq!((&again["accepted"], &again["duplicate"]), (&0.into(), &9_999.into()));
    assert!(tables(&dir) == before, "the same import again changed a table");
}

#[test]
fn order_and_pieces_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = lines();
    lines.truncate(2_000);
    lines.extend([lines[0].clone(), "no line of a log".to_owned(), lines[0].clone()]);
    let write = |name: &str, lines: &[String]| {
        let path = folder.path().join(name);
        fs::write(&path, lines.join("\n")).unwrap();
        path
    };
    let whole = write("whole.log", &lines);
    let (dir, other) = (folder.path().join("one"), folder.path().join("other"));
    import(&dir, &[&whole]);
    lines.reverse();
    lines.rotate_left(777);
    let (head, tail) = lines.split_at(900);
    let pieces = [write("b.log", tail), write("a.log", head)];
    import(&other, &[&pieces[0], &pieces[1]]);
    assert!(tables(&dir) == tables(&other), "order or pieces changed a table");
}

#[test]
fn odd_lines_are_accounted_for_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let good = lines()[0].clone();
    let mut bytes = Vec::new();
    bytes.extend(good.as_bytes());
    bytes.push(b'\n');
    bytes.extend(good.replace("GET /", "GET /\u{1}").replace('\u{1}', "\u{fffd}").as_bytes());
    bytes.push(b'\n');
    bytes.extend(vec![b'x'; 1 << 20]);
    bytes.extend(b"\n\xff\xfe\n\n");
    bytes.extend(good.as_bytes());
    let mut child =
        command(&["import", "--format", "combined", "--output", "json", "-", "--data-dir"])
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(DONE_WITH_REFUSALS));
    let outcome: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&outcome["lines"], &outcome["accepted"]), (&6.into(), &3.into()));
    assert_eq!((&outcome["quarantined"], &outcome["refused"]), (&3.into(), &0.into()));
}

#[test]
fn a_table_comes_in_by_its_map() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, map, table) = (
        folder.path().join("data"),
        folder.path().join("map.toml"),
        folder.path().join("paths.csv"),
    );
    fs::write(
        &map,
        "time = \"time\"\nanonymous_id = \"customer\"\nchannel = \"channel\"\nvalue = \"value\"\n\
         currency = { const = \"EUR\" }\n\
         kind = { column = \"kind\", values = { impression = \"touch\", conversion = \"conversion\" } }\n",
    )
    .unwrap();
    fs::write(
        &table,
        "time;customer;kind;channel;value\n\
         2026-01-01T00:00:00Z;a;impression;paid_search;\n\
         2026-01-02T00:00:00Z;a;impression;email;\n\
         2026-01-03T00:00:00Z;a;conversion;email;19.90\n\
         2026-01-03T00:00:00Z;a;nonsense;email;1\n",
    )
    .unwrap();
    let arguments = [
        "import",
        "--format",
        "csv",
        "--map",
        map.to_str().unwrap(),
        "--data-dir",
        dir.to_str().unwrap(),
        "--output",
        "json",
        table.to_str().unwrap(),
    ];
    for accepted in [3, 0] {
        let outcome: serde_json::Value =
            serde_json::from_str(&expect(DONE_WITH_REFUSALS, &arguments)).unwrap();
        assert_eq!((&outcome["accepted"], &outcome["quarantined"]), (&accepted.into(), &1.into()));
    }
    let campaigns = report("campaigns", &dir);
    let email =
        campaigns["rows"].as_array().unwrap().iter().find(|row| row["channel"] == "email").unwrap();
    assert_eq!(email["revenue_minor"], 1_990);
}

#[test]
fn a_quote_that_is_never_closed_ends_the_import_and_not_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, map, table) =
        (folder.path().join("data"), folder.path().join("map.toml"), folder.path().join("odd.csv"));
    fs::write(&map, "time = \"time\"\nuser_id = \"user\"\nname = \"name\"\n").unwrap();
    let rows = |length: usize| {
        let long = "x".repeat(length);
        format!("time,user,name\n2026-01-01T00:00:00Z,u,\"{long}\"\n2026-01-01T00:00:00Z,u,b\n")
    };
    let arguments = [
        "import",
        "--format",
        "csv",
        "--map",
        map.to_str().unwrap(),
        "--data-dir",
        dir.to_str().unwrap(),
        table.to_str().unwrap(),
    ];
    fs::write(&table, rows(1 << 18)).unwrap();
    expect(0, &arguments);
    fs::write(&table, rows(3 << 20).replacen("\"\n2026", "\n2026", 1)).unwrap();
    expect(1, &arguments);
}

#[test]
fn exported_events_come_back_from_parquet() {
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (dir, back, map, csv, packed) =
        (name("data"), name("back"), name("map.toml"), name("a.csv"), name("events.parquet"));
    fs::write(
        &map,
        "time = \"time\"\nanonymous_id = \"who\"\nchannel = \"channel\"\nvalue = \"value\"\n\
         currency = { const = \"EUR\" }\nkind = \"kind\"\nurl = \"url\"\n",
    )
    .unwrap();
    fs::write(
        &csv,
        "time,who,kind,channel,value,url\n\
         2026-01-01T00:00:00Z,a,touch,paid_search,,\n\
         2026-01-02T00:00:00.25Z,a,page,,,https://a.example/?utm_source=s&utm_medium=email\n\
         2026-01-03T00:00:00Z,a,conversion,,19.90,\n",
    )
    .unwrap();
    expect(0, &["import", "--format", "csv", "--map", &map, "--data-dir", &dir, &csv]);
    let export = ["export", "--table", "events", "--format", "parquet", "--output", &packed];
    expect(0, &[&export[..], &["--data-dir", &dir]].concat());
    let import =
        ["import", "--format", "parquet", "--output", "json", "--data-dir", &back, &packed];
    let counts: serde_json::Value = serde_json::from_str(&expect(0, &import)).unwrap();
    assert_eq!((&counts["accepted"], &counts["quarantined"]), (&3.into(), &0.into()));
    assert_eq!(tables(Path::new(&dir)), tables(Path::new(&back)));
    let counts: serde_json::Value = serde_json::from_str(&expect(0, &import)).unwrap();
    assert_eq!((&counts["accepted"], &counts["duplicate"]), (&0.into(), &3.into()));
    fs::write(&packed, "PAR1 is not enough PAR1").unwrap();
    expect(1, &import);
}
