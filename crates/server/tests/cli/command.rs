//! Runs the binary.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The tables that people read.
pub const TABLES: [&str; 7] =
    ["events", "sessions", "people", "touches", "conversions", "credits", "quarantine"];

/// A command of the binary with an environment of its own.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millstream"));
    command.args(arguments).env_clear().env("NO_COLOR", "1").env("USER", "tester");
    command
}

/// Runs it to its end.
pub fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// Runs it, expecting this exit code; what it printed.
pub fn expect(code: i32, arguments: &[&str]) -> String {
    let output = run(arguments);
    let (said, printed) = (text(&output.stderr), text(&output.stdout));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{printed}\n{said}");
    printed
}

/// Bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// One report as JSON.
pub fn report(kind: &str, dir: &Path) -> Value {
    let dir = dir.to_str().unwrap();
    let printed = expect(0, &["report", kind, "--data-dir", dir, "--format", "json"]);
    serde_json::from_str(&printed).unwrap()
}

/// The bytes of every table.
pub fn tables(dir: &Path) -> Vec<String> {
    let dir = dir.to_str().unwrap();
    TABLES.map(|table| expect(0, &["export", "--data-dir", dir, "--table", table])).to_vec()
}

/// The real access log, packed.
pub fn access_log() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/access_combined.log.gz")
}
