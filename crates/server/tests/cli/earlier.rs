//! What was: reports of an earlier state, earlier configurations.

use crate::command::{command, expect, run, text};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

const MAP: &str = "time = \"time\"\nanonymous_id = \"device\"\nkind = \"kind\"\nchannel = \"channel\"\n\
    source = \"source\"\ncampaign = \"campaign\"\nvalue = \"value\"\ncurrency = \"currency\"\n";
const FIRST: &str = "time,device,kind,channel,source,campaign,value,currency\n\
    2026-10-01T10:00:00Z,a,touch,paid_search,google,spring,,\n\
    2026-10-01T11:00:00Z,a,conversion,,,,100.00,EUR\n\
    2026-10-02T10:00:00Z,b,conversion,,,,50.00,EUR\n";
const LATER: &str = "time,device,kind,channel,source,campaign,value,currency\n\
    2026-10-01T10:30:00Z,a,touch,email,letter,autumn,,\n\
    2026-10-03T10:00:00Z,c,conversion,,,,7.00,EUR\n";
const SPEND: &str = "date,campaign,cost,currency\n2026-10-01,spring,12.50,EUR\n";

fn written(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

fn campaigns(dir: &str, more: &[&str]) -> Value {
    let mut arguments = vec!["report", "campaigns", "--data-dir", dir, "--by", "campaign"];
    arguments.extend(["--model", "linear", "--format", "json"]);
    arguments.extend(more);
    serde_json::from_str(&expect(0, &arguments)).unwrap()
}

#[test]
fn a_report_of_an_earlier_state_is_the_report_of_then() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data").to_str().unwrap().to_owned();
    let map = written(folder.path(), "map.toml", MAP);
    let import = |name: &str, events: &str| {
        let file = written(folder.path(), name, events);
        expect(0, &["import", &file, "--format", "csv", "--map", &map, "--data-dir", &dir]);
    };
    import("first.csv", FIRST);
    let then = campaigns(&dir, &[]);
    let instant = then["as_of"].as_str().unwrap();
    import("later.csv", LATER);
    expect(
        0,
        &["spend", "import", &written(folder.path(), "spend.csv", SPEND), "--data-dir", &dir],
    );
    let now = campaigns(&dir, &[]);
    assert_ne!(now["rows"], then["rows"]);
    let again = campaigns(&dir, &["--as-of", instant]);
    for field in ["rows", "totals", "gaps"] {
        assert_eq!(again[field], then[field], "{field}");
    }
    assert_eq!((&again["as_of"], &again["provisional"]), (&then["as_of"], &Value::Bool(false)));
    assert_eq!(campaigns(&dir, &[])["rows"], now["rows"], "the state in force is as it was");
    assert!(!Path::new(&dir).join("past").exists(), "nothing is left behind");
    let before_all = campaigns(&dir, &["--as-of", "2020-01-01"]);
    assert_eq!(before_all["rows"], serde_json::json!([]));
    for (wrong, why) in [("2099-01-01", "lies ahead"), ("last week", "YYYY-MM-DD")] {
        let ended = run(&["report", "campaigns", "--data-dir", &dir, "--as-of", wrong]);
        assert_ne!(ended.status.code(), Some(0));
        assert!(text(&ended.stderr).contains(why), "{}", text(&ended.stderr));
    }
}

#[test]
fn a_running_instance_keeps_an_earlier_state_for_the_next_question() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data").to_str().unwrap().to_owned();
    let (map, events) =
        (written(folder.path(), "map.toml", MAP), written(folder.path(), "first.csv", FIRST));
    expect(0, &["import", &events, "--format", "csv", "--map", &map, "--data-dir", &dir]);
    let mut instance = started(&dir, &written(folder.path(), "millstream.toml", ""));
    let kept = || Path::new(&dir).join("past").exists();
    let first = campaigns(&dir, &["--as-of", "2020-01-01"]);
    assert!(kept());
    let second = campaigns(&dir, &["--as-of", "2020-01-01"]);
    assert_eq!((&second["rows"], &second["as_of"]), (&first["rows"], &first["as_of"]));
    expect(0, &["replay", "--from", "2020-01-01", "--data-dir", &dir]);
    assert!(!kept(), "what a replay reads otherwise bears the stamps it had");
    instance.kill().unwrap();
    instance.wait().unwrap();
}

/// An instance with this configuration, once it is ready.
pub fn started(dir: &str, config: &str) -> Child {
    let mut serve =
        command(&["serve", "--data-dir", dir, "--config", config, "--listen", "127.0.0.1:0"]);
    let mut instance =
        serve.args(["--admin-listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(instance.stdout.take().unwrap()).lines();
    lines
        .map(Result::unwrap)
        .find(|line| line.contains("admin") || line.contains("dashboard"))
        .unwrap();
    instance
}

/// Starts an instance and ends it once it is ready.
fn served(dir: &str, config: &str) {
    let mut instance = started(dir, config);
    let history = expect(0, &["config", "history", "--data-dir", dir]);
    assert!(history.contains("First started with"), "{history}");
    instance.kill().unwrap();
    instance.wait().unwrap();
}

#[test]
fn configurations_are_listed_and_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data").to_str().unwrap().to_owned();
    let (before, after) =
        ("# calm\n[server]\nthreads = 1\n", "[server]\nthreads = 2\n[links]\nhttps_only = true\n");
    let config = written(folder.path(), "millstream.toml", before);
    served(&dir, &config);
    served(&dir, &config);
    written(folder.path(), "millstream.toml", after);
    served(&dir, &config);
    let listed: Value =
        serde_json::from_str(&expect(0, &["config", "history", "--data-dir", &dir, "--json"]))
            .unwrap();
    let versions = listed.as_array().unwrap();
    assert_eq!(versions.len(), 2, "the same file again is no version: {listed:#}");
    assert_eq!((&versions[0]["text"], &versions[1]["text"]), (&before.into(), &after.into()));
    assert_eq!(versions[1]["keys"], serde_json::json!(["links.https_only", "server.threads"]));
    let first = versions[0]["version"].to_string();
    assert_eq!(expect(0, &["config", "history", "--data-dir", &dir, "--version", &first]), before);
    // What stands there now cannot even be read.
    written(folder.path(), "millstream.toml", "threads = = 3\n");
    let said = expect(0, &["config", "restore", &first, "--data-dir", &dir, "--config", &config]);
    assert!(said.contains("takes effect when the instance is started again"), "{said}");
    assert_eq!(std::fs::read_to_string(&config).unwrap(), before);
    assert_eq!(std::fs::read_to_string(format!("{config}.replaced")).unwrap(), "threads = = 3\n");
    let verified = expect(0, &["audit", "verify", "--data-dir", &dir, "--config", &config]);
    assert!(verified.contains("each follows from the one before"), "{verified}");
    expect(1, &["config", "restore", "99999", "--data-dir", &dir, "--config", &config]);
    expect(2, &["config", "restore", &first, "--data-dir", &dir]);
}
