//! What a request says of itself: facts that rules read, without anything of the visitor.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;

/// One fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// Text.
    Text(Box<str>),
    /// A number.
    Number(f64),
    /// Yes or no.
    Truth(bool),
}

/// Facts by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// Facts by name.
    pub facts: BTreeMap<Box<str>, Fact>,
}

impl Context {
    /// Most facts of one request.
    pub const FACTS_MAX: usize = 64;

    /// The text of a fact, where it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.facts.get(name)? {
            Fact::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The anonymous segment that visitors of this context belong to: the values of `names`.
    pub fn segment(&self, names: &[Box<str>]) -> String {
        let mut segment = String::new();
        for name in names {
            if !segment.is_empty() {
                segment.push('|');
            }
            segment.push_str(self.text(name).unwrap_or("-"));
        }
        segment
    }
}
