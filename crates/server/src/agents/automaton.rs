//! Automata: crawlers, link previews, scanners, headless browsers, HTTP libraries.

use aho_corasick::AhoCorasick;
use regex::RegexSet;

pub(super) const PATTERNS: &str = include_str!("../../data/crawler-user-agents.json");

/// One entry of the list.
#[derive(serde::Deserialize)]
struct Entry {
    pattern: String,
}

/// The compiled list: plain patterns by one automaton, the few real expressions as a set.
pub struct Automata {
    plain: AhoCorasick,
    expressions: RegexSet,
}

/// A pattern of the list that cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub enum AutomataError {
    /// The list itself.
    #[error(transparent)]
    Read(#[from] serde_json::Error),
    /// The plain patterns.
    #[error(transparent)]
    Plain(#[from] aho_corasick::BuildError),
    /// The expressions.
    #[error(transparent)]
    Expression(#[from] regex::Error),
}

impl Automata {
    /// Compiles the vendored list.
    pub fn compile() -> Result<Self, AutomataError> {
        let mut plain = Vec::new();
        let mut expressions = Vec::new();
        for entry in serde_json::from_str::<Vec<Entry>>(PATTERNS)? {
            match literal(&entry.pattern) {
                Some(text) => plain.push(text),
                None => expressions.push(unescaped_slashes(&entry.pattern)),
            }
        }
        Ok(Self { plain: AhoCorasick::new(plain)?, expressions: RegexSet::new(expressions)? })
    }

    /// True when the agent is a known automaton.
    pub fn matches(&self, user_agent: &str) -> bool {
        self.plain.is_match(user_agent) || self.expressions.is_match(user_agent)
    }
}

/// The text that a pattern without any operator stands for.
fn literal(pattern: &str) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped) if !escaped.is_ascii_alphanumeric() => text.push(escaped),
                _ => return None,
            },
            '.' | '^' | '$' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' => {
                return None;
            }
            plain => text.push(plain),
        }
    }
    Some(text)
}

/// JavaScript escapes slashes; the `regex` crate refuses that.
fn unescaped_slashes(pattern: &str) -> String {
    pattern.replace("\\/", "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_patterns_are_told_from_expressions() {
        assert_eq!(literal("Googlebot\\/").as_deref(), Some("Googlebot/"));
        assert_eq!(literal("grub\\.org").as_deref(), Some("grub.org"));
        assert_eq!(literal("[wW]get"), None);
        assert_eq!(literal("a.c"), None);
        assert_eq!(literal("\\d"), None);
    }

    #[test]
    fn names_that_end_in_bot_are_bots_and_phones_are_not() {
        let automata = Automata::compile().unwrap();
        assert!(automata.matches("Examplebot/1.0"));
        assert!(automata.matches("my-bot"));
        assert!(!automata.matches("both ways"));
        assert!(!automata.matches("Mozilla/5.0 (Linux; Android 9; CUBOT X18 Build/P) Mobile"));
    }
}
