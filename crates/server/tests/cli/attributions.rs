//! `attribute` from outside: known answers, every ending, what it reads.

use crate::command::{command, expect, run, text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

fn written(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

fn json(arguments: &[&str]) -> Value {
    let mut all = vec!["attribute", "--format", "json"];
    all.extend(arguments);
    serde_json::from_str(&expect(0, &all)).unwrap()
}

/// The figure of each channel, which must be those that are expected, to 1e-9.
fn assert_rows(what: &str, answer: &Value, field: &str, expected: &Value) {
    let rows = answer["rows"].as_array().unwrap();
    for (channel, expected) in expected.as_object().unwrap() {
        let row = rows.iter().find(|row| row["channel"] == channel.as_str()).unwrap();
        let (found, expected) = (row[field].as_f64().unwrap(), expected.as_f64().unwrap());
        assert!((found - expected).abs() < 1e-9, "{what}: {channel} {field} {found} {expected}");
    }
    assert_eq!(rows.len(), expected.as_object().unwrap().len(), "{what}");
}

#[test]
fn known_answers_come_out_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let known = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/attribution_small.json");
    let known: Value = serde_json::from_str(&std::fs::read_to_string(known).unwrap()).unwrap();
    for (name, case) in known["cases"].as_object().unwrap() {
        let mut content = "path,conversions,nulls\n".to_owned();
        for row in case["rows"].as_array().unwrap() {
            content.push_str(&format!("{},{},{}\n", row[0].as_str().unwrap(), row[1], row[2]));
        }
        let file = written(folder.path(), name, &content);
        for (model, key) in [
            ("first", "first"),
            ("last", "last"),
            ("linear", "linear"),
            ("position", "position_40_20_40"),
            ("shapley", "shapley_subset_conversions"),
        ] {
            let answer = json(&[&file, "--model", model, "--replicates", "0"]);
            assert_eq!(answer["model"], model);
            assert_rows(name, &answer, "conversions", &case[key]);
        }
        for order in ["1", "2", "3"] {
            let answer = json(&[&file, "--model", "markov", "--order", order, "--replicates", "0"]);
            assert_eq!(answer["order"].to_string(), order);
            let expected = &case[format!("exact_markov_{order}").as_str()];
            assert_rows(name, &answer, "conversions", &expected["attributed"]);
            assert_rows(name, &answer, "share", &expected["share"]);
            assert_rows(name, &answer, "removal_effect", &expected["removal_effect"]);
        }
    }
}

#[test]
fn all_models_stand_side_by_side_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let content = "weg;anzahl;wert;ohne\na > b > c;40;80,5;9\nb;31;10;60\nc > a;35;99;2\n";
    let file = written(folder.path(), "wege.csv", content);
    let mapped = ["--path", "weg", "--conversions", "anzahl", "--value", "wert", "--nulls", "ohne"];
    let mut arguments = vec![file.as_str()];
    arguments.extend(mapped);
    let answer = json(&arguments);
    assert_eq!((&answer["model"], answer["rows"].as_array().unwrap().len()), (&"all".into(), 24));
    for model in [
        "first",
        "last",
        "last_non_direct",
        "linear",
        "position",
        "time_decay",
        "markov",
        "shapley",
    ] {
        let rows = answer["rows"].as_array().unwrap().iter().filter(|row| row["model"] == model);
        let (mut conversions, mut value) = (0.0, 0.0);
        for row in rows {
            conversions += row["conversions"].as_f64().unwrap();
            value += row["value"].as_f64().unwrap();
            let (low, high) =
                (row["share_low"].as_f64().unwrap(), row["share_high"].as_f64().unwrap());
            assert!(low <= high, "{row}");
        }
        assert!((conversions - 106.0).abs() < 1e-9 && (value - 189.5).abs() < 1e-9, "{model}");
    }
    assert_eq!(answer["ranks"].as_array().unwrap().len(), 3);
    assert_eq!(answer["intervals"]["seed"], 1);
    let again = json(&arguments);
    assert_eq!(answer, again, "the same seed, the same answer");
    let mut forms = vec!["attribute"];
    forms.extend(&arguments);
    assert!(expect(0, &forms).contains("Rank"));
    forms.extend(["--format", "csv"]);
    assert_eq!(expect(0, &forms).lines().count(), 25);
}

#[test]
fn standard_input_is_read() {
    let arguments = ["attribute", "-", "--model", "last", "--format", "json"];
    let mut child =
        command(&arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"path\tconversions\na>b\t3\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        answer["rows"][0],
        serde_json::json!({
            "channel": "b", "conversions": 3.0, "value": 0, "share": 1.0, "share_low": 1.0,
            "share_high": 1.0, "converting_journeys": 3, "few": true,
        })
    );
}

#[test]
fn every_ending_has_its_code_and_three_lines() {
    let folder = tempfile::tempdir().unwrap();
    let good = written(folder.path(), "good.csv", "path,conversions\na > b,3\n");
    let mixed = written(folder.path(), "mixed.csv", "path,conversions\na > b,3\na,x\n,1\n");
    let bad = written(folder.path(), "bad.csv", "path,conversions\na,x\n");
    let other = written(folder.path(), "other.csv", "weg,anzahl\na,1\n");
    let ends = |arguments: &[&str]| {
        let mut all = vec!["attribute"];
        all.extend(arguments);
        let output = run(&all);
        (output.status.code(), text(&output.stderr))
    };
    assert_eq!(ends(&[&good]).0, Some(0));
    let (code, said) = ends(&[&mixed]);
    assert_eq!((code, said.lines().count()), (Some(3), 2), "{said}");
    assert!(said.contains("mixed.csv:3: refused: `conversions` is `x`"), "{said}");
    for (wrong, code, word) in [
        (vec![bad.as_str()], 1, "line 2"),
        (vec![&other], 1, "only `weg`, `anzahl`"),
        (vec!["no such file"], 1, "standard input"),
        (vec![&good, "--path", "weg"], 2, "no column `weg`"),
        (
            vec![&good, "--model", "best"],
            2,
            "first, last, last_non_direct, linear, position, time_decay, markov, shapley, all",
        ),
        (vec![&good, "--worth", "gold"], 2, "conversions, rate"),
        (vec![&good, "--replicates", "99"], 2, "100 to 10000"),
        (vec![&good, "--replicates", "10001"], 2, "100 to 10000"),
    ] {
        let (found, said) = ends(&wrong);
        assert_eq!((found, said.lines().count()), (Some(code), 3), "{wrong:?} {said}");
        assert!(said.contains(word), "{wrong:?} {said}");
    }
    for wrong in ["--order=0", "--order=4", "--position=40/20", "--half-life=0d", "--format=xml"] {
        assert_eq!(ends(&[&good, wrong]).0, Some(2), "{wrong}");
    }
    assert_eq!(ends(&[&good, "--replicates", "10000", "--order", "3"]).0, Some(0));
}

#[test]
fn paths_are_bounded_at_and_over_their_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = |touches: usize| vec!["a"; touches].join(">");
    let content = format!("path,conversions\n{},1\n{},1\n", path(10_000), path(10_001));
    let file = written(folder.path(), "long.csv", &content);
    let output = run(&["attribute", &file, "--model", "linear"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("long.csv:3: refused: the path has more than 10000 touches"), "{said}");
    let mut channels = "path,conversions\n".to_owned();
    (0..10_000).for_each(|number| channels.push_str(&format!("c{number},1\n")));
    let file = written(folder.path(), "many.csv", &channels);
    expect(0, &["attribute", &file, "--model", "last", "--replicates", "0"]);
    channels.push_str("one more,1\n");
    let file = written(folder.path(), "more.csv", &channels);
    let output = run(&["attribute", &file]);
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 3), "{said}");
    assert!(said.contains("line 10002") && said.contains("more than 10000 channels"), "{said}");
}

fn exported(table: &str, dir: &str) -> Vec<Value> {
    let arguments = ["export", "--data-dir", dir, "--table", table, "--format", "jsonl"];
    let lines = expect(0, &arguments);
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Seconds from the demo's first day, good to a microsecond over the months that it spans.
fn seconds(row: &Value) -> f64 {
    let text = row["time"].as_str().unwrap();
    let stamp = millstream_event::Timestamp::parse_rfc3339(text).unwrap();
    (stamp.0 - 1_600_000_000_000_000) as f64 / 1e6
}

/// A person's touches, and the times of their conversions.
type History = (Vec<(f64, String)>, Vec<f64>);

/// Journeys put together anew from exported tables: (path, converted).
fn journeys(dir: &str) -> (Vec<(String, bool)>, usize) {
    let window = 30.0 * 86_400.0;
    let mut people: BTreeMap<String, History> = BTreeMap::new();
    let person = |row: &Value| row["person_id"].as_str().unwrap().to_owned();
    for row in exported("touches", dir).iter().filter(|row| row["bot"] != true) {
        let touch = (seconds(row), row["channel"].as_str().unwrap().to_owned());
        people.entry(person(row)).or_default().0.push(touch);
    }
    for row in exported("conversions", dir) {
        people.entry(person(&row)).or_default().1.push(seconds(&row));
    }
    let (mut found, mut unattributed) = (Vec::new(), 0);
    for (mut touches, conversions) in people.into_values() {
        touches.sort_by(|a, b| a.0.total_cmp(&b.0));
        let path = |from: f64, until: f64| {
            let inside = touches.iter().filter(|(time, _)| (from..=until).contains(time));
            inside.map(|(_, channel)| channel.as_str()).collect::<Vec<_>>().join(" > ")
        };
        for converted in &conversions {
            match path(converted - window, *converted) {
                empty if empty.is_empty() => unattributed += 1,
                path => found.push((path, true)),
            }
        }
        let last = conversions.iter().copied().fold(f64::MIN, f64::max);
        if let Some((latest, _)) = touches.last().filter(|(time, _)| *time > last) {
            found.push((path((latest - window).max(last + 1e-6), *latest), false));
        }
    }
    (found, unattributed)
}

/// The report over the log and the command over a file are one model: put together from exported
/// tables, the same journeys earn the same.
#[test]
fn reports_agree_with_the_command_over_exported_journeys() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("shop");
    let dir = dir.to_str().unwrap();
    expect(0, &["demo", "--once", "--visitors", "400", "--seed", "3", "--data-dir", dir]);
    let (journeys, unattributed) = journeys(dir);
    let mut content = "path,conversions,nulls\n".to_owned();
    for (path, converted) in &journeys {
        content.push_str(&format!("{path},{},{}\n", u8::from(*converted), u8::from(!converted)));
    }
    assert!(journeys.len() > 200 && journeys.iter().any(|(_, converted)| !converted));
    let file = written(folder.path(), "journeys.csv", &content);
    let report = |arguments: &[&str]| -> Value {
        let mut all = vec!["report", "campaigns", "--data-dir", dir, "--format", "json"];
        all.extend(arguments);
        serde_json::from_str(&expect(0, &all)).unwrap()
    };
    let last = report(&["--model", "last"]);
    for (model, order) in [("markov", "1"), ("markov", "2"), ("markov", "3"), ("shapley", "1")] {
        let found = report(&["--model", model, "--order", order]);
        for total in ["conversions", "revenue", "clicks", "touches", "sessions"] {
            assert_eq!(found["totals"][total], last["totals"][total], "{model} {total}");
        }
        let expected = json(&[&file, "--model", model, "--order", order, "--replicates", "0"]);
        let mut credited = 0;
        for row in found["rows"].as_array().unwrap() {
            let channel = row["channel"].as_str().unwrap();
            let rows = expected["rows"].as_array().unwrap();
            let earned = match channel {
                "(unattributed)" => unattributed as f64,
                channel => {
                    let row = rows.iter().find(|row| row["channel"] == channel).unwrap();
                    row["conversions"].as_f64().unwrap()
                }
            };
            let conversions = row["conversions"].as_f64().unwrap();
            assert!(
                (conversions - earned).abs() < 1e-6,
                "{model} {channel} {conversions} {earned}"
            );
            if let Some(low) = row["conversions_low"].as_f64() {
                let high = row["conversions_high"].as_f64().unwrap();
                assert!(low <= high && high > 0.0 || earned == 0.0, "{row}");
                credited += 1;
            }
        }
        assert!(credited > 3, "{model}: intervals stand beside the figures");
    }
    let table = expect(
        0,
        &["report", "campaigns", "--data-dir", dir, "--model", "markov", "--by", "campaign"],
    );
    assert!(table.contains("removal effects in a Markov chain of all journeys"), "{table}");
    let output =
        run(&["report", "campaigns", "--data-dir", dir, "--model", "markov", "--order", "4"]);
    assert_eq!(output.status.code(), Some(2));
}
