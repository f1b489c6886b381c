//! What is wrong with a file: where, what, why, and how to mend it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde::Serialize;

/// Problems told at once; a file with more is told how many more.
pub const PROBLEMS_MAX: usize = 25;

/// One thing wrong at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file.
    pub source: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in letters, from 1.
    pub column: u32,
    /// What cannot be used: ``component `edge`: bandwidth``.
    pub what: String,
    /// Why.
    pub why: String,
    /// How to mend it.
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, line, column, what, why, fix } = self;
        write!(f, "{source}:{line}:{column}: {what}: {why}; {fix}")
    }
}

/// Why a plan cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// More bytes than a plan may have.
    #[error(
        "{name} has more than {limit} bytes; a plan this large is a mistake, split it or shorten it"
    )]
    TooLarge {
        /// The file.
        name: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// Nothing in it.
    #[error("{name} describes nothing; `millstream plan init` writes a file to begin with")]
    Empty {
        /// The file.
        name: String,
    },
    /// Not TOML, or not a plan.
    #[error("{}", lines(.problems, *.more))]
    Invalid {
        /// What is wrong, in the order of the file.
        problems: Vec<Problem>,
        /// How many more there are.
        more: usize,
    },
}

fn lines(problems: &[Problem], more: usize) -> String {
    let mut text = String::new();
    for problem in problems {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&problem.to_string());
    }
    if more > 0 {
        text.push_str("\nand ");
        text.push_str(&more.to_string());
        text.push_str(" more");
    }
    text
}

/// Where lines begin, to turn offsets into lines and columns.
#[derive(Clone, Debug)]
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let mut starts = Vec::from([0]);
        starts.extend(
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1),
        );
        Self { text, starts }
    }

    /// Line and column (in letters) of a byte offset, both from 1.
    pub(crate) fn place(&self, offset: usize) -> (u32, u32) {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |head| head.chars().count()) + 1;
        (line as u32, column as u32)
    }
}

/// Collects what is wrong while a file is read.
#[derive(Debug)]
pub(crate) struct Problems<'t> {
    name: &'t str,
    lines: Lines<'t>,
    found: Vec<Problem>,
    more: usize,
}

impl<'t> Problems<'t> {
    pub(crate) fn new(name: &'t str, text: &'t str) -> Self {
        Self { name, lines: Lines::new(text), found: Vec::new(), more: 0 }
    }

    pub(crate) fn add(
        &mut self,
        offset: usize,
        what: impl Into<String>,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) {
        if self.found.len() >= PROBLEMS_MAX {
            self.more += 1;
            return;
        }
        let (line, column) = self.lines.place(offset);
        let (what, why, fix) =
            (printable(what.into()), printable(why.into()), printable(fix.into()));
        self.found.push(Problem { source: self.name.into(), line, column, what, why, fix });
    }

    pub(crate) fn finish(mut self) -> Result<(), PlanError> {
        if self.found.is_empty() {
            return Ok(());
        }
        self.found.sort_by_key(|problem| (problem.line, problem.column));
        Err(PlanError::Invalid { problems: self.found, more: self.more })
    }
}

/// Without control characters: what a file says must not move the cursor of whoever reads the message.
fn printable(text: String) -> String {
    if !text.chars().any(char::is_control) {
        return text;
    }
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// The candidate most like a word, when it is like enough to be what was meant.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1) + 1;
    let word: Vec<char> = word.chars().take(64).collect();
    let scored = candidates.map(|candidate| (distance(&word, candidate, limit), candidate));
    scored.filter(|(score, _)| *score <= limit).min().map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace) between two words; `limit` + 1 when their lengths alone exceed it.
fn distance(word: &[char], candidate: &str, limit: usize) -> usize {
    let other: Vec<char> = candidate.chars().take(64).collect();
    if word.len().abs_diff(other.len()) > limit {
        return limit + 1;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in word.iter().enumerate() {
        let mut corner = row[0];
        row[0] = above + 1;
        for (left, candidate) in other.iter().enumerate() {
            let replaced = corner + usize::from(letter != candidate);
            corner = row[left + 1];
            row[left + 1] = replaced.min(row[left] + 1).min(corner + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_lines_and_columns() {
        let lines = Lines::new("ab\nçd\n");
        assert_eq!(lines.place(0), (1, 1));
        assert_eq!(lines.place(3), (2, 1));
        assert_eq!(lines.place(5), (2, 2));
        assert_eq!(lines.place(99), (3, 1));
    }

    #[test]
    fn control_characters_are_not_passed_on() {
        let mut problems = Problems::new("p\u{1b}", "");
        problems.add(0, "a\u{1b}[31m", "b\n", "c");
        let told = problems.finish().unwrap_err().to_string();
        assert!(told.contains("a\u{fffd}[31m: b\u{fffd}; c"), "{told}");
    }

    #[test]
    fn the_nearest_word_is_found() {
        let known = ["bandwidth", "buffer", "service"];
        assert_eq!(nearest("bandwith", known.into_iter()), Some("bandwidth"));
        assert_eq!(nearest("servce", known.into_iter()), Some("service"));
        assert_eq!(nearest("colour", known.into_iter()), None);
    }
}
