//! Links from a table: checked whole, made when told to, the same again changes nothing.

use crate::command::{expect, run, text};
use std::path::Path;

fn write(folder: &Path, name: &str, table: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, table).unwrap();
    path.to_str().unwrap().to_owned()
}

const GOOD: &str = "slug,destination,utm_source,utm_medium,owner\n\
    spring,https://a.example/spring,newsletter,email,ann\n\
    summer,\"https://a.example/?x=1,2\",,,\n";

#[test]
fn a_table_is_checked_then_made_and_the_same_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let dir = dir.to_str().unwrap();
    let file = write(folder.path(), "links.csv", GOOD);
    let import = ["links", "import", &file, "--owner", "bob", "--data-dir", dir];
    let said = expect(0, &import);
    assert!(said.contains("2 link(s) keep every rule") && said.contains("--apply"), "{said}");
    assert!(!Path::new(dir).exists(), "a dry run writes nothing");
    let apply = [&import[..], &["--apply"]].concat();
    assert_eq!(expect(0, &apply), "2 link(s) made or changed, 0 as they were\n");
    assert_eq!(expect(0, &apply), "0 link(s) made or changed, 2 as they were\n");
    write(folder.path(), "links.csv", &GOOD.replace("/spring", "/sale"));
    assert_eq!(expect(0, &apply), "1 link(s) made or changed, 1 as they were\n");
    let listed = expect(0, &["links", "list", "--data-dir", dir, "--format", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["destination"], "https://a.example/sale");
    assert_eq!((&listed[0]["version"], &listed[1]["owner"]), (&2.into(), &"bob".into()));
}

#[test]
fn every_broken_rule_is_told_with_its_line_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let table = "slug,destination,status,owner\n\
        good,https://a.example/,301,ann\n\
        a b,ftp://a.example,abc,\n\
        good,https://b.example/,200,ann,more\n";
    let file = write(folder.path(), "links.csv", table);
    let dir = dir.to_str().unwrap();
    let said = expect(3, &["links", "import", &file, "--apply", "--data-dir", dir]);
    let expected = [
        "line 3: a b: status: \"abc\"",
        "line 3: a b: slug:",
        "line 3: a b: destination:",
        "line 3: a b: owner:",
        "line 4: good: row:",
        "line 4: good: status: 200",
        "line 4: good: slug: line 2 has the same",
        "7 rule(s) broken in 2 of 3 line(s); nothing was written",
    ];
    let told: Vec<&str> = said.lines().collect();
    assert_eq!(told.len(), expected.len(), "{said}");
    for (line, beginning) in told.iter().zip(expected) {
        assert!(line.starts_with(beginning), "{line} / {beginning}");
    }
    assert!(!Path::new(dir).exists());
}

#[test]
fn a_file_that_is_no_table_of_links_says_why() {
    let folder = tempfile::tempdir().unwrap();
    for (table, why) in [
        ("slug,target\na,b\n", "no column \"target\""),
        ("slug,owner\n", "destination is missing"),
        ("slug,destination,source,utm_source\n", "there twice"),
    ] {
        let file = write(folder.path(), "links.csv", table);
        let output = run(&["links", "import", &file]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }
}

const RULES: &str = "[links]\nhttps_only = true\nhosts = [\"shop.example\"]\n\
    [[links.rules]]\nfield = \"medium\"\nrequired = true\nallowed = [\"email\", \"cpc\"]\n\
    [[links.templates]]\nname = \"letter\"\nsource = \"newsletter\"\nmedium = \"email\"\n";

#[test]
fn house_rules_hold_for_tables_and_single_links_alike() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let dir = dir.to_str().unwrap();
    let config = write(folder.path(), "millstream.toml", RULES);
    let table = "slug,destination,medium,template,expires,consent_text\n\
        a,https://shop.example/a,,letter,2026-11-30,We count clicks\n\
        b,https://evil.example/,social,,,\n\
        c,https://bit.ly/x,email,,soon,\n";
    let file = write(folder.path(), "links.csv", table);
    let place = ["--owner", "ann", "--data-dir", dir, "--config", &config];
    let apply = [&["links", "import", &file, "--apply"][..], &place].concat();
    let said = expect(3, &apply);
    for rule in [
        "line 3: b: medium: \"social\" is not one of email, cpc",
        "line 3: b: destination: links may lead to shop.example alone",
        "line 4: c: destination: bit.ly only sends on",
        "line 4: c: expires: \"soon\" cannot be read",
    ] {
        assert!(said.contains(rule), "{rule}\n{said}");
    }
    assert!(!Path::new(dir).exists(), "bulk import with errors changes nothing");
    let good: Vec<&str> = table.lines().take(2).collect();
    write(folder.path(), "links.csv", &good.join("\n"));
    assert_eq!(expect(0, &apply), "1 link(s) made or changed, 0 as they were\n");
    assert_eq!(expect(0, &apply), "0 link(s) made or changed, 1 as they were\n");
    let place = ["--data-dir", dir, "--config", &config];
    let listed = expect(0, &[&["links", "list", "--format", "json"][..], &place].concat());
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        (&listed[0]["utm_source"], &listed[0]["utm_medium"]),
        (&"newsletter".into(), &"email".into())
    );
    assert_eq!(listed[0]["consent_text"], "We count clicks");
    let refused = run(&[&["links", "add", "d", "http://shop.example/"][..], &place].concat());
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("links lead to https:// alone"));
    expect(0, &[&["links", "check"][..], &place].concat());
}
