//! Sorting more rows than fit in memory: sorted runs in temporary files, then one merge.

use super::TableError;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::PathBuf;

/// Bounds of a [`Sorter`].
#[derive(Clone, Debug)]
pub struct SorterOptions {
    /// Bytes of keys and rows held before they are written out as a run.
    pub memory_bytes: usize,
    /// Where the runs go; they are removed when the sorter is dropped.
    pub folder: PathBuf,
}

impl Default for SorterOptions {
    fn default() -> Self {
        Self { memory_bytes: 128 << 20, folder: std::env::temp_dir() }
    }
}

/// Sorts (key, row) pairs by the bytes of their keys, then of their rows.
pub struct Sorter {
    options: SorterOptions,
    held: Vec<Pair>,
    held_bytes: usize,
    runs: Vec<File>,
}

impl Sorter {
    /// An empty sorter.
    pub const fn new(options: SorterOptions) -> Self {
        Self { options, held: Vec::new(), held_bytes: 0, runs: Vec::new() }
    }

    /// Takes one row.
    ///
    /// # Errors
    /// When a run cannot be written.
    pub fn push(&mut self, key: Vec<u8>, row: Vec<u8>) -> Result<(), TableError> {
        self.held_bytes += key.len() + row.len() + size_of::<Pair>();
        self.held.push((key, row));
        if self.held_bytes >= self.options.memory_bytes {
            self.spill()?;
        }
        Ok(())
    }

    /// Runs written out so far.
    pub const fn spilled(&self) -> usize {
        self.runs.len()
    }

    fn spill(&mut self) -> Result<(), TableError> {
        self.held.sort_unstable();
        let mut out = BufWriter::new(tempfile::tempfile_in(&self.options.folder)?);
        for (key, row) in self.held.drain(..) {
            for part in [&key, &row] {
                out.write_all(&(part.len() as u64).to_le_bytes())?;
                out.write_all(part)?;
            }
        }
        let mut file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.rewind()?;
        self.runs.push(file);
        self.held_bytes = 0;
        Ok(())
    }

    /// Visits every row in order.
    ///
    /// # Errors
    /// When a run cannot be read, or what `visit` returned.
    pub fn finish(
        mut self,
        visit: &mut dyn FnMut(&[u8]) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        if self.runs.is_empty() {
            self.held.sort_unstable();
            return self.held.iter().try_for_each(|(_, row)| visit(row));
        }
        self.spill()?;
        let mut runs: Vec<_> = self.runs.into_iter().map(BufReader::new).collect();
        let mut next = BinaryHeap::new();
        for (number, run) in runs.iter_mut().enumerate() {
            next.extend(read_pair(run)?.map(|pair| Reverse((pair, number))));
        }
        while let Some(Reverse(((_, row), number))) = next.pop() {
            visit(&row)?;
            next.extend(read_pair(&mut runs[number])?.map(|pair| Reverse((pair, number))));
        }
        Ok(())
    }
}

/// Key and row.
type Pair = (Vec<u8>, Vec<u8>);

/// The next pair of a run, or `None` at its end.
fn read_pair(run: &mut BufReader<File>) -> Result<Option<Pair>, TableError> {
    let Some(key) = read_part(run)? else { return Ok(None) };
    let row = read_part(run)?.ok_or(TableError::Spill)?;
    Ok(Some((key, row)))
}

fn read_part(run: &mut BufReader<File>) -> Result<Option<Vec<u8>>, TableError> {
    let mut length = [0; 8];
    match run.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let wanted = u64::from_le_bytes(length);
    let mut part = Vec::new();
    run.by_ref().take(wanted).read_to_end(&mut part)?;
    if part.len() as u64 == wanted { Ok(Some(part)) } else { Err(TableError::Spill) }
}
