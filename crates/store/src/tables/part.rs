//! Part files: Parquet files that together hold a table, written whole and never changed.

use super::TableError;
use super::cell::{Cell, Column, Row};
use super::parquet::ParquetWriter;
use super::writer::{TableWriter, write_row};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use millstream_event::Timestamp;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// Rows decoded at a time.
const BATCH_ROWS: usize = 4_096;

/// What a part holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartSize {
    /// Rows.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// The earliest and the latest instant in the column asked for at the start.
    pub times: Option<(Timestamp, Timestamp)>,
}

/// Writes one part.
pub struct PartWriter {
    file: File,
    writer: Box<ParquetWriter<BufWriter<File>>>,
    time_column: Option<usize>,
    size: PartSize,
}

impl PartWriter {
    /// Begins a part; `time_column` is the one whose range is told at the end.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(
        path: &Path,
        columns: Vec<Column>,
        time_column: Option<&str>,
    ) -> Result<Self, TableError> {
        let file = File::create(path)?;
        let time_column =
            time_column.and_then(|name| columns.iter().position(|column| column.name == name));
        let writer = ParquetWriter::new(columns, BufWriter::new(file.try_clone()?))?;
        Ok(Self { file, writer: Box::new(writer), time_column, size: PartSize::default() })
    }

    /// Writes a row of cells.
    ///
    /// # Errors
    /// When the file refuses bytes.
    pub fn cells(&mut self, cells: &[Cell<'_>]) -> Result<(), TableError> {
        self.note_time(self.time_column.and_then(|column| cells.get(column)));
        self.size.rows += 1;
        self.writer.row(cells)
    }

    /// Writes a row, with its revision where the columns have one.
    ///
    /// # Errors
    /// When the file refuses bytes.
    pub fn row<R: Row>(&mut self, row: &R, with_revision: bool) -> Result<(), TableError> {
        if self.time_column.is_none() {
            self.size.rows += 1;
            return write_row(&mut *self.writer, row, with_revision);
        }
        let mut cells = Vec::with_capacity(R::COLUMNS.len() + 1);
        row.cells(&mut cells);
        if with_revision {
            cells.push(row.revision().map_or(Cell::Empty, Cell::count));
        }
        self.cells(&cells)
    }

    fn note_time(&mut self, cell: Option<&Cell<'_>>) {
        if let Some(Cell::Time(time)) = cell {
            let (first, last) = self.size.times.unwrap_or((*time, *time));
            self.size.times = Some((first.min(*time), last.max(*time)));
        }
    }

    /// Rows so far.
    pub const fn rows(&self) -> u64 {
        self.size.rows
    }

    /// Ends the part. Durable on return, as far as the file itself goes.
    ///
    /// # Errors
    /// When the file refuses bytes.
    pub fn finish(self) -> Result<PartSize, TableError> {
        self.writer.finish()?;
        self.file.sync_data()?;
        Ok(PartSize { bytes: self.file.metadata()?.len(), ..self.size })
    }
}

/// Visits the cells of these columns of a part, row by row, until `visit` returns false. A column
/// that the part does not have is empty.
///
/// # Errors
/// When the file cannot be read, or what `visit` returned.
pub fn read_part(
    path: &Path,
    columns: &[&str],
    visit: &mut dyn FnMut(&[Cell<'_>]) -> Result<bool, TableError>,
) -> Result<(), TableError> {
    let unreadable =
        |why: &dyn std::fmt::Display| TableError::Read(format!("{}: {why}", path.display()));
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| unreadable(&error))?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let batches = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
    for batch in batches.map_err(|error| unreadable(&error))? {
        let batch = batch.map_err(|error| unreadable(&error))?;
        let arrays: Vec<_> = columns.iter().map(|name| batch.column_by_name(name)).collect();
        let mut cells = Vec::with_capacity(columns.len());
        for row in 0..batch.num_rows() {
            cells.clear();
            cells.extend(arrays.iter().map(|array| array.map_or(Cell::Empty, |it| cell(it, row))));
            if !visit(&cells)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn cell(array: &ArrayRef, row: usize) -> Cell<'_> {
    if array.is_null(row) {
        return Cell::Empty;
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Int64 => Cell::Integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::Timestamp(..) => {
            Cell::Time(Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row)))
        }
        DataType::Boolean => Cell::Flag(array.as_boolean().value(row)),
        _ => Cell::Empty,
    }
}
