//! Where lines come from: files, compressed files, standard input, a request's body.

use super::ImportError;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Buffer before each stream.
const BUFFER_BYTES: usize = 1 << 18;
/// The first bytes of a gzip stream.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A byte stream with a name that messages can show.
pub struct Input<'a> {
    name: String,
    stream: Stream<'a>,
}

enum Stream<'a> {
    File(PathBuf),
    Once(Box<dyn Read + 'a>),
    Spooled(File),
}

impl<'s> Input<'s> {
    /// A file; `-` is standard input.
    pub fn path(path: &Path) -> Self {
        if path == Path::new("-") {
            return Self::reader("standard input", Box::new(std::io::stdin()));
        }
        Self { name: path.display().to_string(), stream: Stream::File(path.to_owned()) }
    }

    /// A stream that can be read once.
    pub fn reader(name: &str, stream: Box<dyn Read + 's>) -> Self {
        Self { name: name.to_owned(), stream: Stream::Once(stream) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file behind it, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.stream {
            Stream::File(path) => Some(path),
            _ => None,
        }
    }

    /// Bytes as stored, where they are known beforehand.
    pub fn bytes(&self) -> Option<u64> {
        match &self.stream {
            Stream::File(path) => std::fs::metadata(path).ok().map(|found| found.len()),
            Stream::Spooled(file) => file.metadata().ok().map(|found| found.len()),
            Stream::Once(_) => None,
        }
    }

    /// Makes it readable twice: what is no file is written to one in `folder`, which has no name
    /// and is gone with the process.
    ///
    /// # Errors
    /// When the stream cannot be read or the folder not be written.
    pub fn rereadable(self, folder: &Path) -> Result<Self, ImportError> {
        let Self { name, stream: Stream::Once(mut stream) } = self else { return Ok(self) };
        let path = folder.join(format!("import-{}.spool", std::process::id()));
        let mut copy = || -> std::io::Result<File> {
            let mut options = File::options();
            let mut file =
                options.read(true).write(true).create(true).truncate(true).open(&path)?;
            std::fs::remove_file(&path)?;
            std::io::copy(&mut stream, &mut file)?;
            file.flush()?;
            Ok(file)
        };
        let spooled = copy().map_err(|source| ImportError::Read { name: name.clone(), source })?;
        Ok(Self { name, stream: Stream::Spooled(spooled) })
    }

    /// The file itself, from its beginning, for formats that are read from their end.
    ///
    /// # Errors
    /// When it cannot be opened, or was not made [rereadable](Self::rereadable).
    pub fn seekable(&mut self) -> Result<File, ImportError> {
        let opened = match &mut self.stream {
            Stream::File(path) => File::open(path),
            Stream::Spooled(file) => file.seek(SeekFrom::Start(0)).and_then(|_| file.try_clone()),
            Stream::Once(_) => Err(std::io::Error::other("it can be read only once")),
        };
        opened.map_err(|source| ImportError::Read { name: self.name.clone(), source })
    }

    /// Opens it from the beginning, decompressed where it is gzip. `seen` is told of every piece
    /// of stored bytes that is read.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn open<'a>(
        &'a mut self,
        seen: &'a dyn Fn(u64),
    ) -> Result<Box<dyn BufRead + 'a>, ImportError> {
        let name = self.name.clone();
        self.open_stream(seen).map_err(|source| ImportError::Read { name, source })
    }

    fn open_stream<'a>(
        &'a mut self,
        seen: &'a dyn Fn(u64),
    ) -> std::io::Result<Box<dyn BufRead + 'a>> {
        let stream: Box<dyn Read + 'a> = match &mut self.stream {
            Stream::File(path) => Box::new(File::open(path)?),
            Stream::Once(stream) => Box::new(stream),
            Stream::Spooled(file) => {
                file.seek(SeekFrom::Start(0))?;
                Box::new(file)
            }
        };
        let mut stored = BufReader::with_capacity(BUFFER_BYTES, Watched { stream, seen });
        if stored.fill_buf()?.starts_with(&GZIP_MAGIC) {
            let plain = MultiGzDecoder::new(stored);
            return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, plain)));
        }
        Ok(Box::new(stored))
    }
}

struct Watched<'a> {
    stream: Box<dyn Read + 'a>,
    seen: &'a dyn Fn(u64),
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.stream.read(buffer)?;
        (self.seen)(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::cell::Cell;

    fn text(input: &mut Input) -> String {
        let mut text = String::new();
        input.open(&|_| {}).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn gzip_is_known_by_its_bytes_even_in_several_members() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut packed = Vec::new();
        for part in ["one\n", "two\n"] {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(part.as_bytes()).unwrap();
            packed.extend(encoder.finish().unwrap());
        }
        std::fs::write(&path, &packed).unwrap();
        let mut input = Input::path(&path);
        assert_eq!(input.bytes(), Some(packed.len() as u64));
        let seen = Cell::new(0);
        let count = |bytes| seen.set(seen.get() + bytes);
        let mut read = String::new();
        input.open(&count).unwrap().read_to_string(&mut read).unwrap();
        assert_eq!(read, "one\ntwo\n");
        assert_eq!(seen.get(), packed.len() as u64);
    }

    #[test]
    fn a_stream_can_be_spooled_and_read_twice() {
        let folder = tempfile::tempdir().unwrap();
        let input = Input::reader("body", Box::new(&b"a\nb"[..]));
        let mut input = input.rereadable(folder.path()).unwrap();
        assert_eq!((text(&mut input), text(&mut input)), ("a\nb".into(), "a\nb".into()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let mut input = Input::path(Path::new("/nonexistent/access.log"));
        let refused = input.open(&|_| {}).err().unwrap().to_string();
        assert!(refused.contains("/nonexistent/access.log"), "{refused}");
    }
}
