//! Bodies in Parquet: the items of a batch as rows of the columns that the file declares.

use super::expression::ExpressionError;
use millstream_event::Timestamp;
use millstream_store::tables::{Cell, ColumnKind, ParquetWriter, TableWriter};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Most columns of a file.
pub const COLUMNS_MAX: usize = 200;

/// What a column holds; see [`ColumnKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Text; other values as JSON.
    Text,
    /// A JSON value.
    Json,
    /// A whole number.
    Integer,
    /// An instant: RFC 3339, or milliseconds since 1970.
    Time,
    /// True or false.
    Flag,
}

impl Holds {
    const fn kind(self) -> ColumnKind {
        match self {
            Self::Text => ColumnKind::Text,
            Self::Json => ColumnKind::Json,
            Self::Integer => ColumnKind::Integer,
            Self::Time => ColumnKind::Time,
            Self::Flag => ColumnKind::Flag,
        }
    }

    /// What does not fit the column leaves its cell empty.
    fn cell(self, value: &Value) -> Cell<'_> {
        match (self, value) {
            (_, Value::Null) => Cell::Empty,
            (Self::Text, Value::String(text)) => Cell::from(text.as_str()),
            (Self::Text | Self::Json, other) => Cell::from(other.to_string()),
            (Self::Integer, other) => other.as_i64().map_or(Cell::Empty, Cell::Integer),
            (Self::Flag, other) => other.as_bool().map_or(Cell::Empty, Cell::Flag),
            (Self::Time, Value::String(text)) => Cell::maybe_time(Timestamp::parse_rfc3339(text)),
            (Self::Time, other) => Cell::maybe_time(other.as_i64().map(Timestamp::from_millis)),
        }
    }
}

/// The items, each a JSON object, as one Parquet file. The same items give the same bytes.
///
/// # Errors
/// When an item is no object.
pub fn parquet(
    columns: &BTreeMap<String, Holds>,
    items: &[String],
) -> Result<Vec<u8>, ExpressionError> {
    let failed = |why: &dyn std::fmt::Display| ExpressionError::Failed(why.to_string());
    let named: Vec<_> = columns.iter().map(|(name, holds)| (name.as_str(), holds.kind())).collect();
    let mut bytes = Vec::new();
    let writer = ParquetWriter::named(&named, &mut bytes).map_err(|error| failed(&error))?;
    let mut writer = Box::new(writer);
    for item in items {
        let item: Value = serde_json::from_str(item).map_err(|error| failed(&error))?;
        let Value::Object(item) = item else {
            return Err(failed(&"request.item must be a map where the body is Parquet"));
        };
        let cell =
            |(name, holds): (&String, &Holds)| holds.cell(item.get(name).unwrap_or(&Value::Null));
        let cells: Vec<Cell<'_>> = columns.iter().map(cell).collect();
        writer.row(&cells).map_err(|error| failed(&error))?;
    }
    writer.finish().map_err(|error| failed(&error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_store::tables::ParquetReader;

    #[test]
    fn items_become_rows_of_the_declared_columns() {
        let columns = BTreeMap::from([
            ("at".to_owned(), Holds::Time),
            ("id".to_owned(), Holds::Text),
            ("more".to_owned(), Holds::Json),
            ("n".to_owned(), Holds::Integer),
            ("ok".to_owned(), Holds::Flag),
        ]);
        let items = [
            r#"{"at":"2026-11-22T10:00:00Z","id":"a","more":{"x":[1]},"n":7,"ok":true,"undeclared":1}"#,
            r#"{"at":1000,"id":5,"n":"seven","ok":null}"#,
        ]
        .map(str::to_owned);
        let bytes = parquet(&columns, &items).unwrap();
        assert_eq!(bytes, parquet(&columns, &items).unwrap(), "the same items give the same bytes");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        std::fs::write(&path, &bytes).unwrap();
        let mut reader = ParquetReader::open(std::fs::File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.names(), ["at", "id", "more", "n", "ok"]);
        let rows = reader.next_rows().unwrap().unwrap();
        assert_eq!(rows[0], ["2026-11-22T10:00:00Z", "a", r#"{"x":[1]}"#, "7", "true"]);
        assert_eq!(rows[1], ["1970-01-01T00:00:01Z", "5", "", "", ""]);
        assert!(parquet(&columns, &["[]".to_owned()]).is_err());
    }
}
