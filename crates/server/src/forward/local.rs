//! Requests whose address is a file: the body is put there, whole or not at all.

use super::answer::Answer;
use super::client::SendError;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use url::Url;

/// The scheme of such addresses.
pub const SCHEME: &str = "file";

/// Where an address leads; `None` where what an event said would lead out of its place.
pub fn path(url: &Url) -> Option<PathBuf> {
    let mut path = PathBuf::from("/");
    for segment in url.path_segments()? {
        let name = percent_decode_str(segment).decode_utf8().ok()?;
        let plain = !name.contains(['/', '\0']) && !matches!(&*name, "" | "." | "..");
        plain.then(|| path.push(&*name))?;
    }
    Some(path)
}

/// Puts the body into the file: under another name first, so that readers see whole files alone.
pub fn put(url: &Url, body: &[u8]) -> Result<Answer, SendError> {
    let path = path(url).ok_or_else(|| SendError::Address(format!("{url} names no file")))?;
    write(&path, body).map_err(|error| SendError::File(format!("{}: {error}", path.display())))?;
    Ok(Answer { status: StatusCode::CREATED, headers: HeaderMap::new(), body: Bytes::new() })
}

fn write(path: &Path, body: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    fs::create_dir_all(folder)?;
    let unfinished = folder.join(format!(".{}.unfinished", name.to_string_lossy()));
    let mut file = File::create(&unfinished)?;
    file.write_all(body)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_stands_where_its_address_says() {
        let folder = tempfile::tempdir().unwrap();
        let at =
            |name: &str| Url::parse(&format!("file://{}/{name}", folder.path().display())).unwrap();
        for body in [&b"one"[..], b"two"] {
            assert_eq!(put(&at("day/a.parquet"), body).unwrap().status, StatusCode::CREATED);
            assert_eq!(fs::read(folder.path().join("day/a.parquet")).unwrap(), body);
        }
        assert_eq!(
            fs::read_dir(folder.path().join("day")).unwrap().count(),
            1,
            "nothing is left beside"
        );
        assert!(matches!(put(&at("day/a.parquet/b"), b""), Err(SendError::File(_))));
    }

    #[test]
    fn no_value_of_an_event_leads_elsewhere() {
        for text in ["file:///lake/..%2Fetc", "file:///lake/a%00b", "file:///lake//a", "file:///"] {
            assert_eq!(path(&Url::parse(text).unwrap()), None, "{text}");
        }
        let plain = path(&Url::parse("file:///lake/a%20b.parquet").unwrap());
        assert_eq!(plain, Some(PathBuf::from("/lake/a b.parquet")));
    }
}
