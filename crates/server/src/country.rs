//! Country of a client address, from an embedded database; the address itself is not kept.

use flate2::read::GzDecoder;
use maxminddb::{PathElement, Reader};
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;

/// Vendored, compressed: 2.6 MB in the binary, 5.2 MB in memory.
const EMBEDDED: &[u8] = include_bytes!("../data/iptoasn-country.mmdb.gz");
/// Largest database accepted, in bytes.
const DATABASE_BYTES_MAX: u64 = 512 << 20;

/// Why a country database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CountryError {
    /// The file cannot be read.
    #[error(
        "the country database {path} cannot be read: {source}; name a MaxMind DB file in capture.country_database"
    )]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no such database.
    #[error(
        "the country database {path} is no MaxMind DB file: {source}; name another in capture.country_database"
    )]
    Format {
        /// The file.
        path: String,
        /// What the reader said.
        source: maxminddb::MaxMindDbError,
    },
}

/// Addresses to countries.
pub struct Countries {
    reader: Reader<Vec<u8>>,
}

impl Countries {
    /// The vendored database: free, small, and no better than it can be.
    ///
    /// # Errors
    /// [`CountryError`] when the build is broken.
    pub fn embedded() -> Result<Self, CountryError> {
        Self::from_gzip(EMBEDDED, "(embedded)")
    }

    /// A database in a file; `.gz` is accepted.
    ///
    /// # Errors
    /// [`CountryError`] when it cannot be read or is none.
    pub fn open(path: &Path) -> Result<Self, CountryError> {
        let shown = path.display().to_string();
        let bytes = std::fs::read(path)
            .map_err(|source| CountryError::Read { path: shown.clone(), source })?;
        if path.extension().is_some_and(|extension| extension == "gz") {
            Self::from_gzip(&bytes, &shown)
        } else {
            Self::from_bytes(bytes, &shown)
        }
    }

    fn from_gzip(compressed: &[u8], path: &str) -> Result<Self, CountryError> {
        let mut bytes = Vec::new();
        GzDecoder::new(compressed)
            .take(DATABASE_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(|source| CountryError::Read { path: path.into(), source })?;
        Self::from_bytes(bytes, path)
    }

    fn from_bytes(bytes: Vec<u8>, path: &str) -> Result<Self, CountryError> {
        let reader = Reader::from_source(bytes)
            .map_err(|source| CountryError::Format { path: path.into(), source })?;
        Ok(Self { reader })
    }

    /// ISO 3166-1 alpha-2 code of the address's country, upper case; `None` for private addresses
    /// and those the database does not know.
    pub fn lookup(&self, address: IpAddr) -> Option<Box<str>> {
        let found = self.reader.lookup(address.to_canonical()).ok()?;
        let flat = [PathElement::Key("country_code")];
        let nested = [PathElement::Key("country"), PathElement::Key("iso_code")];
        let code: &str = match found.decode_path(&flat) {
            Ok(Some(code)) => code,
            _ => found.decode_path(&nested).ok()??,
        };
        let known = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
        known.then(|| code.to_ascii_uppercase().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_have_a_country_and_private_ones_do_not() {
        let countries = Countries::embedded().unwrap();
        let country = |address: &str| countries.lookup(address.parse().unwrap());
        assert_eq!(country("8.8.8.8").as_deref(), Some("US"));
        assert_eq!(country("2001:4860:4860::8888").as_deref(), Some("US"));
        assert_eq!(country("::ffff:8.8.8.8").as_deref(), Some("US"));
        for private in ["127.0.0.1", "10.0.0.1", "192.168.1.1", "::1", "fe80::1"] {
            assert_eq!(country(private), None, "{private}");
        }
    }

    #[test]
    fn a_file_that_is_no_database_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd.mmdb");
        std::fs::write(&path, b"nothing of the kind").unwrap();
        let refused = Countries::open(&path).err().unwrap().to_string();
        assert!(refused.contains("odd.mmdb"), "{refused}");
        assert!(Countries::open(&folder.path().join("none.mmdb")).is_err());
    }
}
