//! Reads the keys of one table onto a value that has defaults; what is left over is unknown.

use super::node::{Entry, Node, Table, Value};
use super::problem::{Problems, nearest};
use crate::quantity::{self, Quantity, shortened};
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{borrow::ToOwned, format};

/// Longest name of anything.
pub const NAME_LETTERS_MAX: usize = 120;

/// The keys of one table while they are read.
pub(crate) struct Fields<'d, 'p, 't> {
    owner: String,
    table: &'d Table,
    asked: Vec<&'static str>,
    pub(crate) problems: &'p mut Problems<'t>,
}

impl<'d, 'p, 't> Fields<'d, 'p, 't> {
    pub(crate) fn new(owner: String, table: &'d Table, problems: &'p mut Problems<'t>) -> Self {
        Self { owner, table, asked: Vec::new(), problems }
    }

    /// The entry of a key; from now on the key is known.
    pub(crate) fn entry(&mut self, key: &'static str) -> Option<&'d Entry> {
        self.asked.push(key);
        self.table.get(key)
    }

    /// Complains about a place.
    pub(crate) fn wrong(
        &mut self,
        at: usize,
        key: &str,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let what =
            if key.is_empty() { self.owner.clone() } else { format!("{}: {key}", self.owner) };
        self.problems.add(at, what, why, fix);
    }

    /// Where the table begins.
    pub(crate) fn at(&self) -> usize {
        self.table.at
    }

    fn read<T: Quantity>(&mut self, key: &str, node: &Node) -> Option<T> {
        let read = match &node.value {
            Value::Text(text) => quantity::parse::<T>(text),
            Value::Number(number) => quantity::from_number::<T>(*number),
            other => {
                let fix = format!("write it like {}", T::EXAMPLE);
                self.wrong(
                    node.at,
                    key,
                    format!("{} stands where {} belongs", other.kind(), T::WHAT),
                    fix,
                );
                return None;
            }
        };
        match read {
            Ok(read) => Some(read),
            Err(misread) => {
                self.wrong(node.at, key, misread.why, misread.fix);
                None
            }
        }
    }

    /// A quantity that has a default.
    pub(crate) fn set<T: Quantity>(&mut self, key: &'static str, into: &mut T) {
        if let Some(entry) = self.entry(key)
            && let Some(read) = self.read(key, &entry.node)
        {
            *into = read;
        }
    }

    /// A quantity that may be unknown; `"none"` makes it so again.
    pub(crate) fn option<T: Quantity>(&mut self, key: &'static str, into: &mut Option<T>) {
        let Some(entry) = self.entry(key) else { return };
        match &entry.node.value {
            Value::Text(text) if matches!(text.as_str(), "none" | "unlimited") => *into = None,
            _ => {
                if let Some(read) = self.read(key, &entry.node) {
                    *into = Some(read);
                }
            }
        }
    }

    /// A capacity that may be unlimited: zero is no capacity.
    pub(crate) fn capacity<T: Quantity>(&mut self, key: &'static str, into: &mut Option<T>) {
        self.option(key, into);
        if into.is_some_and(|value| value.base() <= 0.0) {
            let at = self.table.get(key).map_or(self.table.at, |entry| entry.node.at);
            let fix = format!("write what it can do, like {}, or leave it out", T::EXAMPLE);
            self.wrong(at, key, "a capacity of zero carries nothing", fix);
            *into = None;
        }
    }

    /// Text.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<(&'d str, usize)> {
        let entry = self.entry(key)?;
        self.text_of(key, &entry.node)
    }

    /// The text of a value.
    pub(crate) fn text_of<'n>(&mut self, key: &str, node: &'n Node) -> Option<(&'n str, usize)> {
        match &node.value {
            Value::Text(text) if text.chars().count() <= NAME_LETTERS_MAX => {
                Some((text.as_str(), node.at))
            }
            Value::Text(_) => {
                let why = format!("more than {NAME_LETTERS_MAX} letters");
                self.wrong(node.at, key, why, "shorten it");
                None
            }
            other => {
                let why = format!("{} stands where text belongs", other.kind());
                self.wrong(node.at, key, why, "put it in quotes");
                None
            }
        }
    }

    /// One of several names.
    pub(crate) fn choice<T>(
        &mut self,
        key: &'static str,
        names: &'static [&'static str],
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let (text, at) = self.text(key)?;
        let found = parse(text);
        if found.is_none() {
            self.unknown(at, key, text, names.iter().copied());
        }
        found
    }

    /// Complains about a word that is none of the known ones, with the nearest.
    pub(crate) fn unknown<'a>(
        &mut self,
        at: usize,
        key: &str,
        word: &str,
        known: impl Iterator<Item = &'a str> + Clone,
    ) {
        let fix = match nearest(word, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let listed: Vec<&str> = known.take(24).collect();
                format!("known: {}", listed.join(", "))
            }
        };
        self.wrong(at, key, format!("`{}` is not known", shortened(word)), fix);
    }

    /// True or false.
    pub(crate) fn flag(&mut self, key: &'static str, into: &mut bool) {
        let Some(entry) = self.entry(key) else { return };
        match entry.node.value {
            Value::Flag(flag) => *into = flag,
            _ => self.wrong(
                entry.node.at,
                key,
                "neither true nor false",
                "write true or false, without quotes",
            ),
        }
    }

    /// A list of values; a single value stands for a list of one.
    pub(crate) fn list(&mut self, key: &'static str) -> Option<&'d [Node]> {
        let entry = self.entry(key)?;
        Some(match &entry.node.value {
            Value::List(items) => items,
            _ => core::slice::from_ref(&entry.node),
        })
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let items = self.list(key)?;
        Some(
            items
                .iter()
                .filter_map(|item| self.text_of(key, item))
                .map(|(text, _)| text.to_owned())
                .collect(),
        )
    }

    /// A table under a key.
    pub(crate) fn table(&mut self, key: &'static str) -> Option<&'d Table> {
        let entry = self.entry(key)?;
        match &entry.node.value {
            Value::Table(table) => Some(table),
            other => {
                let why = format!("{} stands where a table belongs", other.kind());
                self.wrong(entry.node.at, key, why, format!("write [{key}] or {key} = {{ ... }}"));
                None
            }
        }
    }

    /// The tables of an array of tables.
    pub(crate) fn tables(&mut self, key: &'static str) -> Vec<&'d Table> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        let items = match &entry.node.value {
            Value::List(items) => items.as_slice(),
            _ => core::slice::from_ref(&entry.node),
        };
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::Table(table) => found.push(table),
                other => {
                    let why = format!("{} stands where a table belongs", other.kind());
                    self.wrong(item.at, key, why, format!("write [[{key}]] above each of them"));
                }
            }
        }
        found
    }

    /// Quantities by free names: `{ edge = "20 ms", log = "5 ms" }`.
    pub(crate) fn named<T: Quantity>(&mut self, key: &'static str) -> Option<Vec<(&'d Entry, T)>> {
        let table = self.table(key)?;
        let read = |entry: &'d Entry| {
            let path = format!("{key}.{}", shortened(&entry.key));
            self.read::<T>(&path, &entry.node).map(|value| (entry, value))
        };
        Some(table.entries.iter().filter_map(read).collect())
    }

    /// A table of quantities of one type at fixed names, read by a function.
    pub(crate) fn inside(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Fields<'d, '_, 't>),
    ) {
        let Some(table) = self.table(key) else { return };
        let owner = format!("{}: {key}", self.owner);
        let mut fields = Fields::new(owner, table, self.problems);
        read(&mut fields);
        fields.finish();
    }

    /// Refuses every key that nobody asked for. Gives the known ones.
    pub(crate) fn finish(mut self) -> Vec<&'static str> {
        let asked = core::mem::take(&mut self.asked);
        for entry in &self.table.entries {
            if !asked.contains(&entry.key.as_str()) {
                self.unknown(entry.key_at, "", &entry.key, asked.iter().copied());
            }
        }
        asked
    }
}
