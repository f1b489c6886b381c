//! Who was erased, by keyed hashes: a line for each erasure.

use super::ErasureError;
use super::subject::Marks;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The file's name, in a data directory and in a backup.
const NAME: &str = "erasures.jsonl";

/// One erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Number of the receipt.
    pub receipt: String,
    /// When it was asked for.
    pub at: String,
    /// Who. An erasure that learns whom else it means has a second line, which marks all of them.
    pub marks: Marks,
    /// It was brought to its end; the line marks nobody.
    #[serde(default, skip_serializing_if = "is_false")]
    pub done: bool,
}

fn is_false(done: &bool) -> bool {
    !done
}

/// Those lines whose erasure was begun and not brought to its end.
pub fn unfinished(erasures: &[Erasure]) -> impl Iterator<Item = &Erasure> {
    let done: BTreeSet<&str> =
        erasures.iter().filter(|it| it.done).map(|it| it.receipt.as_str()).collect();
    erasures.iter().filter(move |it| !done.contains(it.receipt.as_str()))
}

/// The whole lines of a text, and what stands behind them.
fn lines_and_rest(text: &str) -> (&str, &str) {
    text.split_at(text.rfind('\n').map_or(0, |end| end + 1))
}

/// The file.
#[derive(Clone, Debug)]
pub struct Register(PathBuf);

impl Register {
    /// That of a folder.
    pub fn of(dir: &Path) -> Self {
        Self(dir.join(NAME))
    }

    /// One in a file of its own.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn failed(&self, source: std::io::Error) -> ErasureError {
        ErasureError::File { path: self.0.display().to_string(), source }
    }

    /// Every erasure; none where there is no file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> Result<Vec<Erasure>, ErasureError> {
        let text = match std::fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(error)),
        };
        let broken = |error: serde_json::Error| ErasureError::Register {
            path: self.0.display().to_string(),
            why: error.to_string(),
        };
        let (lines, rest) = lines_and_rest(&text);
        let mut all: Vec<Erasure> =
            lines.lines().map(serde_json::from_str).collect::<Result<_, _>>().map_err(broken)?;
        // A line that was torn stands for an erasure that had not begun.
        all.extend(serde_json::from_str::<Erasure>(rest));
        Ok(all)
    }

    /// Adds one, durably.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&self, erasure: &Erasure) -> Result<(), ErasureError> {
        let write = || {
            let mut line = serde_json::to_vec(erasure)?;
            line.push(b'\n');
            let mut options = OpenOptions::new();
            let mut file = options.create(true).read(true).append(true).open(&self.0)?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            let (lines, rest) = lines_and_rest(&text);
            if serde_json::from_str::<Erasure>(rest).is_ok() {
                line.insert(0, b'\n');
            } else {
                file.set_len(lines.len() as u64)?;
            }
            file.write_all(&line)?;
            file.sync_all()?;
            match self.0.parent() {
                Some(folder) => File::open(folder)?.sync_all(),
                None => Ok(()),
            }
        };
        write().map_err(|error: std::io::Error| self.failed(error))
    }

    /// Remembers, durably, that erasures were brought to their end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish<'a>(
        &self,
        erasures: impl Iterator<Item = &'a Erasure>,
    ) -> Result<(), ErasureError> {
        let mut receipts = BTreeSet::new();
        for erasure in erasures.filter(|it| receipts.insert(it.receipt.as_str())) {
            self.add(&Erasure { marks: Marks::default(), done: true, ..erasure.clone() })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::erasure::Wanted;

    fn erasure(receipt: &str) -> Erasure {
        let marks = Wanted { users: vec![receipt.into()], anonymous: Vec::new() }.marks(&[7; 32]);
        Erasure { receipt: receipt.into(), at: "2026-01-01T00:00:00Z".into(), marks, done: false }
    }

    fn receipts<'a>(erasures: impl IntoIterator<Item = &'a Erasure>) -> Vec<&'a str> {
        erasures.into_iter().map(|it| it.receipt.as_str()).collect()
    }

    #[test]
    fn what_was_brought_to_its_end_is_not_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let register = Register::of(dir.path());
        for receipt in ["a", "b", "a"] {
            register.add(&erasure(receipt)).unwrap();
        }
        assert_eq!(receipts(unfinished(&register.read().unwrap())), ["a", "b", "a"]);
        register.finish([erasure("a"), erasure("a")].iter()).unwrap();
        let all = register.read().unwrap();
        assert_eq!(all.len(), 4);
        assert_eq!(receipts(unfinished(&all)), ["b"]);
        assert_eq!(all.last().unwrap().marks, Marks::default());
    }

    #[test]
    fn a_torn_line_stops_no_erasure_and_a_whole_one_without_an_end_counts() {
        let dir = tempfile::tempdir().unwrap();
        let register = Register::of(dir.path());
        register.add(&erasure("a")).unwrap();
        let whole = std::fs::read_to_string(register.path()).unwrap();
        for (text, known) in [
            (format!("{whole}{}", &whole[..whole.len() / 2]), vec!["a"]),
            (format!("{whole}{}", whole.trim_end()), vec!["a", "a"]),
            (whole[..9].to_owned(), Vec::new()),
        ] {
            std::fs::write(register.path(), &text).unwrap();
            assert_eq!(receipts(&register.read().unwrap()), known);
            register.add(&erasure("b")).unwrap();
            let after: Vec<_> = known.into_iter().chain(["b"]).collect();
            assert_eq!(receipts(&register.read().unwrap()), after);
        }
        std::fs::write(register.path(), format!("nothing of the kind\n{whole}")).unwrap();
        assert!(register.read().is_err());
    }
}
