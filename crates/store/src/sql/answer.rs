//! Answers: rows of plain values, whatever the engine's own types are.

use super::error::SqlError;
use datafusion::arrow::array::cast::AsArray;
use datafusion::arrow::array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use millstream_event::Timestamp;

/// One value of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number that is never negative.
    Count(u64),
    /// Any other number.
    Number(f64),
    /// Text; instants as RFC 3339; what has no plainer form as the engine writes it.
    Text(String),
}

impl Value {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => size_of::<Self>() + text.len(),
            _ => size_of::<Self>(),
        }
    }
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerColumn {
    /// Its name; further columns of one name get `_2`, `_3`, ….
    pub name: String,
    /// What it holds: `text`, `integer`, `number`, `flag`, `time`, or the engine's own word.
    pub kind: String,
}

/// What a question came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Columns.
    pub columns: Vec<AnswerColumn>,
    /// Rows, a value per column.
    pub rows: Vec<Vec<Value>>,
    /// True when there were more rows than asked for.
    pub more: bool,
}

/// Takes batches until there are rows enough.
pub(super) struct Gathering {
    answer: Answer,
    rows_max: usize,
    bytes: usize,
    bytes_max: usize,
}

impl Gathering {
    pub(super) fn new(schema: &Schema, rows_max: usize, bytes_max: usize) -> Self {
        let mut columns: Vec<AnswerColumn> = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let wanted = field.name();
            let mut name = wanted.clone();
            let mut number = 1;
            while columns.iter().any(|column| column.name == name) {
                number += 1;
                name = format!("{wanted}_{number}");
            }
            columns.push(AnswerColumn { name, kind: kind_name(field.data_type()) });
        }
        let answer = Answer { columns, rows: Vec::new(), more: false };
        Self { answer, rows_max, bytes: 0, bytes_max }
    }

    /// Adds a batch; false when no more are wanted.
    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<bool, SqlError> {
        let wanted = (self.rows_max - self.answer.rows.len()).min(batch.num_rows());
        for row in 0..wanted {
            let mut values = Vec::with_capacity(batch.num_columns());
            for column in batch.columns() {
                let value = value(column, row)?;
                self.bytes += value.bytes();
                values.push(value);
            }
            if self.bytes > self.bytes_max {
                return Err(SqlError::Answer { max: self.bytes_max });
            }
            self.answer.rows.push(values);
        }
        self.answer.more = wanted < batch.num_rows();
        Ok(!self.answer.more)
    }

    pub(super) fn finish(self) -> Answer {
        self.answer
    }
}

fn kind_name(kind: &DataType) -> String {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".into(),
        kind if kind.is_integer() => "integer".into(),
        kind if kind.is_numeric() => "number".into(),
        DataType::Boolean => "flag".into(),
        DataType::Timestamp(..) => "time".into(),
        other => other.to_string().to_ascii_lowercase(),
    }
}

fn value(array: &ArrayRef, row: usize) -> Result<Value, SqlError> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        DataType::Boolean => Value::Flag(array.as_boolean().value(row)),
        DataType::Int8 => Value::Integer(array.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => Value::Integer(array.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => Value::Integer(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Value::Integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => Value::Count(array.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => Value::Count(array.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => Value::Count(array.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => Value::Count(array.as_primitive::<UInt64Type>().value(row)),
        DataType::Float32 => Value::Number(array.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => Value::Number(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::LargeUtf8 => Value::Text(array.as_string::<i64>().value(row).to_owned()),
        DataType::Utf8View => Value::Text(array.as_string_view().value(row).to_owned()),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            Value::Text(Timestamp(micros).to_rfc3339())
        }
        _ => {
            let formatter = ArrayFormatter::try_new(array, &FormatOptions::default())
                .map_err(|error| SqlError::Engine(error.to_string()))?;
            Value::Text(formatter.value(row).to_string())
        }
    })
}
