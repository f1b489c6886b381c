//! Commands beside a running instance go through it, and find what they find without it.

use crate::command::{access_log, command, expect, report, tables, text};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

/// A running instance that is told to end when dropped.
struct Running(Child);

impl Running {
    fn start(dir: &Path) -> (Self, Vec<String>) {
        let mut child = command(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
            "--data-dir",
        ])
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let banner: Vec<String> = output.lines().take(5).map(Result::unwrap).collect();
        (Self(child), banner)
    }

    fn end(mut self) {
        let told =
            std::process::Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(told.success());
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone after an orderly end.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn commands_work_with_and_without_an_instance() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let path = dir.to_str().unwrap();
    let log = access_log();
    let (running, banner) = Running::start(&dir);
    assert!(banner[1].contains("public") && banner[2].contains("dashboard"), "{banner:?}");
    assert!(dir.join("instance.json").exists());
    expect(0, &["links", "add", "a", "https://a.example/", "--source", "s", "--data-dir", path]);
    expect(3, &["import", "--format", "combined", "--data-dir", path, log.to_str().unwrap()]);
    let (sessions, exported) = (report("sessions", &dir), tables(&dir));
    assert_eq!(sessions["totals"]["devices"], 1_861);
    let hops = report("delivery", &dir)["rows"].to_string();
    assert!(hops.contains("received_to_visible"), "what the instance has measured: {hops}");
    let listed = expect(0, &["links", "list", "--data-dir", path]);
    let (copy, back) = (folder.path().join("copy"), folder.path().join("back"));
    let copied = expect(0, &["backup", copy.to_str().unwrap(), "--data-dir", path]);
    assert!(copied.contains("segments"), "{copied}");
    expect(1, &["backup", copy.to_str().unwrap(), "--data-dir", path]);
    expect(0, &["restore", copy.to_str().unwrap(), "--data-dir", back.to_str().unwrap()]);
    assert!(tables(&back) == exported, "the tables differ in the backup");
    let url = banner[2].split_whitespace().last().unwrap();
    let by_url = expect(0, &["report", "sessions", "--url", url, "--format", "csv"]);
    running.end();
    assert!(!dir.join("instance.json").exists(), "an ended instance leaves no address");
    assert_eq!(report("sessions", &dir)["totals"], sessions["totals"]);
    assert!(tables(&dir) == exported, "the tables differ once the instance has ended");
    assert_eq!(expect(0, &["links", "list", "--data-dir", path]), listed);
    assert_eq!(expect(0, &["report", "sessions", "--data-dir", path, "--format", "csv"]), by_url);
}

#[test]
fn a_backup_becomes_an_equal_directory() {
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (dir, copy, back) = (name("data"), name("copy"), name("back"));
    expect(0, &["demo", "--once", "--visitors", "50", "--data-dir", &dir]);
    expect(0, &["backup", &copy, "--data-dir", &dir]);
    expect(0, &["restore", &copy, "--data-dir", &back]);
    assert!(tables(Path::new(&dir)) == tables(Path::new(&back)));
    // What the demo's shop has learned comes along.
    let model = |dir: &str| std::fs::read(Path::new(dir).join("models/home_hero/1.json")).unwrap();
    assert!(model(&dir) == model(&back));
    let again = command(&["restore", &copy, "--data-dir", &back]).output().unwrap();
    assert!(text(&again.stderr).contains("not empty"));
}
