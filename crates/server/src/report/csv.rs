//! Comma-separated values that are safe to open in a spreadsheet.

use super::envelope::{Field, Report};
use super::error::ReportError;
use std::borrow::Cow;

/// The report's rows with a line of column names before them.
///
/// # Errors
/// When the text cannot be written.
pub fn render(report: &Report) -> Result<String, ReportError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(report.columns()).map_err(ReportError::encode)?;
    for row in report.rows() {
        let cells = row.0.iter().map(|(_, field)| match field {
            Field::Text(text) => inert(text).into_owned(),
            Field::Count(count) => count.to_string(),
            Field::Minor(minor) => minor.to_string(),
            Field::Real(real) => real.to_string(),
            Field::Unknown => String::new(),
        });
        writer.write_record(cells).map_err(ReportError::encode)?;
    }
    let bytes = writer.into_inner().map_err(ReportError::encode)?;
    String::from_utf8(bytes).map_err(ReportError::encode)
}

/// Text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV
/// injection).
pub fn inert(text: &str) -> Cow<'_, str> {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n') => Cow::Owned(format!("'{text}")),
        _ => Cow::Borrowed(text),
    }
}
