//! The proof: every byte of every file, and every row of the state, looked through for what must not be
//! there.

use super::ErasureError;
use aho_corasick::AhoCorasick;
use millstream_event::{AnonymousId, EntityId, Hash128, UserId};
use millstream_pipeline::{Key, ReadError};
use millstream_store::StateView;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Shorter ids stand in every file by chance.
const TEXT_BYTES_MIN: usize = 6;
/// Bytes read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// What must not be found.
#[derive(Clone, Debug, Default)]
pub struct Needles(Vec<Vec<u8>>);

impl Needles {
    /// Ids as they are, and their hashes as bytes, as hexadecimal digits and keyed, as headers hold them.
    pub fn of(texts: &[String], entities: &BTreeSet<EntityId>, key: &[u8; 32]) -> Self {
        let mut needles: BTreeSet<Vec<u8>> = BTreeSet::new();
        let long = |text: &&String| text.len() >= TEXT_BYTES_MIN;
        needles.extend(texts.iter().filter(long).map(|text| text.as_bytes().to_vec()));
        let named = texts.iter().flat_map(|text| {
            let user = UserId::parse(text).map(|id| EntityId::user(&id));
            user.into_iter().chain(AnonymousId::parse(text).map(|id| EntityId::device(&id)))
        });
        for entity in named.chain(entities.iter().copied()) {
            needles.insert(entity.0.0.to_vec());
            needles.insert(entity.0.to_hex().into_bytes());
            needles.insert(Hash128::keyed(key, "subject", &[&entity.0.0]).0.to_vec());
        }
        Self(needles.into_iter().collect())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, or the row.
    pub file: String,
    /// Where in it.
    pub offset: u64,
}

/// Looks through every file below a folder; returns how many files and bytes, and the first finding of
/// each file.
///
/// # Errors
/// When a file cannot be read.
pub fn scan(folder: &Path, needles: &Needles) -> Result<(u64, u64, Vec<Finding>), ErasureError> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| ErasureError::File { path, source }
    };
    let wrong = |error: aho_corasick::BuildError| std::io::Error::other(error.to_string());
    let search = AhoCorasick::new(&needles.0).map_err(wrong).map_err(failed(folder))?;
    let longest = needles.0.iter().map(Vec::len).max().unwrap_or(1);
    let (mut files, mut bytes, mut found) = (0, 0, Vec::new());
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(failed(&folder))? {
            let path = entry.map_err(failed(&folder))?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let file = match File::open(&path) {
                Ok(file) => file,
                // Removed meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(&path)(error)),
            };
            let (length, at) = look(file, &search, longest).map_err(failed(&path))?;
            files += 1;
            bytes += length;
            found.extend(at.map(|offset| Finding { file: path.display().to_string(), offset }));
        }
    }
    found.sort_by(|a, b| a.file.cmp(&b.file));
    Ok((files, bytes, found))
}

/// Looks through every row of a state, as it is understood: its files are compressed. Returns how many, and
/// those in which something was found.
///
/// # Errors
/// When the state cannot be read.
pub fn scan_rows(
    state: &dyn StateView,
    needles: &Needles,
) -> Result<(u64, Vec<Finding>), ErasureError> {
    let wrong = |error: &dyn std::fmt::Display| ReadError::Store(error.to_string());
    let search = AhoCorasick::new(&needles.0).map_err(|error| wrong(&error))?;
    let (mut rows, mut found) = (0, Vec::new());
    let scanned = state.scan(&[], &mut |key, value| {
        rows += 1;
        let hit = search.find(key).or_else(|| search.find(value));
        found.extend(hit.map(|hit| {
            let of =
                Key::from_bytes(key).map_or_else(String::new, |key| key.entity_id().0.to_hex());
            Finding { file: format!("the state, a row of {of}"), offset: hit.start() as u64 }
        }));
        Ok(true)
    });
    scanned.map_err(|error| wrong(&error))?;
    Ok((rows, found))
}

/// The file's length, and where the first needle stands.
fn look(
    mut file: File,
    search: &AhoCorasick,
    longest: usize,
) -> std::io::Result<(u64, Option<u64>)> {
    let mut window: Vec<u8> = Vec::new();
    let (mut begins, mut found) = (0_u64, None);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok((begins + window.len() as u64, found));
        }
        window.extend(chunk.iter().take(read));
        if found.is_none() {
            found = search.find(&window).map(|hit| begins + hit.start() as u64);
        }
        // What may begin here and end in the next chunk is kept.
        let drop = window.len().saturating_sub(longest);
        window.drain(..drop);
        begins += drop as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_across_chunks_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = vec![b'x'; CHUNK_BYTES - 4];
        bytes.extend_from_slice(b"canary-1 and more");
        std::fs::create_dir(folder.path().join("in")).unwrap();
        std::fs::write(folder.path().join("in/a"), &bytes).unwrap();
        std::fs::write(folder.path().join("b"), b"nothing").unwrap();
        let needles = Needles::of(&["canary-1".to_owned()], &BTreeSet::new(), &[7; 32]);
        let (files, length, found) = scan(folder.path(), &needles).unwrap();
        assert_eq!((files, length), (2, bytes.len() as u64 + 7));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].offset, CHUNK_BYTES as u64 - 4);
        let other = Needles::of(&["canary-2".to_owned()], &BTreeSet::new(), &[7; 32]);
        assert!(scan(folder.path(), &other).unwrap().2.is_empty());
    }
}
