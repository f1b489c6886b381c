//! The guides in `docs/` do what they say: every file they show is used, every command they show is
//! run, and what it prints is what stands there.
//!
//! A block `toml file=NAME` is written to NAME. A block `console` begins with `$ millstream …`; what follows is
//! what it prints, or, with `only=A|B`, those of its paragraphs that begin with A or B (`_` is a space, `$` ends a first line). With
//! `MILLSTREAM_WRITE_GUIDES=1` the blocks are written anew.

use crate::command::{command, text};
use std::fs;
use std::path::{Path, PathBuf};

const GUIDES: [&str; 3] = ["attribution.md", "plan-guide.md", "plan-pipeline.md"];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// The paragraphs that a block asks for.
fn chosen(printed: &str, only: Option<&str>) -> String {
    let Some(only) = only else { return printed.trim_end().to_owned() };
    let wanted: Vec<String> = only.split('|').map(|word| word.replace('_', " ")).collect();
    let paragraphs = printed.split("\n\n").map(str::trim_end);
    let kept: Vec<&str> = paragraphs
        .filter(|paragraph| {
            let first = paragraph.lines().next().unwrap_or_default();
            wanted.iter().any(|wanted| match wanted.strip_suffix('$') {
                Some(whole) => first == whole,
                None => first.starts_with(wanted),
            })
        })
        .collect();
    kept.join("\n\n")
}

fn attribute<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    info.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

fn run(line: &str, folder: &Path) -> String {
    let words: Vec<&str> = line.trim_start_matches("$ millstream ").split_whitespace().collect();
    let output = command(&words).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{line}\n{}", text(&output.stderr));
    text(&output.stdout)
}

/// The guide as it should read.
fn rewritten(guide: &str, folder: &Path) -> String {
    let mut out = String::new();
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else { continue };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if let Some(name) = attribute(info, "file") {
            fs::write(folder.join(name), body.join("\n") + "\n").unwrap();
        }
        if info.starts_with("console") {
            let printed = run(body[0], folder);
            let shown = chosen(&printed, attribute(info, "only"));
            out.push_str(&format!("{}\n{shown}\n```\n", body[0]));
        } else {
            out.push_str(&format!("{}\n```\n", body.join("\n")));
        }
    }
    out
}

#[test]
fn the_guides_show_what_the_commands_print() {
    for name in GUIDES {
        let folder = tempfile::tempdir().unwrap();
        for plan in fs::read_dir(docs().join("plans")).unwrap() {
            let plan = plan.unwrap();
            fs::copy(plan.path(), folder.path().join(plan.file_name())).unwrap();
        }
        let path = docs().join(name);
        let guide = fs::read_to_string(&path).unwrap();
        let right = rewritten(&guide, folder.path());
        if std::env::var_os("MILLSTREAM_WRITE_GUIDES").is_some() {
            fs::write(&path, &right).unwrap();
        } else {
            let differs = guide.lines().zip(right.lines()).find(|(said, is)| said != is);
            assert_eq!(guide, right, "{name}, first: {differs:?}");
        }
    }
}
