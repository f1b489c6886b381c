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

const RULES: &str = r#"
[[rule]]
name = "pages of the old app"
reason = "unknown_type"

[[rule.step]]
do = "replace"
field = "type"
was = "pageview"
value = "page"

[[rule]]
name = "mends nothing here"

[[rule.step]]
do = "rename"
from = "evt"
to = "event"
"#;

#[test]
fn a_rule_mends_what_broke_the_contract_and_is_versioned() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, file) = (folder.path().join("data"), folder.path().join("events.jsonl"));
    let (path, rules) = (dir.to_str().unwrap(), folder.path().join("rules.toml"));
    write_events(&file);
    expect(3, &["import", "--format", "segment", "--data-dir", path, file.to_str().unwrap()]);
    fs::write(&rules, RULES).unwrap();
    let quarantine = |arguments: &[&str]| -> Value {
        let fixed = ["quarantine", "--data-dir", path, "--format", "json"];
        serde_json::from_str(&expect(0, &[&fixed[..], arguments].concat())).unwrap()
    };
    let rules = rules.to_str().unwrap();
    let tried = quarantine(&["--try-rules", rules]);
    assert_eq!(tried["rules"][0], json!({ "name": "pages of the old app", "mends": 1 }), "{tried}");
    assert_eq!(tried["rules"][1]["mends"], 0);
    assert_eq!(quarantine(&["--rules"])["version"], 0, "only tried");

    let set = quarantine(&["--set-rules", rules]);
    assert_eq!(set["rules"][0]["name"], "pages of the old app");
    let (code, told) = replay(path, None, &["--quarantine", "any", "--dry-run"]);
    assert_eq!((code, &told["mended"]["pages of the old app"]), (0, &json!(1)), "{told}");
    assert_eq!(report("sessions", &dir)["gaps"]["quarantined"], 1, "only counted");
    replay(path, None, &["--quarantine", "unknown_type"]);
    let after = report("delivery", &dir);
    assert_eq!(
        (&after["gaps"]["quarantined"], &after["totals"]["visible"]),
        (&json!(0), &json!(3))
    );
    let (_, told) = replay(path, None, &["--quarantine", "any"]);
    assert_eq!(told["selected"], 0, "the same again finds nothing left to do");

    let none = quarantine(&["--restore-rules", "0"]);
    assert_eq!((&none["rules"], &none["earlier"][0]["version"]), (&json!([]), &set["version"]));
    let back = quarantine(&["--restore-rules", &set["version"].to_string()]);
    assert_eq!(back["rules"], set["rules"]);
    assert!(
        expect(0, &["quarantine", "--rules", "--data-dir", path]).contains("pages of the old app")
    );
}

#[test]
fn rules_that_cannot_be_used_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, file) = (folder.path().join("data"), folder.path().join("events.jsonl"));
    let (path, rules) = (dir.to_str().unwrap(), folder.path().join("rules.toml"));
    write_events(&file);
    expect(3, &["import", "--format", "segment", "--data-dir", path, file.to_str().unwrap()]);
    for (wrong, why) in [
        ("[[rule]]\nname = \"a\"\n[[rule.step]]\ndo = \"guess\"\n", "unknown variant"),
        ("[[rule]]\nname = \"a\"\nstep = []\n", "has no step"),
        (
            "[[rule]]\nname = \"a\"\n[[rule.step]]\ndo = \"remove\"\nfield = \"context.consent\"\n",
            "only the visitor can give",
        ),
    ] {
        fs::write(&rules, wrong).unwrap();
        let arguments = ["quarantine", "--set-rules", rules.to_str().unwrap(), "--data-dir", path];
        let output = command(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{wrong}");
        let said = text(&output.stderr);
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_country_database_that_is_gone_degrades_and_drops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, file) = (folder.path().join("data"), folder.path().join("access.log"));
    let config = folder.path().join("millstream.toml");
    let line = "8.8.8.8 - - [22/Nov/2026:12:03:10 +0000] \"GET /a HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0\"";
    fs::write(&file, line).unwrap();
    for (number, database) in ["", "no database at all"].into_iter().enumerate() {
        let broken = folder.path().join("country.mmdb");
        match number {
            0 => drop(fs::remove_file(&broken)),
            _ => fs::write(&broken, database).unwrap(),
        }
        let text = format!("[capture]\ncountry_database = {:?}\n", broken.to_str().unwrap());
        fs::write(&config, text).unwrap();
        let dir = dir.join(number.to_string());
        let (path, file) = (dir.to_str().unwrap(), file.to_str().unwrap());
        let arguments = ["import", "--format", "combined", "--data-dir", path, file];
        let output = command(&arguments).env("MILLSTREAM_CONFIG", &config).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let totals = &report("delivery", &dir)["totals"];
        let found = (&totals["visible"], &totals["degraded"], &totals["degraded_by"]);
        assert_eq!(found, (&json!(1), &json!(1), &json!({ "country_database": 1 })));
    }
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
