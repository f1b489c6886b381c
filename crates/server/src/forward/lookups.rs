//! Lookups: tables out of CSV files that expressions ask by a key, such as a catalogue of products or
//! the costs of campaigns.
//!
//! A file that was changed is read again while events flow. What cannot be read leaves the earlier table
//! in force and is told: an event is sent with less, not held up.

use cel::Value;
use cel::objects::{Key, Map};
use millstream_event::Hash128;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Largest file.
pub const LOOKUP_BYTES_MAX: u64 = 16 << 20;
/// Most rows.
pub const LOOKUP_ROWS_MAX: usize = 200_000;
/// Most tables of one destination.
pub const LOOKUPS_MAX: usize = 16;
/// Between two looks whether the file was changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why a table cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The file.
    #[error("{0} cannot be read: {1}")]
    File(String, String),
    /// Too much.
    #[error("{0} has more than {LOOKUP_BYTES_MAX} bytes or {LOOKUP_ROWS_MAX} rows")]
    TooLarge(String),
    /// Its first line.
    #[error("{0} has no column {1:?} in its first line")]
    Column(String, String),
}

/// What is told of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LookupStanding {
    /// Its name in expressions.
    pub name: String,
    /// Hash of the file in force.
    pub version: String,
    /// Its rows.
    pub rows: usize,
    /// Keys asked for that were there.
    pub found: u64,
    /// Keys asked for that were not.
    pub missing: u64,
    /// Why a later file is not in force, if one is not.
    pub trouble: Option<String>,
}

/// One version of a table.
#[derive(Debug)]
struct Rows {
    version: String,
    rows: HashMap<String, Value>,
}

/// What a file was when it was last read.
type Seen = Option<(SystemTime, u64)>;

#[derive(Debug)]
struct Current {
    rows: Arc<Rows>,
    seen: Seen,
    looked: Instant,
    trouble: Option<String>,
}

/// One table.
#[derive(Debug)]
pub struct Lookup {
    path: PathBuf,
    key: String,
    current: Mutex<Current>,
    found: AtomicU64,
    missing: AtomicU64,
}

impl Lookup {
    /// Reads a file; `key` names the column that rows are found by.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub fn open(path: &Path, key: &str) -> Result<Self, LookupError> {
        let seen = seen(path);
        let rows = Arc::new(read(path, key)?);
        let current = Current { rows, seen, looked: Instant::now(), trouble: None };
        let (found, missing) = Default::default();
        let current = Mutex::new(current);
        Ok(Self { path: path.to_owned(), key: key.to_owned(), current, found, missing })
    }

    /// The table in force. Now and then looks whether the file was changed, and reads it again.
    fn rows(&self, now: Instant) -> Arc<Rows> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(current.looked) < LOOK_EVERY {
            return Arc::clone(&current.rows);
        }
        current.looked = now;
        let seen = seen(&self.path);
        if seen != current.seen {
            current.seen = seen;
            match read(&self.path, &self.key) {
                Ok(rows) => {
                    tracing::info!(
                        version = rows.version,
                        rows = rows.rows.len(),
                        "a lookup was read again"
                    );
                    (current.rows, current.trouble) = (Arc::new(rows), None);
                }
                Err(error) => {
                    tracing::warn!(%error, "the earlier version of a lookup stays in force");
                    current.trouble = Some(error.to_string());
                }
            }
        }
        Arc::clone(&current.rows)
    }

    /// The row of a key, or null.
    fn get(&self, key: &Value, now: Instant) -> Value {
        let key = match key {
            Value::String(text) => text.to_string(),
            Value::Int(number) => number.to_string(),
            Value::UInt(number) => number.to_string(),
            _ => return Value::Null,
        };
        let row = self.rows(now).rows.get(&key).cloned();
        let counted = if row.is_some() { &self.found } else { &self.missing };
        counted.fetch_add(1, Ordering::Relaxed);
        row.unwrap_or(Value::Null)
    }
}

fn seen(path: &Path) -> Seen {
    let about = fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

fn read(path: &Path, key: &str) -> Result<Rows, LookupError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let unreadable =
        |error: &dyn std::fmt::Display| LookupError::File(name.clone(), error.to_string());
    let bytes = fs::metadata(path).map_err(|error| unreadable(&error))?.len();
    if bytes > LOOKUP_BYTES_MAX {
        return Err(LookupError::TooLarge(name));
    }
    let text = fs::read(path).map_err(|error| unreadable(&error))?;
    let version = Hash128::of("lookup", &[&text]).to_hex();
    let mut table = csv::Reader::from_reader(&*text);
    let heads = table.headers().map_err(|error| unreadable(&error))?.clone();
    let Some(place) = heads.iter().position(|head| head == key) else {
        return Err(LookupError::Column(name, key.to_owned()));
    };
    let mut rows = HashMap::new();
    for row in table.records() {
        let row = row.map_err(|error| unreadable(&error))?;
        if rows.len() >= LOOKUP_ROWS_MAX {
            return Err(LookupError::TooLarge(name));
        }
        let cell = |(head, cell): (&str, &str)| {
            let value = match cell {
                "" => Value::Null,
                text => Value::String(Arc::new(text.to_owned())),
            };
            (Key::String(Arc::new(head.to_owned())), value)
        };
        let cells: HashMap<Key, Value> = heads.iter().zip(row.iter()).map(cell).collect();
        rows.insert(
            row.get(place).unwrap_or_default().to_owned(),
            Value::Map(Map { map: Arc::new(cells) }),
        );
    }
    Ok(Rows { version, rows })
}

/// The tables of one destination, by their names in expressions.
#[derive(Clone, Debug, Default)]
pub struct Lookups(Arc<BTreeMap<String, Lookup>>);

impl Lookups {
    /// Of these tables.
    pub fn new(tables: BTreeMap<String, Lookup>) -> Self {
        Self(Arc::new(tables))
    }

    /// The row of a key in a table; null where there is none.
    pub fn get(&self, table: &str, key: &Value) -> Value {
        self.0.get(table).map_or(Value::Null, |table| table.get(key, Instant::now()))
    }

    /// The version of a table; null where there is no such table.
    pub fn version(&self, table: &str) -> Value {
        self.0.get(table).map_or(Value::Null, |table| {
            Value::String(Arc::new(table.rows(Instant::now()).version.clone()))
        })
    }

    /// How all stand.
    pub fn standings(&self) -> Vec<LookupStanding> {
        let standing = |(name, table): (&String, &Lookup)| {
            let current = table.current.lock().unwrap_or_else(PoisonError::into_inner);
            LookupStanding {
                name: name.clone(),
                version: current.rows.version.clone(),
                rows: current.rows.rows.len(),
                found: table.found.load(Ordering::Relaxed),
                missing: table.missing.load(Ordering::Relaxed),
                trouble: current.trouble.clone(),
            }
        };
        self.0.iter().map(standing).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Value) -> String {
        value.json().unwrap().to_string()
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_broken_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("products.csv");
        fs::write(&path, "sku,margin\nA-1,0.3\nA-2,\n").unwrap();
        let table = Lookup::open(&path, "sku").unwrap();
        let key = |key: &str| Value::String(Arc::new(key.to_owned()));
        let mut now = Instant::now();
        assert_eq!(text(table.get(&key("A-1"), now)), r#"{"margin":"0.3","sku":"A-1"}"#);
        assert_eq!(text(table.get(&key("A-2"), now)), r#"{"margin":null,"sku":"A-2"}"#);
        assert_eq!(text(table.get(&key("A-9"), now)), "null");
        fs::write(&path, "sku,margin\nA-9,0.25\n").unwrap();
        assert_eq!(text(table.get(&key("A-9"), now)), "null", "not looked at again yet");
        now += LOOK_EVERY;
        assert_eq!(text(table.get(&key("A-9"), now)), r#"{"margin":"0.25","sku":"A-9"}"#);
        fs::write(&path, "other\n1\n").unwrap();
        now += LOOK_EVERY;
        assert_eq!(text(table.get(&key("A-9"), now)), r#"{"margin":"0.25","sku":"A-9"}"#);
        let standing = Lookups::new([("products".to_owned(), table)].into()).standings().remove(0);
        assert!(standing.trouble.unwrap().contains("\"sku\""));
        assert_eq!((standing.rows, standing.found, standing.missing), (1, 4, 2));
    }

    #[test]
    fn what_is_too_large_or_no_table_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        assert!(matches!(Lookup::open(&path, "k"), Err(LookupError::File(..))));
        let mut rows = "k\n".to_owned();
        (0..LOOKUP_ROWS_MAX).for_each(|row| rows.push_str(&format!("{row}\n")));
        fs::write(&path, &rows).unwrap();
        assert!(Lookup::open(&path, "k").is_ok());
        fs::write(&path, rows + "one more\n").unwrap();
        assert!(matches!(Lookup::open(&path, "k"), Err(LookupError::TooLarge(_))));
        fs::write(&path, format!("k\n{}", "x".repeat(LOOKUP_BYTES_MAX as usize))).unwrap();
        assert!(matches!(Lookup::open(&path, "k"), Err(LookupError::TooLarge(_))));
        fs::write(&path, "k,v\n1\n").unwrap();
        assert!(matches!(Lookup::open(&path, "k"), Err(LookupError::File(..))), "a short row");
    }
}
