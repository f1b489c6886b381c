//! Parquet through Arrow record batches: Snappy, dictionaries, UTC microseconds.

use super::TableError;
use super::cell::{Cell, Column, ColumnKind};
use super::writer::TableWriter;
use arrow_array::builder::{
    BooleanBuilder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::io::Write;
use std::sync::Arc;

/// Rows that become one record batch.
const BATCH_ROWS: usize = 8_192;
/// Rows of a row group: the most that is buffered, encoded.
const GROUP_ROWS: usize = 262_144;
const UTC: &str = "UTC";

/// The Arrow schema of these columns.
pub fn schema(columns: &[Column]) -> SchemaRef {
    schema_of(columns.iter().map(|column| (column.name, column.kind)))
}

fn schema_of<'a>(columns: impl Iterator<Item = (&'a str, ColumnKind)>) -> SchemaRef {
    let field = |(name, kind): (&'a str, ColumnKind)| {
        let kind = match kind {
            ColumnKind::Text | ColumnKind::Json => DataType::Utf8,
            ColumnKind::Integer => DataType::Int64,
            ColumnKind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            ColumnKind::Flag => DataType::Boolean,
        };
        Field::new(name, kind, true)
    };
    Arc::new(Schema::new(columns.map(field).collect::<Vec<_>>()))
}

/// One column being built.
enum Builder {
    Text(StringBuilder),
    Integer(Int64Builder),
    Time(TimestampMicrosecondBuilder),
    Flag(BooleanBuilder),
}

impl Builder {
    fn new(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Text | ColumnKind::Json => Self::Text(StringBuilder::new()),
            ColumnKind::Integer => Self::Integer(Int64Builder::new()),
            ColumnKind::Time => Self::Time(TimestampMicrosecondBuilder::new().with_timezone(UTC)),
            ColumnKind::Flag => Self::Flag(BooleanBuilder::new()),
        }
    }

    /// A cell of another kind than the column's counts as empty.
    fn push(&mut self, cell: &Cell<'_>) {
        match (self, cell) {
            (Self::Text(builder), Cell::Text(text)) => builder.append_value(text),
            (Self::Text(builder), _) => builder.append_null(),
            (Self::Integer(builder), Cell::Integer(value)) => builder.append_value(*value),
            (Self::Integer(builder), _) => builder.append_null(),
            (Self::Time(builder), Cell::Time(time)) => builder.append_value(time.0),
            (Self::Time(builder), _) => builder.append_null(),
            (Self::Flag(builder), Cell::Flag(flag)) => builder.append_value(*flag),
            (Self::Flag(builder), _) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Flag(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Writes Parquet.
pub struct ParquetWriter<W> {
    schema: SchemaRef,
    builders: Vec<Builder>,
    rows: usize,
    /// Writes into memory, which is emptied into `out` after every batch.
    writer: ArrowWriter<Vec<u8>>,
    out: W,
}

impl<W: Write> ParquetWriter<W> {
    /// A writer for these columns.
    ///
    /// # Errors
    /// When the output refuses bytes.
    pub fn new(columns: Vec<Column>, out: W) -> Result<Self, TableError> {
        let named: Vec<_> = columns.iter().map(|column| (column.name, column.kind)).collect();
        Self::named(&named, out)
    }

    /// A writer for columns whose names are not known before.
    ///
    /// # Errors
    /// When the output refuses bytes.
    pub fn named(columns: &[(&str, ColumnKind)], out: W) -> Result<Self, TableError> {
        let schema = schema_of(columns.iter().copied());
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_created_by("millstream".to_owned())
            .build();
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties))?;
        let builders = columns.iter().map(|(_, kind)| Builder::new(*kind)).collect();
        Ok(Self { schema, builders, rows: 0, writer, out })
    }

    fn flush_batch(&mut self) -> Result<(), TableError> {
        if self.rows > 0 {
            let arrays = self.builders.iter_mut().map(Builder::finish).collect();
            self.writer.write(&RecordBatch::try_new(Arc::clone(&self.schema), arrays)?)?;
            self.rows = 0;
            let written = self.writer.inner_mut();
            self.out.write_all(written)?;
            written.clear();
        }
        Ok(())
    }
}

impl<W: Write> TableWriter for ParquetWriter<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), TableError> {
        for (builder, cell) in self.builders.iter_mut().zip(cells) {
            builder.push(cell);
        }
        self.rows += 1;
        if self.rows == BATCH_ROWS {
            self.flush_batch()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), TableError> {
        self.flush_batch()?;
        let rest = self.writer.into_inner()?;
        self.out.write_all(&rest)?;
        self.out.flush()?;
        Ok(())
    }
}
