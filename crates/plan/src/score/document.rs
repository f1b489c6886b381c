//! Tables of a TOML text, read with the place of everything that is wrong.

use crate::read::{Problems, nearest};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

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
pub(super) struct Node<'a, 'i> {
    pub(super) path: String,
    pub(super) span: Range<usize>,
    table: &'a DeTable<'i>,
}

impl<'a, 'i> Node<'a, 'i> {
    pub(super) fn root(document: &'a Spanned<DeTable<'i>>) -> Self {
        Self { path: String::new(), span: 0..0, table: document.get_ref() }
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
        for key in self.table.keys() {
            if known.contains(&key.get_ref().as_ref()) {
                continue;
            }
            let meant = nearest(key.get_ref(), known.iter().copied());
            all_meant.extend(meant);
            let guess = meant.map_or_else(String::new, |meant| format!("did you mean `{meant}`? "));
            let remedy = format!("{guess}known here: {}", known.join(", "));
            let what = format!("`{}` is not a key", self.name(key.get_ref()));
            problems.add(key.span().start, what, "nothing would read it", remedy);
        }
        all_meant
    }

    /// The keys in the order of the text.
    pub(super) fn keys(&self) -> Vec<(String, Range<usize>)> {
        let mut keys: Vec<_> =
            self.table.keys().map(|key| (key.get_ref().as_ref().to_owned(), key.span())).collect();
        keys.sort_by_key(|(_, span)| span.start);
        keys
    }

    fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.table.get(key)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Where the value of this key stands, or the table itself.
    pub(super) fn place(&self, key: &str) -> Range<usize> {
        self.value(key).map_or_else(|| self.span.clone(), Spanned::span)
    }

    fn wrong_type(&self, key: &str, wanted: &str, problems: &mut Problems<'_>) {
        let Some(value) = self.value(key) else { return };
        let (what, given) = (format!("`{}`", self.name(key)), value.get_ref().type_str());
        problems.add(
            value.span().start,
            what,
            format!("it is of type {given}"),
            format!("write {wanted}"),
        );
    }

    pub(super) fn text(&self, key: &str, problems: &mut Problems<'_>) -> Option<String> {
        let value = self.value(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(key, "text in quotes", problems);
            return None;
        };
        let length = text.chars().count();
        if text.trim().is_empty() || length > TEXT_CHARACTERS_MAX {
            problems.add(
                value.span().start,
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
        let value = self.value(key)?;
        let Some(number) = plain_number(value.get_ref()) else {
            self.wrong_type(key, "a plain number, such as 12_000 or 0.5", problems);
            return None;
        };
        let Bounds { least, most } = bounds;
        if !(least..=most).contains(&number) {
            let remedy = format!("write a number from {least} to {most}");
            problems.add(
                value.span().start,
                format!("`{}`", self.name(key)),
                format!("{number} is out of range"),
                remedy,
            );
            return None;
        }
        Some(number)
    }

    pub(super) fn table(&self, key: &str, problems: &mut Problems<'_>) -> Option<Node<'a, 'i>> {
        let value = self.value(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(key, &format!("a table, [{}]", self.name(key)), problems);
            return None;
        };
        let span =
            self.table.get_key_value(key).map_or_else(|| value.span(), |(key, _)| key.span());
        Some(Node { path: self.name(key), span, table })
    }

    pub(super) fn tables(&self, key: &str, problems: &mut Problems<'_>) -> Vec<Node<'a, 'i>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(key, &format!("a list of tables, [[{}]]", self.name(key)), problems);
            return Vec::new();
        };
        let mut found = Vec::new();
        for (index, entry) in list.iter().enumerate() {
            let path = format!("{}[{}]", self.name(key), index + 1);
            match entry.get_ref().as_table() {
                Some(table) => found.push(Node { path, span: entry.span(), table }),
                None => {
                    let given = entry.get_ref().type_str();
                    let remedy = format!("write [[{}]]", self.name(key));
                    problems.add(
                        entry.span().start,
                        path,
                        format!("it is of type {given}"),
                        remedy,
                    );
                }
            }
        }
        found
    }
}

/// Numbers are written plainly; NaN and infinities are out of every range.
fn plain_number(value: &DeValue<'_>) -> Option<f64> {
    if let Some(whole) = value.as_integer() {
        return i64::from_str_radix(whole.as_str(), whole.radix()).ok().map(|whole| whole as f64);
    }
    value.as_float().and_then(|float| float.as_str().parse().ok())
}
