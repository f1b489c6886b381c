//! Rules that act across events: changing one folds the log anew, and the figures are those of a
//! fresh import under the new rule.

use crate::command::{access_log, command, expect, tables, text};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The visits of this log lie an hour apart.
const RULES: &str = "[pipeline]\ntimeout_minutes = 90\nhorizon_hours = 1\n";

fn import(dir: &Path, config: Option<&Path>) {
    let mut import = command(&["import", "--format", "combined", "--data-dir"]);
    import.arg(dir).arg(access_log());
    if let Some(config) = config {
        import.env("MILLSTREAM_CONFIG", config);
    }
    let output = import.output().unwrap();
    // One line of the log is malformed.
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
}

fn sessions(dir: &Path, config: Option<&Path>) -> Value {
    let mut report = command(&["report", "sessions", "--format", "json", "--data-dir"]);
    report.arg(dir);
    if let Some(config) = config {
        report.env("MILLSTREAM_CONFIG", config);
    }
    let output = report.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["totals"].take()
}

#[test]
fn a_changed_rule_folds_the_log_anew_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("rules.toml");
    fs::write(&config, RULES).unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    import(&first, None);
    import(&second, Some(&config));
    let (short, long) = (sessions(&first, None), sessions(&second, Some(&config)));
    assert!(long["sessions"].as_u64() < short["sessions"].as_u64(), "{long} {short}");

    assert_eq!(sessions(&first, Some(&config)), long);
    assert!(first.join("state-1").is_dir() && !first.join("state").exists());
    assert_eq!(sessions(&first, None), short, "the earlier rule again");
    let left: Vec<_> = fs::read_dir(&first)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("state"))
        .collect();
    assert_eq!(left, ["state-2"]);
}

#[test]
fn a_backfill_of_what_is_whole_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    import(&dir, None);
    let before = tables(&dir);
    let path = dir.to_str().unwrap();
    let printed = expect(0, &["backfill", "--dry-run", "--data-dir", path, "--format", "json"]);
    let told: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(told["differences"], Value::Array(Vec::new()), "{told}");
    assert!(dir.join("state").is_dir() && !dir.join("state-1").exists());
    let printed = expect(0, &["backfill", "--data-dir", path]);
    assert_eq!(printed, "Nothing differs: the figures are exactly what the log gives.\n");
    assert!(!dir.join("state").exists());
    assert_eq!(tables(&dir), before);
}

#[test]
fn a_backup_brings_its_generation_along() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (dir, copy, back) = (path("data"), path("copy"), path("back"));
    import(Path::new(&dir), None);
    expect(0, &["backfill", "--data-dir", &dir]);
    let before = tables(Path::new(&dir));
    expect(0, &["backup", &copy, "--data-dir", &dir]);
    expect(0, &["restore", &copy, "--data-dir", &back]);
    assert_eq!(tables(Path::new(&back)), before);
    assert!(Path::new(&back).join("state-1").is_dir(), "nothing was folded again");
}

#[test]
fn a_log_that_lost_its_beginning_keeps_the_earlier_rule_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let (small, changed) = (folder.path().join("small.toml"), folder.path().join("changed.toml"));
    fs::write(&small, "[log]\nsegment_bytes = 1048576\n").unwrap();
    fs::write(&changed, format!("[log]\nsegment_bytes = 1048576\n{RULES}")).unwrap();
    import(&dir, Some(&small));
    let before = sessions(&dir, Some(&small));
    // As retention would, had it been asked for.
    let segments = fs::read_dir(dir.join("log")).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> =
        segments.filter(|path| path.extension().is_some_and(|end| end == "segment")).collect();
    segments.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    assert!(segments.len() > 2, "{segments:?}");
    fs::remove_file(&segments[0]).unwrap();

    let mut report = command(&["report", "sessions", "--format", "json", "--data-dir"]);
    let output = report.arg(&dir).env("MILLSTREAM_CONFIG", &changed).output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("the earlier rule stays in force"), "{said}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["totals"], &told["provisional"]), (&before, &Value::Bool(true)));
    assert_eq!(sessions(&dir, Some(&small)), before, "and the earlier configuration goes on");
}
