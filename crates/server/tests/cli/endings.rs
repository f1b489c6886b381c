//! How commands end: exit codes, and three lines on standard error.

use crate::command::{expect, run, text};

#[test]
fn wrong_use_ends_with_two() {
    for arguments in [
        &["nothing"][..],
        &["report", "nothing"],
        &["report", "campaigns", "--by", "colour"],
        &["import", "--format", "csv", "x.csv"],
        &["load", "--profile", "redirects"],
    ] {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn failures_say_what_why_and_how_to_fix_it() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none");
    let none = none.to_str().unwrap();
    for arguments in [
        &["report", "sessions", "--data-dir", none][..],
        &["import", "--format", "combined", "--data-dir", none, "/nonexistent.log"],
        &["links", "disable", "x", "--data-dir", none],
        &["export", "--table", "events", "--data-dir", none],
        &["report", "sessions", "--url", "http://127.0.0.1:1"],
        &["load", "--url", "http://192.0.2.1:80"],
        &["config", "check", none],
        &["sql", "select 1", "--data-dir", none],
    ] {
        let output = run(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        let starts: Vec<_> =
            said.lines().map(|line| line.split(':').next().unwrap().trim()).collect();
        assert_eq!(starts, ["error", "why", "fix"], "{said}");
    }
    assert!(!folder.path().join("none").exists(), "a command that only reads made the folder");
}

#[test]
fn sql_is_answered_or_told_how_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let dir = dir.to_str().unwrap();
    expect(0, &["links", "add", "a", "https://a.example/", "--source", "s", "--data-dir", dir]);
    let asked = run(&["sql", "select count(*) as n from sessions", "--data-dir", dir]);
    let (said, printed) = (text(&asked.stderr), text(&asked.stdout));
    if millstream_server::sql::BUILT {
        assert!(printed.contains("1 row") && printed.contains("as of"), "{printed}{said}");
    } else {
        assert_eq!(asked.status.code(), Some(1));
        for part in ["left out", "--features sql", "export --data-dir", "duckdb -c"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    assert_eq!(
        run(&["sql", "select 1", "--format", "xml", "--data-dir", dir]).status.code(),
        Some(2)
    );
}

#[test]
fn the_reference_can_be_used_as_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.toml");
    std::fs::write(&path, expect(0, &["config", "show", "--defaults"])).unwrap();
    expect(0, &["config", "check", path.to_str().unwrap()]);
    std::fs::write(&path, "[pipeline]\nonwers = 2\n").unwrap();
    let said = text(&run(&["config", "check", path.to_str().unwrap()]).stderr);
    assert!(said.contains("pipeline.owners"), "{said}");
}

#[test]
fn a_link_that_breaks_rules_names_them_all() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let dir = dir.to_str().unwrap();
    let said = text(&run(&["links", "add", "a b", "mailto:x", "--data-dir", dir]).stderr);
    assert!(said.contains("slug") && said.contains("destination"), "{said}");
    expect(3, &["links", "check", "a b", "mailto:x"]);
    expect(0, &["links", "check", "a", "https://a.example/"]);
    expect(0, &["links", "add", "a", "https://a.example/", "--data-dir", dir]);
    expect(0, &["links", "disable", "a", "--data-dir", dir]);
    let shown = expect(0, &["links", "show", "a", "--data-dir", dir, "--format", "json"]);
    let history: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(history.as_array().unwrap().len(), 2);
    assert_eq!(history[1]["enabled"], false);
    expect(0, &["links", "restore", "a", "--data-dir", dir]);
    expect(0, &["links", "check", "--data-dir", dir]);
    expect(0, &["audit", "link", "a", "--data-dir", dir]);
}
