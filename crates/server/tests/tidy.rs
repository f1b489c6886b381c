//! The house rules that a machine can check, over the whole tree: see `STYLE.md`.
#![allow(clippy::expect_used, clippy::panic, reason = "a broken tree should stop the test at once")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines a file may have before its tests.
const FILE_LINES_MAX: usize = 400;
/// Lines from a function's signature to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Which of our crates each crate may use: the arrows of `ARCHITECTURE.md`, one way.
const MAY_USE: [(&str, &[&str]); 9] = [
    ("event", &[]),
    ("stitch", &["event"]),
    ("attribute", &["event", "stitch"]),
    ("pipeline", &["event", "stitch", "attribute", "decide"]),
    ("plan", &[]),
    ("decide", &["event"]),
    ("log", &["event"]),
    ("store", &["event", "pipeline"]),
    ("server", &["event", "stitch", "attribute", "pipeline", "plan", "decide", "log", "store"]),
];
/// Crates in which the compiler itself rules out clocks, I/O, threads and random hash maps.
const PURE: [&str; 6] = ["event", "stitch", "attribute", "plan", "decide", "pipeline"];
/// Folders that hold no text of ours.
const FOREIGN: [&str; 6] = [".git", "target", "node_modules", "vendor", "corpus", "artifacts"];
/// What our text files end in.
const TEXT: [&str; 12] =
    ["rs", "md", "toml", "py", "mjs", "js", "css", "html", "sh", "json", "yml", "txt"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace")
}

fn files_under(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_symlink() {
            continue;
        }
        if !path.is_dir() {
            found.push(path);
        } else if !FOREIGN.contains(&name.as_str()) {
            files_under(&path, found);
        }
    }
}

fn extension(path: &Path) -> &str {
    path.extension().and_then(|text| text.to_str()).unwrap_or_default()
}

/// Every text file of the tree with its path from the root; scripts without an extension, too.
fn texts() -> Vec<(String, String)> {
    let (root, mut found) = (root(), Vec::new());
    files_under(&root, &mut found);
    found.sort();
    let named = |path: &Path| {
        let relative = path.strip_prefix(&root).unwrap_or(path).to_string_lossy().into_owned();
        let script = relative.starts_with("scripts/") || relative.starts_with(".ci/");
        let ours = TEXT.contains(&extension(path)) || (script && extension(path).is_empty());
        ours.then(|| fs::read_to_string(path).ok().map(|text| (relative, text))).flatten()
    };
    found.iter().filter_map(|path| named(path)).collect()
}

/// Product code: Rust sources up to their unit tests, without integration tests, benches, fuzzing.
fn product_sources() -> Vec<(String, String)> {
    let product = |path: &str| {
        let inside = path.starts_with("crates/") && path.contains("/src/");
        inside && path.ends_with(".rs") && !path.ends_with("/tests.rs") && !path.contains("/tests/")
    };
    let before_tests = |text: String| {
        let code = text.split("\n#[cfg(test)]").next().unwrap_or_default();
        code.to_owned()
    };
    texts()
        .into_iter()
        .filter(|(path, _)| product(path))
        .map(|(path, text)| (path, before_tests(text)))
        .collect()
}

fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

/// The keys of the `[dependencies]` tables of one manifest, development ones where asked.
fn dependencies(manifest: &str, development: bool) -> BTreeSet<String> {
    let mut section = "";
    let mut names = BTreeSet::new();
    for line in manifest.lines() {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
        } else if let Some((key, _)) = line.split_once('=') {
            let normal = section == "dependencies" || section.ends_with(".dependencies");
            if normal || (development && section == "dev-dependencies") {
                let name = key.trim().trim_end_matches(".workspace");
                names.insert(name.to_owned());
            }
        }
    }
    names
}

fn manifests() -> BTreeMap<String, String> {
    let folder = root().join("crates");
    let names = fs::read_dir(&folder).expect("crates").map(|entry| {
        let name = entry.expect("a readable entry").file_name().to_string_lossy().into_owned();
        let manifest = fs::read_to_string(folder.join(&name).join("Cargo.toml"));
        (name, manifest.expect("every folder under crates has a manifest"))
    });
    names.collect()
}

#[test]
fn crates_depend_one_way() {
    let mut wrong = Vec::new();
    for (name, manifest) in manifests() {
        let Some((_, allowed)) = MAY_USE.iter().find(|(known, _)| *known == name) else {
            panic!(
                "crate `{name}` is not in the table of crates: add it here and to ARCHITECTURE.md"
            );
        };
        for dependency in dependencies(&manifest, false) {
            let ours = dependency.strip_prefix("millstream-");
            if ours.is_some_and(|ours| !allowed.contains(&ours)) {
                wrong.push(format!("{name} must not use {dependency}"));
            }
        }
    }
    assert_none("Arrows that point the wrong way", &wrong);
}

#[test]
fn pure_crates_are_no_std() {
    let library = |name: &str| {
        let path = root().join("crates").join(name).join("src/lib.rs");
        fs::read_to_string(path).expect("a library")
    };
    let wrong: Vec<String> = PURE
        .iter()
        .filter(|name| !library(name).lines().any(|line| line == "#![no_std]"))
        .map(|name| format!("crates/{name}/src/lib.rs"))
        .collect();
    assert_none("Pure crates without #![no_std]", &wrong);
}

#[test]
fn files_are_short() {
    let long: Vec<String> = product_sources()
        .iter()
        .map(|(path, code)| (path, code.lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .map(|(path, lines)| format!("{path}: {lines} lines, at most {FILE_LINES_MAX}"))
        .collect();
    assert_none("Files to split by idea", &long);
}

/// (first line, length, signature) of each function; `cargo fmt` makes indentation trustworthy.
fn functions(code: &str) -> Vec<(usize, usize, String)> {
    let starts_function = |line: &str| {
        let words = line.trim_start().split('(').next().unwrap_or_default();
        words.split_whitespace().take(6).any(|word| word == "fn")
            && !line.trim_start().starts_with("//")
    };
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate().filter(|(_, line)| starts_function(line)) {
        let same =
            |later: &&str| indent(later) == indent(line) && later.trim_start().starts_with('}');
        let end = lines[start..].iter().position(|later| same(later) || later.ends_with(';'));
        let closing = lines[start..].iter().position(same);
        let declared_only = line.ends_with(';');
        let length = if declared_only { end } else { closing }.unwrap_or(0) + 1;
        found.push((start + 1, length, line.trim().to_owned()));
    }
    found
}

#[test]
fn functions_are_short() {
    let mut long = Vec::new();
    for (path, code) in product_sources() {
        for (line, length, signature) in functions(&code) {
            if length > FUNCTION_LINES_MAX {
                long.push(format!("{path}:{line}: {length} lines: {signature}"));
            }
        }
    }
    assert_none("Functions to split by idea", &long);
}

#[test]
fn product_code_neither_panics_nor_defers() {
    let comment = ["// TO", "DO"].concat();
    let fix = ["FIX", "ME"].concat();
    let barred =
        [".unwrap()", ".expect(", "panic!(", "todo!(", "unimplemented!(", "dbg!(", &comment, &fix];
    let mut found = Vec::new();
    for (path, code) in product_sources() {
        for (number, line) in code.lines().enumerate() {
            let text = line.trim_start();
            let prose = text.starts_with("//") && !text.contains(&comment) && !text.contains(&fix);
            if !prose && barred.iter().any(|word| text.contains(word)) {
                found.push(format!("{path}:{}: {text}", number + 1));
            }
        }
    }
    assert_none("Panics and debris outside tests", &found);
}

#[test]
fn no_test_is_switched_off() {
    let switch = ["#[ign", "ore"].concat();
    let off: Vec<String> = texts()
        .iter()
        .filter(|(path, text)| path.ends_with(".rs") && text.contains(&switch))
        .map(|(path, _)| path.clone())
        .collect();
    assert_none("Tests that never run", &off);
}

/// Text between backticks, and targets of links, that stands for a path in this tree.
fn paths_named(text: &str) -> BTreeSet<String> {
    const TOPS: [&str; 9] =
        ["crates/", "docs/", "scripts/", "web/", "fuzz/", ".ci/", "testdata/", "sdk/", "./"];
    let plain = |word: &&str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c))
    };
    let quoted =
        text.split('`').skip(1).step_by(2).map(|code| code.split(' ').next().unwrap_or(code));
    let is_path = |word: &&str| {
        let top = TOPS.iter().any(|top| word.starts_with(top));
        let root_file = !word.contains('/') && (word.ends_with(".md") || *word == "deny.toml");
        top || root_file
    };
    quoted.filter(plain).filter(is_path).map(str::to_owned).collect()
}

fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#')).collect()
}

#[test]
fn documents_name_real_files() {
    let root = root();
    let mut missing = Vec::new();
    for (path, text) in texts().iter().filter(|(path, _)| path.ends_with(".md")) {
        let folder = root.join(path).parent().expect("a file has a folder").to_owned();
        for named in paths_named(text) {
            if !root.join(&named).exists() && !folder.join(&named).exists() {
                missing.push(format!("{path}: `{named}`"));
            }
        }
        for target in links(text) {
            let file = target.split('#').next().unwrap_or_default();
            if !folder.join(file).exists() {
                missing.push(format!("{path}: link to {target}"));
            }
        }
    }
    assert_none("Documents that name files which are not there", &missing);
}

#[test]
fn the_map_names_every_crate_and_module() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the map");
    let mut expected: BTreeSet<String> = manifests().into_keys().collect();
    for entry in fs::read_dir(root().join("crates/server/src")).expect("the server's modules") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !["lib", "main"].contains(&name.as_str()) {
            expected.insert(name);
        }
    }
    let named =
        |name: &String| map.contains(&format!("`{name}`")) || map.contains(&format!("/{name}`"));
    let absent: Vec<String> = expected.into_iter().filter(|name| !named(name)).collect();
    assert_none("Not on the map (ARCHITECTURE.md)", &absent);
}

#[test]
fn every_dependency_has_a_decision() {
    let mut decisions = String::new();
    for (path, text) in texts() {
        if path.starts_with("docs/decisions/") {
            decisions.push_str(&text);
        }
    }
    let mut used: BTreeSet<String> = BTreeSet::new();
    for manifest in manifests().values() {
        used.extend(dependencies(manifest, true));
    }
    let undecided: Vec<String> = used
        .into_iter()
        .filter(|name| {
            !name.starts_with("millstream-") && !decisions.contains(&format!("`{name}`"))
        })
        .collect();
    assert_none("Dependencies without a line in docs/decisions", &undecided);
}

#[test]
fn the_tree_speaks_of_the_product_alone() {
    let machine_paths = ["/wo", "rk/"].concat();
    let home = ["/ro", "ot/"].concat();
    let barred = [machine_paths.as_str(), home.as_str(), "/home/"];
    let mut found = Vec::new();
    for (path, text) in texts().iter().filter(|(path, _)| !path.ends_with("tests/tidy.rs")) {
        for (number, line) in text.lines().enumerate() {
            if barred.iter().any(|word| line.contains(word)) {
                found.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert_none("Paths of somebody's machine", &found);
}
