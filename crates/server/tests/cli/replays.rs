//! Events and quarantined things read again after a rule changed.

use crate::command::{command, expect, report, tables, text};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn write_events(path: &Path) {
    let page = |id: &str, minute: u32, referrer: &str| {
        json!({
            "type": "page", "messageId": id, "anonymousId": "d1",
            "timestamp": format!("2026-11-20T10:{minute:02}:00Z"),
            "receivedAt": format!("2026-11-20T10:{minute:02}:01Z"),
            "context": { "page": { "url": "https://shop.example/", "referrer": referrer } },
        })
    };
    let lines = [
        page("p1", 0, "https://partner.example/list"),
        page("p2", 1, "https://elsewhere.example/"),
        // The contract wants a known type.
        json!({ "type": "pageview", "messageId": "q1", "anonymousId": "d2", "receivedAt": "2026-11-20T10:05:00Z" }),
    ];
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    fs::write(path, text.join("\n")).unwrap();
}

fn replay(dir: &str, config: Option<&Path>, arguments: &[&str]) -> (i32, Value) {
    let mut replay = command(&["replay", "--format", "json", "--data-dir", dir]);
    replay.args(arguments);
    if let Some(config) = config {
        replay.env("MILLSTREAM_CONFIG", config);
    }
    let output = replay.output().unwrap();
    let told = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), told.unwrap_or_else(|_| panic!("{}", text(&output.stderr))))
}

fn sources(dir: &Path) -> Vec<String> {
    let path = dir.to_str().unwrap();
    let printed = expect(
        0,
        &["report", "campaigns", "--by", "source", "--data-dir", path, "--format", "json"],
    );
    let report: Value = serde_json::from_str(&printed).unwrap();
    let rows = report["rows"].as_array().unwrap().iter();
    rows.filter(|row| row["touches"].as_u64() > Some(0))
        .map(|row| row["source"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_domain_that_turns_out_to_be_ours_takes_its_touches_back() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, file) = (folder.path().join("data"), folder.path().join("events.jsonl"));
    let (path, config) = (dir.to_str().unwrap(), folder.path().join("rules.toml"));
    write_events(&file);
    expect(3, &["import", "--format", "segment", "--data-dir", path, file.to_str().unwrap()]);
    assert_eq!(sources(&dir), ["elsewhere.example", "partner.example"]);

    fs::write(&config, "[pipeline]\nown_domains = [\"partner.example\"]\n").unwrap();
    let (code, told) = replay(path, Some(&config), &["--from", "2026-11-01", "--dry-run"]);
    assert_eq!((code, &told["replayed"], &told["unchanged"]), (0, &json!(1), &json!(1)), "{told}");
    assert_eq!(sources(&dir), ["elsewhere.example", "partner.example"], "nothing was written");

    let (code, told) = replay(path, Some(&config), &["--event", "p1", "--event", "p2"]);
    assert_eq!((code, &told["selected"], &told["replayed"]), (0, &json!(2), &json!(1)), "{told}");
    assert_eq!(sources(&dir), ["elsewhere.example"]);
    let after = tables(&dir);
    let (_, told) = replay(path, Some(&config), &["--from", "2026-11-01"]);
    assert_eq!((&told["replayed"], &told["unchanged"]), (&json!(0), &json!(2)), "{told}");
    assert_eq!(tables(&dir), after, "the same again changes nothing");
    assert_eq!(report("sessions", &dir)["totals"]["events"], 2);
}

#[test]
fn what_is_still_broken_stays_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, file) = (folder.path().join("data"), folder.path().join("events.jsonl"));
    let path = dir.to_str().unwrap();
    write_events(&file);
    expect(3, &["import", "--format", "segment", "--data-dir", path, file.to_str().unwrap()]);
    let listed = expect(0, &["quarantine", "--raw", "--data-dir", path]);
    assert!(listed.starts_with("1 thing is in quarantine."), "{listed}");
    assert!(listed.contains("unknown_type"), "{listed}");
    let other = expect(0, &["quarantine", "--reason", "too_large", "--data-dir", path]);
    assert!(other.contains("None for this reason."), "{other}");
    let before = tables(&dir);
    let (code, told) = replay(path, None, &["--quarantine", "unknown_type"]);
    assert_eq!((code, &told["still_broken"]), (3, &json!(1)), "{told}");
    let (code, told) = replay(path, None, &["--quarantine", "too_large"]);
    assert_eq!((code, &told["selected"]), (0, &json!(0)));
    assert_eq!(tables(&dir), before);
    assert_eq!(report("sessions", &dir)["gaps"]["quarantined"], 1);
}

#[test]
fn a_selection_that_says_nothing_is_told_what_to_say() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        command(&["replay", "--data-dir", folder.path().to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("--quarantine REASON"), "{said}");
}
