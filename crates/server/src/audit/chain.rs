//! A chain of evidence: what something is, the facts about it, and what it rests on.

use crate::report::page::plain;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// The value of one fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Truth(bool),
    /// Several texts.
    List(Vec<String>),
}

impl From<&str> for Fact {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Fact {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Fact {
    fn from(truth: bool) -> Self {
        Self::Truth(truth)
    }
}

impl From<u64> for Fact {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or_else(|_| Self::Text(number.to_string()), Self::Number)
    }
}

impl From<u32> for Fact {
    fn from(number: u32) -> Self {
        Self::Number(i64::from(number))
    }
}

impl From<i64> for Fact {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl Serialize for Fact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Truth(truth) => serializer.serialize_bool(*truth),
            Self::List(texts) => texts.serialize(serializer),
        }
    }
}

impl Fact {
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => plain(text),
            Self::Number(number) => number.to_string(),
            Self::Truth(true) => "yes".to_owned(),
            Self::Truth(false) => "no".to_owned(),
            Self::List(texts) if texts.is_empty() => "none".to_owned(),
            Self::List(texts) => {
                texts.iter().map(|text| plain(text)).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

/// One node of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// What it is: `conversion`, `person`, `touch`, `credit`, `event`, `link`, ….
    pub what: &'static str,
    /// Its id, where it has one.
    pub id: Option<String>,
    /// Facts, in the order in which they are told.
    pub facts: Vec<(&'static str, Fact)>,
    /// What it rests on.
    pub parts: Vec<Chain>,
}

impl Chain {
    /// A node without facts yet.
    pub fn new(what: &'static str, id: impl Into<String>) -> Self {
        Self { what, id: Some(id.into()), facts: Vec::new(), parts: Vec::new() }
    }

    /// A node that only gathers others.
    pub const fn group(what: &'static str) -> Self {
        Self { what, id: None, facts: Vec::new(), parts: Vec::new() }
    }

    /// With one more fact.
    #[must_use]
    pub fn with(mut self, name: &'static str, fact: impl Into<Fact>) -> Self {
        self.facts.push((name, fact.into()));
        self
    }

    /// With one more fact, where it is known.
    #[must_use]
    pub fn with_known(self, name: &'static str, fact: Option<impl Into<Fact>>) -> Self {
        match fact {
            Some(fact) => self.with(name, fact),
            None => self,
        }
    }

    /// With one more part.
    #[must_use]
    pub fn over(mut self, part: Self) -> Self {
        self.parts.push(part);
        self
    }

    /// The tree as text, two lines or so per node.
    pub fn to_tree(&self) -> String {
        let mut out = String::new();
        self.draw("", "", &mut out);
        out
    }

    fn draw(&self, first: &str, rest: &str, out: &mut String) {
        out.push_str(first);
        out.push_str(self.what);
        if let Some(id) = &self.id {
            out.push(' ');
            out.push_str(&plain(id));
        }
        out.push('\n');
        let stem = if self.parts.is_empty() { "  " } else { "│ " };
        let width = self.facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, fact) in &self.facts {
            let name = name.replace('_', " ");
            out.push_str(&format!("{rest}{stem}{name:width$}  {}\n", fact.shown()));
        }
        for (index, part) in self.parts.iter().enumerate() {
            let last = index + 1 == self.parts.len();
            let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            part.draw(&format!("{rest}{branch}"), &format!("{rest}{below}"), out);
        }
    }
}

impl Serialize for Chain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("what", self.what)?;
        if let Some(id) = &self.id {
            map.serialize_entry("id", id)?;
        }
        for (name, fact) in &self.facts {
            map.serialize_entry(name, fact)?;
        }
        if !self.parts.is_empty() {
            map.serialize_entry("parts", &self.parts)?;
        }
        map.end()
    }
}
