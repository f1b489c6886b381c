//! CSV by RFC 4180, with formulas made inert.
//!
//! Spreadsheets run cells that begin with `=`, `+`, `-`, `@`, a tab or a carriage return (OWASP,
//! "CSV Injection"): such text gets an apostrophe in front, unless it is a plain number.

use super::TableError;
use super::cell::{Cell, Column};
use super::writer::TableWriter;
use std::io::Write;

/// Writes CSV: a header line, `\r\n` line ends.
pub struct CsvWriter<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> CsvWriter<W> {
    /// Writes the header line.
    ///
    /// # Errors
    /// When the output refuses bytes.
    pub fn new(columns: &[Column], out: W) -> Result<Self, TableError> {
        let mut writer = Self { out, line: Vec::new() };
        let names: Vec<_> = columns.iter().map(|column| Cell::from(column.name)).collect();
        writer.row(&names)?;
        Ok(writer)
    }

    fn text(&mut self, text: &str) {
        let guarded = needs_guard(text);
        if !guarded && !text.contains([',', '"', '\r', '\n']) {
            self.line.extend_from_slice(text.as_bytes());
            return;
        }
        self.line.push(b'"');
        if guarded {
            self.line.push(b'\'');
        }
        self.line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        self.line.push(b'"');
    }
}

/// True for text that a spreadsheet would run.
fn needs_guard(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_plain_number(text)
}

/// An optional sign, digits, and at most one point between digits.
fn is_plain_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction)
}

impl<W: Write> TableWriter for CsvWriter<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), TableError> {
        self.line.clear();
        for (number, cell) in cells.iter().enumerate() {
            if number > 0 {
                self.line.push(b',');
            }
            match cell {
                Cell::Empty => {}
                Cell::Text(text) => self.text(text),
                Cell::Integer(value) => write!(self.line, "{value}")?,
                Cell::Time(time) => self.line.extend_from_slice(time.to_rfc3339().as_bytes()),
                Cell::Flag(flag) => write!(self.line, "{flag}")?,
            }
        }
        self.line.extend_from_slice(b"\r\n");
        self.out.write_all(&self.line)?;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), TableError> {
        self.out.flush()?;
        Ok(())
    }
}
