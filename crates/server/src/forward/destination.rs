//! A destination ready for use: its file checked, its expressions compiled, its secrets read.

use super::breaker::BreakerOptions;
use super::columns::Holds;
use super::expression::Expression;
use super::file::{Format, Order};
use super::lookups::Lookups;
use super::reading::Reading;
use super::retries::RetryOptions;
use super::storage::StorageKey;
use super::template::Template;
use cel::Context;
use http::{HeaderName, Method};
use millstream_event::{Hash128, Purposes};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Longest name of a destination.
pub const NAME_BYTES_MAX: usize = 64;
/// Largest file.
pub const FILE_BYTES_MAX: u64 = 256 * 1_024;

/// Why a destination's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("destination {name}: {what}; {fix}")]
pub struct DestinationError {
    /// The destination.
    pub name: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

/// How much at once; see the file's `[limits]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// Events a second; 0 for no limit.
    pub events_per_second: f64,
    /// Events at once.
    pub burst: f64,
    /// Requests under way.
    pub concurrency: usize,
    /// For one whole request.
    pub timeout: Duration,
    /// Events in one request.
    pub batch_events: usize,
    /// Bytes of one body.
    pub batch_bytes: usize,
    /// How long a batch may wait to fill.
    pub linger: Duration,
    /// For the mapping of one batch.
    pub rule: Duration,
    /// Events of one class in memory.
    pub queue_events: usize,
    /// Records behind.
    pub backlog_records: u64,
}

/// See the module.
pub struct Destination {
    /// Its name: that of its file.
    pub name: String,
    /// Names the text of its file: equal texts have equal versions.
    pub version: String,
    /// Hash of its secrets, never shown: they may change while the file does not.
    pub(super) secrets: Hash128,
    /// What it is, for people.
    pub about: String,
    /// Whether it is sent to.
    pub enabled: bool,
    /// Purposes without which nothing is sent.
    pub requires: Purposes,
    /// Whether events of bots are sent.
    pub bots: bool,
    /// Whether the events of one person arrive in their order.
    pub ordered: bool,
    /// Which events.
    pub matches: Expression,
    /// True when every event matches.
    pub matches_all: bool,
    /// The request's method.
    pub method: Method,
    /// Where to.
    pub url: Template,
    /// Its headers.
    pub headers: Vec<(HeaderName, Template)>,
    /// What one event becomes.
    pub item: Expression,
    /// What the body is.
    pub body: Option<Expression>,
    /// How it is written.
    pub format: Format,
    /// Columns of a body in Parquet.
    pub columns: BTreeMap<String, Holds>,
    /// Whether it is compressed.
    pub gzip: bool,
    /// Bounds.
    pub bounds: Bounds,
    /// Statuses that are tried again.
    pub retryable: Vec<u16>,
    /// Whether a good status means that it was taken.
    pub accepted: Option<Expression>,
    /// Which events of a request that was taken are refused all the same.
    pub refused: Option<Expression>,
    /// Whether what was not taken is tried again.
    pub retries: Option<Expression>,
    /// When.
    pub retry: RetryOptions,
    /// When it is left alone.
    pub breaker: BreakerOptions,
    /// Key of signatures.
    pub signing: Option<Vec<u8>>,
    /// Key of object storage.
    pub storage: Option<StorageKey>,
    /// (time, share in a hundred) that are promised.
    pub sla: (Duration, f64),
    /// Tables that expressions ask.
    pub lookups: Lookups,
    /// Functions, parameters and secrets.
    pub context: Context<'static, 'static>,
    /// The same with the secrets' names in place of the secrets, for showing.
    pub shown: Context<'static, 'static>,
    /// The same with the parameters of a test.
    pub testing: Context<'static, 'static>,
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Destination").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A file's name without its ending, and what it holds.
pub type ReadFile = (String, Result<Destination, DestinationError>);

/// The names of the destinations in a folder, in order; none when there is no such folder.
///
/// # Errors
/// When it cannot be read.
pub fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
        other => other?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            names.push(path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// True when a destination's file wants the events of one person one after the other; also when it
/// cannot be read: more is kept for it then, not less.
pub(super) fn is_ordered(folder: &Path, name: &str) -> bool {
    let text = fs::read_to_string(folder.join(format!("{name}.toml")));
    let file = text.ok().and_then(|text| Reading { name }.file(&text).ok());
    file.is_none_or(|file| file.order == Order::Person)
}

impl Destination {
    /// True when another reading of its file came to the same. Tables are read again by themselves.
    pub fn is_same(&self, other: &Self) -> bool {
        self.version == other.version && self.secrets == other.secrets
    }

    /// Reads every `*.toml` of a folder, by name; none when there is no such folder.
    ///
    /// # Errors
    /// The first file that cannot be used, or the folder that cannot be read.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>, DestinationError> {
        Self::read_each(folder)?.into_iter().map(|(_, read)| read).collect()
    }

    /// The same file by file: one that cannot be used leaves the others.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn read_each(folder: &Path) -> Result<Vec<ReadFile>, DestinationError> {
        let names = names(folder).map_err(|error| DestinationError {
            name: folder.display().to_string(),
            what: format!("its folder cannot be read: {error}"),
            fix: "check its permissions".to_owned(),
        })?;
        let read = |name: String| {
            let read = Self::read(&folder.join(format!("{name}.toml")));
            (name, read)
        };
        Ok(names.into_iter().map(read).collect())
    }

    /// Reads one file. Its name without `.toml` is the destination's.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(path: &Path) -> Result<Self, DestinationError> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let wrong = |what: String, fix: &str| DestinationError {
            name: name.clone(),
            what,
            fix: fix.to_owned(),
        };
        let unreadable = |error: std::io::Error| {
            wrong(format!("{} cannot be read: {error}", path.display()), "check its permissions")
        };
        let bytes = fs::metadata(path).map_err(unreadable)?.len();
        if bytes > FILE_BYTES_MAX {
            return Err(wrong(
                format!("the file has {bytes} bytes"),
                "make it smaller than 256 KiB",
            ));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(&name, &text, path.parent().unwrap_or(Path::new(".")))
    }

    /// Reads the text of a file; secrets in files are found beside it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(name: &str, text: &str, beside: &Path) -> Result<Self, DestinationError> {
        let reading = Reading { name };
        reading.check_name()?;
        let file = reading.file(text)?;
        let secrets = reading.secrets(&file, beside)?;
        let lookups = reading.lookups(&file, beside)?;
        reading.destination(file, &secrets, lookups, text)
    }
}
