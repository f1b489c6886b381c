//! Columns, cells and rows: the shape that every table has and every writer takes.

use millstream_event::{EntityId, Hash128, Timestamp};
use std::borrow::Cow;
use std::cmp::Ordering;

/// What a column holds. Every column may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// UTF-8 text.
    Text,
    /// Text that is one JSON value.
    Json,
    /// A 64-bit signed number.
    Integer,
    /// An instant in UTC, to the microsecond.
    Time,
    /// True or false.
    Flag,
}

/// A named column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
}

impl Column {
    /// A column of text.
    pub const fn text(name: &'static str) -> Self {
        Self { name, kind: ColumnKind::Text }
    }

    /// A column of JSON values.
    pub const fn json(name: &'static str) -> Self {
        Self { name, kind: ColumnKind::Json }
    }

    /// A column of numbers.
    pub const fn integer(name: &'static str) -> Self {
        Self { name, kind: ColumnKind::Integer }
    }

    /// A column of instants.
    pub const fn time(name: &'static str) -> Self {
        Self { name, kind: ColumnKind::Time }
    }

    /// A column of yes or no.
    pub const fn flag(name: &'static str) -> Self {
        Self { name, kind: ColumnKind::Flag }
    }
}

/// The name of the column that only `--with-revision` shows.
pub const REVISION: Column = Column::integer("revision");

/// One value of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing.
    Empty,
    /// Text, or JSON in a JSON column.
    Text(Cow<'a, str>),
    /// A number.
    Integer(i64),
    /// An instant.
    Time(Timestamp),
    /// Yes or no.
    Flag(bool),
}

impl<'a> Cell<'a> {
    /// Text, or empty.
    pub fn maybe(text: Option<&'a str>) -> Self {
        text.map_or(Self::Empty, |text| Self::Text(Cow::Borrowed(text)))
    }

    /// An instant, or empty.
    pub fn maybe_time(time: Option<Timestamp>) -> Self {
        time.map_or(Self::Empty, Self::Time)
    }

    /// A hash in hexadecimal, or empty.
    pub fn maybe_hash(hash: Option<Hash128>) -> Self {
        hash.map_or(Self::Empty, Self::from)
    }

    /// A count.
    pub fn count(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<Hash128> for Cell<'_> {
    fn from(hash: Hash128) -> Self {
        Self::Text(Cow::Owned(hash.to_hex()))
    }
}

impl From<EntityId> for Cell<'_> {
    fn from(entity: EntityId) -> Self {
        entity.0.into()
    }
}

/// A row of a table.
pub trait Row {
    /// Its columns, without the revision.
    const COLUMNS: &'static [Column];

    /// The revision of mutable rows.
    fn revision(&self) -> Option<u64>;

    /// Its cells, one per column, appended to `out`.
    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>);

    /// The stable order of the table: its time, then ids.
    fn order(&self, other: &Self) -> Ordering;
}
