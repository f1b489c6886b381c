//! One way in for every format.

use super::TableError;
use super::cell::{Cell, Column, REVISION, Row};
use super::csv::CsvWriter;
use super::jsonl::JsonLinesWriter;
use super::parquet::ParquetWriter;
use std::fmt;
use std::io::Write;
use std::str::FromStr;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 with a header line; formulas are made inert.
    Csv,
    /// One JSON object a line.
    JsonLines,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The name in commands, and the file name's extension.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Parquet => "parquet",
        }
    }

    /// The media type for HTTP.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::JsonLines => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No format has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no format {0:?}: take csv, jsonl or parquet")]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        [Self::Csv, Self::JsonLines, Self::Parquet]
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// Takes the rows of one table in their order.
pub trait TableWriter {
    /// Writes one row: a cell per column.
    ///
    /// # Errors
    /// When the output refuses bytes.
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), TableError>;

    /// Writes what is left. Must be called for the output to be whole.
    ///
    /// # Errors
    /// When the output refuses bytes.
    fn finish(self: Box<Self>) -> Result<(), TableError>;
}

/// Opens a writer of `format` for these columns.
///
/// # Errors
/// When the output refuses bytes.
pub fn open<'w>(
    format: Format,
    columns: Vec<Column>,
    out: &'w mut dyn Write,
) -> Result<Box<dyn TableWriter + 'w>, TableError> {
    Ok(match format {
        Format::Csv => Box::new(CsvWriter::new(&columns, out)?),
        Format::JsonLines => Box::new(JsonLinesWriter::new(columns, out)),
        Format::Parquet => Box::new(ParquetWriter::new(columns, out)?),
    })
}

/// The columns of `R`, with the revision when asked for and there is one.
pub fn columns<R: Row>(with_revision: bool) -> Vec<Column> {
    let revision = with_revision.then_some(REVISION);
    R::COLUMNS.iter().copied().chain(revision).collect()
}

/// Writes one row with or without its revision, reusing `cells`.
///
/// # Errors
/// When the output refuses bytes.
pub fn write_row<R: Row>(
    writer: &mut dyn TableWriter,
    row: &R,
    with_revision: bool,
) -> Result<(), TableError> {
    let mut cells = Vec::with_capacity(R::COLUMNS.len() + 1);
    row.cells(&mut cells);
    if with_revision {
        cells.push(row.revision().map_or(Cell::Empty, Cell::count));
    }
    writer.row(&cells)
}

/// Sorts the rows and writes them whole; returns how many.
///
/// # Errors
/// When the output refuses bytes.
pub fn write_rows<R: Row>(
    mut rows: Vec<R>,
    format: Format,
    with_revision: bool,
    out: &mut dyn Write,
) -> Result<u64, TableError> {
    rows.sort_unstable_by(R::order);
    let mut writer = open(format, columns::<R>(with_revision), out)?;
    for row in &rows {
        write_row(&mut *writer, row, with_revision)?;
    }
    writer.finish()?;
    Ok(rows.len() as u64)
}
