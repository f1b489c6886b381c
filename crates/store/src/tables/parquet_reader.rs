//! Reads a Parquet file row by row, every cell as text.

use super::TableError;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use millstream_event::Timestamp;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Rows decoded at a time.
const BATCH_ROWS: usize = 1_024;

/// A Parquet file being read. Columns of kinds that are no plain value are left out.
pub struct ParquetReader {
    names: Vec<String>,
    columns: Vec<usize>,
    batches: ParquetRecordBatchReader,
}

impl ParquetReader {
    /// Opens a file.
    ///
    /// # Errors
    /// When it is no Parquet file, or cannot be read.
    pub fn open(file: File) -> Result<Self, TableError> {
        guarded(|| {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(unreadable)?;
            let plain = builder.schema().fields().iter().enumerate();
            let plain = plain.filter(|(_, field)| is_plain(field.data_type()));
            let (columns, names) =
                plain.map(|(column, field)| (column, field.name().clone())).unzip();
            let batches = builder.with_batch_size(BATCH_ROWS).build().map_err(unreadable)?;
            Ok(Self { names, columns, batches })
        })
    }

    /// Names of the columns, in the order of the cells.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The next rows; `None` at the end. An absent cell is an empty text, a time is RFC 3339.
    ///
    /// # Errors
    /// When the file is damaged or cannot be read.
    pub fn next_rows(&mut self) -> Result<Option<Vec<Vec<String>>>, TableError> {
        let Self { columns, batches, .. } = self;
        guarded(|| {
            let Some(batch) = batches.next() else { return Ok(None) };
            let batch = batch.map_err(unreadable)?;
            let row = |row| columns.iter().map(|column| text(&batch, *column, row)).collect();
            Ok(Some((0..batch.num_rows()).map(row).collect()))
        })
    }
}

/// The decoder asserts on some damaged files: a panic in it is a damaged file, too.
fn guarded<T>(read: impl FnOnce() -> Result<T, TableError>) -> Result<T, TableError> {
    let panicked = |_| unreadable("it is damaged");
    catch_unwind(AssertUnwindSafe(read)).map_err(panicked)?
}

fn unreadable(why: impl std::fmt::Display) -> TableError {
    TableError::Read(why.to_string())
}

const fn is_plain(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Int32
            | DataType::Int64
            | DataType::Float64
            | DataType::Boolean
            | DataType::Timestamp(TimeUnit::Microsecond | TimeUnit::Millisecond, _)
    )
}

fn text(batch: &RecordBatch, column: usize, row: usize) -> String {
    let array = batch.column(column);
    if array.is_null(row) {
        return String::new();
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).to_owned(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row)).to_rfc3339()
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            let millis = array.as_primitive::<TimestampMillisecondType>().value(row);
            millis
                .checked_mul(1_000)
                .map(|micros| Timestamp(micros).to_rfc3339())
                .unwrap_or_default()
        }
        _ => String::new(),
    }
}
