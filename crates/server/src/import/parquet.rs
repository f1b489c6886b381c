//! Rows of Parquet files, for the same parser as those of CSV.

use super::ImportError;
use super::input::Input;
use millstream_event::{Currency, Money};
use millstream_store::tables::ParquetReader;

/// Visits the header, then every row. A file that has `value_minor` and `currency`, but no `value`,
/// is given one: the amount as a decimal. `visit` returns false to stop.
///
/// # Errors
/// When the file cannot be read, or what `visit` returned.
pub fn rows(
    input: &mut Input<'_>,
    visit: &mut dyn FnMut(Row<'_>) -> Result<bool, ImportError>,
) -> Result<bool, ImportError> {
    let name = input.name().to_owned();
    let broken = |error: millstream_store::tables::TableError| ImportError::Read {
        name: name.clone(),
        source: std::io::Error::other(error),
    };
    let mut reader = ParquetReader::open(input.seekable()?).map_err(broken)?;
    let mut header = reader.names().to_vec();
    let find = |wanted: &str| header.iter().position(|name| name == wanted);
    let amount = match (find("value"), find("value_minor"), find("currency")) {
        (None, Some(minor), Some(currency)) => Some((minor, currency)),
        _ => None,
    };
    if amount.is_some() {
        header.push("value".to_owned());
    }
    if !visit(Row::Header(&header))? {
        return Ok(false);
    }
    while let Some(rows) = reader.next_rows().map_err(broken)? {
        for mut row in rows {
            if let Some((minor, currency)) = amount {
                row.push(decimal(&row[minor], &row[currency]).unwrap_or_default());
            }
            if !visit(Row::Cells(&row))? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// What a file yields.
pub enum Row<'a> {
    /// Names of the columns.
    Header(&'a [String]),
    /// One row.
    Cells(&'a [String]),
}

fn decimal(minor: &str, currency: &str) -> Option<String> {
    let currency = Currency::parse(currency)?;
    Some(Money { minor: minor.parse().ok()?, currency }.to_decimal())
}
