//! JSON lines: one object a line, every column present, empty ones null.

use super::TableError;
use super::cell::{Cell, Column, ColumnKind};
use super::writer::TableWriter;
use std::io::Write;

/// Writes JSON lines.
pub struct JsonLinesWriter<W> {
    columns: Vec<Column>,
    out: W,
    line: Vec<u8>,
}

impl<W: Write> JsonLinesWriter<W> {
    /// A writer for these columns.
    pub const fn new(columns: Vec<Column>, out: W) -> Self {
        Self { columns, out, line: Vec::new() }
    }
}

/// `text` as a JSON string (RFC 8259).
fn push_string(text: &str, line: &mut Vec<u8>) -> std::io::Result<()> {
    line.push(b'"');
    for character in text.chars() {
        match character {
            '"' => line.extend_from_slice(b"\\\""),
            '\\' => line.extend_from_slice(b"\\\\"),
            '\n' => line.extend_from_slice(b"\\n"),
            '\r' => line.extend_from_slice(b"\\r"),
            '\t' => line.extend_from_slice(b"\\t"),
            control if u32::from(control) < 0x20 => write!(line, "\\u{:04x}", u32::from(control))?,
            other => write!(line, "{other}")?,
        }
    }
    line.push(b'"');
    Ok(())
}

/// JSON as a client sent it, on one line: the contract allows white space between tokens only, and
/// no string holds a raw line end.
fn push_json(text: &str, line: &mut Vec<u8>) {
    line.extend(text.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
}

impl<W: Write> TableWriter for JsonLinesWriter<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), TableError> {
        self.line.clear();
        for (number, (cell, column)) in cells.iter().zip(&self.columns).enumerate() {
            self.line.push(if number == 0 { b'{' } else { b',' });
            push_string(column.name, &mut self.line)?;
            self.line.push(b':');
            match cell {
                Cell::Empty => self.line.extend_from_slice(b"null"),
                Cell::Text(json) if column.kind == ColumnKind::Json => {
                    push_json(json, &mut self.line);
                }
                Cell::Text(text) => push_string(text, &mut self.line)?,
                Cell::Integer(value) => write!(self.line, "{value}")?,
                Cell::Time(time) => push_string(&time.to_rfc3339(), &mut self.line)?,
                Cell::Flag(flag) => write!(self.line, "{flag}")?,
            }
        }
        self.line.extend_from_slice(b"}\n");
        self.out.write_all(&self.line)?;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), TableError> {
        self.out.flush()?;
        Ok(())
    }
}
