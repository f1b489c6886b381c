//! Lines of a byte stream, bounded: a line over the limit is hashed and skipped, never held.

use millstream_event::Hash128;
use std::io::{BufRead, Result};

/// Longest line read whole, in bytes: with its envelope it still fits one record.
pub const LINE_BYTES_MAX: usize = 512 << 10;

/// One line without its line feed.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// As it stands in the file.
    Whole(&'a [u8]),
    /// Longer than [`LINE_BYTES_MAX`].
    Overlong {
        /// Its length in bytes.
        bytes: u64,
        /// Hash of a chain over its pieces: tells equal lines from different ones.
        hash: Hash128,
    },
}

/// Reads lines from a buffered stream.
pub struct Lines<R> {
    stream: R,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Over a stream.
    pub const fn new(stream: R) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// The next line, or `None` at the end. The last line needs no line feed.
    ///
    /// # Errors
    /// What the stream said.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>> {
        self.buffer.clear();
        if !self.fill()? {
            return Ok(None);
        }
        if !self.is_overlong() {
            return Ok(Some(Line::Whole(self.trimmed())));
        }
        let mut bytes = 0;
        let mut hash = Hash128::default();
        loop {
            let piece = self.trimmed();
            bytes += piece.len() as u64;
            hash = Hash128::of("overlong line", &[&hash.0, piece]);
            let ended = self.buffer.ends_with(b"\n");
            self.buffer.clear();
            if ended || !self.fill()? {
                return Ok(Some(Line::Overlong { bytes, hash }));
            }
        }
    }

    /// Reads up to a line feed or one byte over the limit; false at the end of the stream.
    fn fill(&mut self) -> Result<bool> {
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read =
            std::io::Read::take(&mut self.stream, limit).read_until(b'\n', &mut self.buffer)?;
        Ok(read > 0)
    }

    fn is_overlong(&self) -> bool {
        self.buffer.len() > LINE_BYTES_MAX && !self.buffer.ends_with(b"\n")
    }

    fn trimmed(&self) -> &[u8] {
        self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(text: &[u8]) -> Vec<(bool, u64)> {
        let mut lines = Lines::new(text);
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            found.push(match line {
                Line::Whole(line) => (true, line.len() as u64),
                Line::Overlong { bytes, .. } => (false, bytes),
            });
        }
        found
    }

    #[test]
    fn lines_are_split_with_and_without_a_last_line_feed() {
        assert_eq!(lengths(b""), []);
        assert_eq!(lengths(b"a\n\nbc"), [(true, 1), (true, 0), (true, 2)]);
        assert_eq!(lengths(b"a\nbc\n"), [(true, 1), (true, 2)]);
    }

    #[test]
    fn the_limit_holds_and_what_is_over_it_is_told_apart() {
        let at = LINE_BYTES_MAX;
        for (length, whole) in [(at - 1, true), (at, true), (at + 1, false), (3 * at + 7, false)] {
            let mut text = vec![b'x'; length];
            text.extend(b"\nnext\n");
            assert_eq!(lengths(&text), [(whole, length as u64), (true, 4)]);
            assert_eq!(lengths(&text[..length]), [(whole, length as u64)]);
        }
        let hash = |text: &[u8]| match Lines::new(text).next_line().unwrap() {
            Some(Line::Overlong { hash, .. }) => hash,
            other => panic!("{other:?}"),
        };
        let (one, mut other) = (vec![b'x'; 2 * at], vec![b'x'; 2 * at]);
        assert_eq!(hash(&one), hash(&other));
        other[at + 3] = b'y';
        assert_ne!(hash(&one), hash(&other));
    }
}
