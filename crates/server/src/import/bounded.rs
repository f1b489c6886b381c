//! A bound on the rows of a table.

use std::cell::Cell;
use std::io::{BufRead, Read};

/// Longest row of a table, in bytes.
pub const ROW_BYTES_MAX: u64 = 1 << 20;

/// A stream that ends in an error once a row is too long: a quote that is never closed would
/// otherwise take in the whole file.
pub struct Bounded<'a> {
    /// The stream.
    pub stream: Box<dyn BufRead + 'a>,
    /// Bytes taken so far.
    pub taken: u64,
    /// Bytes that may be taken; raised with every row that was read.
    pub allowed: &'a Cell<u64>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.taken > self.allowed.get() {
            let why = format!("a row is longer than {ROW_BYTES_MAX} bytes: a quote is not closed");
            return Err(std::io::Error::other(why));
        }
        let read = self.stream.read(buffer)?;
        self.taken += read as u64;
        Ok(read)
    }
}
