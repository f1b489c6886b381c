//! What is asked for, as the command line and the admin plane spell it.

use millstream_store::tables::{Format, SorterOptions, Table};

/// One export.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// Which table.
    pub table: Table,
    /// In which format.
    pub format: Format,
    /// Show the revision of mutable rows.
    pub with_revision: bool,
    /// Bounds of sorting.
    pub sorter: SorterOptions,
}

/// An export that cannot be asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No such table or format; its message lists those that are.
    #[error("{0}")]
    Unknown(String),
    /// No such parameter.
    #[error(
        "there is no parameter {0:?}: take format (csv, jsonl, parquet) and with_revision (true, false)"
    )]
    Parameter(String),
    /// Neither true nor false.
    #[error("with_revision is {0:?}: write true or false")]
    Flag(String),
}

impl ExportRequest {
    /// A table in a format, without revisions.
    pub fn new(table: Table, format: Format) -> Self {
        Self { table, format, with_revision: false, sorter: SorterOptions::default() }
    }

    /// Reads a table's name and the parameters of a query string; CSV unless it says otherwise.
    ///
    /// # Errors
    /// When one of them is unknown.
    pub fn parse(table: &str, parameters: &[(String, String)]) -> Result<Self, RequestError> {
        let unknown = |error: &dyn std::error::Error| RequestError::Unknown(error.to_string());
        let table = table.parse().map_err(|error| unknown(&error))?;
        let mut request = Self::new(table, Format::Csv);
        for (name, value) in parameters {
            match (name.as_str(), value.as_str()) {
                ("format", format) => {
                    request.format = format.parse().map_err(|error| unknown(&error))?;
                }
                ("with_revision", "true" | "1" | "") => request.with_revision = true,
                ("with_revision", "false" | "0") => request.with_revision = false,
                ("with_revision", other) => return Err(RequestError::Flag(other.to_owned())),
                (other, _) => return Err(RequestError::Parameter(other.to_owned())),
            }
        }
        Ok(request)
    }
}
