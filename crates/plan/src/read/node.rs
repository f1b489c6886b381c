//! TOML as a tree of values that know where they stand.

use super::problem::{PlanError, Problems};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and the byte offset at which it begins.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: usize,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Number(f64),
    Flag(bool),
    List(Vec<Node>),
    Table(Table),
}

/// Keys in order of name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) entries: Vec<Entry>,
    pub(crate) at: usize,
}

/// One key of a table.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: usize,
    pub(crate) node: Node,
}

impl Value {
    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Number(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|entry| entry.key.as_str().cmp(key)).ok()?;
        self.entries.get(at)
    }
}

/// Parses TOML text; the error says line and column. `begin` is the command that prints one to begin with.
pub(crate) fn parse_toml(name: &str, text: &str, begin: &str) -> Result<Table, PlanError> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(table_of(table));
    }
    let mut problems = Problems::new(name, text);
    for error in errors {
        let offset = error.span().map_or(0, |span| span.start);
        let fix = format!("see the TOML rules at https://toml.io, or begin with {begin}");
        problems.add(offset, "the file is not TOML", error.message(), fix);
    }
    problems.finish().map(|()| Table::default())
}

fn table_of(table: Spanned<DeTable<'_>>) -> Table {
    let at = table.span().start;
    let entries = table.into_inner().into_iter().map(|(key, value)| {
        let key_at = key.span().start;
        Entry { key: key.into_inner().into_owned(), key_at, node: node_of(value) }
    });
    let mut entries: Vec<Entry> = entries.collect();
    entries.sort_by(|one, two| one.key.cmp(&two.key));
    Table { entries, at }
}

fn node_of(value: Spanned<DeValue<'_>>) -> Node {
    let span = value.span();
    let at = span.start;
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            Value::Number(parsed.map_or(f64::NAN, |number| number as f64))
        }
        DeValue::Float(number) => Value::Number(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Datetime(time) => Value::Text(time.to_string()),
        DeValue::Array(items) => Value::List(items.into_iter().map(node_of).collect()),
        DeValue::Table(table) => Value::Table(table_of(Spanned::new(span, table))),
    };
    Node { value, at }
}
