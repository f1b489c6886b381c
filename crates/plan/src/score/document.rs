//! Tables of a sheet, out of the reader that plans have, too: bounds, words and the place of everything that is
//! wrong.

use crate::read::{Entry, Problems, Table, Value, nearest};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Longest text of one value, in characters.
pub(super) const TEXT_CHARACTERS_MAX: usize = 1_000;

/// What a number may be.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) least: f64,
    pub(super) most: f64,
}

/// One table and where it stands.
#[derive(Clone)]
pub(super) struct Node<'a> {
    pub(super) path: String,
    pub(super) at: usize,
    table: &'a Table,
}

impl<'a> Node<'a> {
    pub(super) fn root(table: &'a Table) -> Self {
        Self { path: String::new(), at: 0, table }
    }

    /// The full name of a key in this table.
    pub(super) fn name(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Faults for every key that is not in the list; the known keys that were most likely meant.
    pub(super) fn refuse_others<'k>(
        &self,
        known: &[&'k str],
        problems: &mut Problems<'_>,
    ) -> Vec<&'k str> {
        let mut all_meant = Vec::new();
        for Entry { key, key_at, .. } in &self.table.entries {
            if known.contains(&key.as_str()) {
                continue;
            }
            let meant = nearest(key, known.iter().copied());
            all_meant.extend(meant);
            let guess = meant.map_or_else(String::new, |meant| format!("did you mean `{meant}`? "));
            let remedy = format!("{guess}known here: {}", known.join(", "));
            let what = format!("`{}` is not a key", self.name(key));
            problems.add(*key_at, what, "nothing would read it", remedy);
        }
        all_meant
    }

    /// The keys in the order of the text.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut entries: Vec<&Entry> = self.table.entries.iter().collect();
        entries.sort_by_key(|entry| entry.key_at);
        entries.into_iter().map(|entry| entry.key.clone()).collect()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// Where the value of this key stands, or the table itself.
    pub(super) fn place(&self, key: &str) -> usize {
        self.table.get(key).map_or(self.at, |entry| entry.node.at)
    }

    fn wrong_type(&self, key: &str, wanted: &str, problems: &mut Problems<'_>) {
        let Some(entry) = self.table.get(key) else { return };
        let (what, given) = (format!("`{}`", self.name(key)), entry.node.value.kind());
        problems.add(entry.node.at, what, format!("it is {given}"), format!("write {wanted}"));
    }

    pub(super) fn text(&self, key: &str, problems: &mut Problems<'_>) -> Option<String> {
        let entry = self.table.get(key)?;
        let Value::Text(text) = &entry.node.value else {
            self.wrong_type(key, "text in quotes", problems);
            return None;
        };
        let length = text.chars().count();
        if text.trim().is_empty() || length > TEXT_CHARACTERS_MAX {
            problems.add(
                entry.node.at,
                format!("`{}`", self.name(key)),
                format!("it has {length} characters"),
                format!("write between 1 and {TEXT_CHARACTERS_MAX} characters"),
            );
            return None;
        }
        Some(text.trim().to_owned())
    }

    pub(super) fn number(
        &self,
        key: &str,
        bounds: Bounds,
        problems: &mut Problems<'_>,
    ) -> Option<f64> {
        let entry = self.table.get(key)?;
        let Value::Number(number) = entry.node.value else {
            self.wrong_type(key, "a plain number, such as 12_000 or 0.5", problems);
            return None;
        };
        let Bounds { least, most } = bounds;
        if !(least..=most).contains(&number) {
            let remedy = format!("write a number from {least} to {most}");
            problems.add(
                entry.node.at,
                format!("`{}`", self.name(key)),
                format!("{number} is out of range"),
                remedy,
            );
            return None;
        }
        Some(number)
    }

    pub(super) fn table(&self, key: &str, problems: &mut Problems<'_>) -> Option<Node<'a>> {
        let entry = self.table.get(key)?;
        let Value::Table(table) = &entry.node.value else {
            self.wrong_type(key, &format!("a table, [{}]", self.name(key)), problems);
            return None;
        };
        Some(Node { path: self.name(key), at: entry.key_at, table })
    }

    pub(super) fn tables(&self, key: &str, problems: &mut Problems<'_>) -> Vec<Node<'a>> {
        let Some(entry) = self.table.get(key) else { return Vec::new() };
        let Value::List(list) = &entry.node.value else {
            self.wrong_type(key, &format!("a list of tables, [[{}]]", self.name(key)), problems);
            return Vec::new();
        };
        let mut found = Vec::new();
        for (index, node) in list.iter().enumerate() {
            let path = format!("{}[{}]", self.name(key), index + 1);
            if let Value::Table(table) = &node.value {
                found.push(Node { path, at: node.at, table });
            } else {
                let remedy = format!("write [[{}]]", self.name(key));
                problems.add(node.at, path, format!("it is {}", node.value.kind()), remedy);
            }
        }
        found
    }
}
