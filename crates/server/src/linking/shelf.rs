//! Versions of the links on disk, and which of them is in force.

use super::LinkingError;
use super::artefact::{Artefact, Outcome, Told, VersionLine};
use arc_swap::ArcSwapOption;
use millstream_event::EntityId;
use millstream_log::LanePositions;
use millstream_stitch::linkage::Standing;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The folder in a data directory.
pub const DIR: &str = "probable";
/// Versions kept.
pub const VERSIONS_MAX: usize = 10;
const IN_FORCE: &str = "in_force.json";
/// What a file is called until it is written whole.
const UNFINISHED: &str = "new";

/// Which version answers are read from; none before the first, and once it was withdrawn.
#[derive(Serialize, Deserialize)]
struct InForce {
    version: Option<u32>,
}

/// A version and what it says.
pub type Numbered = (u32, Artefact);

/// The versions of one data directory.
pub struct Shelf {
    dir: PathBuf,
    in_force: ArcSwapOption<Numbered>,
    /// Held while versions change: how far the log was folded when somebody was last erased. What was
    /// gathered before names them.
    changing: Mutex<LanePositions>,
}

impl Shelf {
    /// Opens the folder and reads what is in force. A file that cannot be read puts nothing in force.
    pub fn open(data_dir: &Path) -> Self {
        let dir = data_dir.join(DIR);
        let shelf = Self { dir, in_force: ArcSwapOption::empty(), changing: Mutex::default() };
        match shelf.read_in_force() {
            Ok(found) => shelf.in_force.store(found.map(Arc::new)),
            Err(error) => tracing::error!(%error, "no probable links are in force"),
        }
        shelf
    }

    fn read_in_force(&self) -> Result<Option<Numbered>, LinkingError> {
        let path = self.dir.join(IN_FORCE);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.io("read", &path, source)),
            Ok(text) => {
                let InForce { version } = parsed(&path, &text)?;
                version.map(|version| Ok((version, self.read(version)?))).transpose()
            }
        }
    }

    /// The version in force.
    pub fn in_force(&self) -> Option<Arc<Numbered>> {
        self.in_force.load_full()
    }

    /// Keeps a new version and puts it in force, unless the one in force says the same.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, artefact: Artefact, shown: usize) -> Result<Told, LinkingError> {
        let least = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if !artefact.cut.reaches(&least) {
            return Err(LinkingError::Erased);
        }
        let text = text(&artefact)?;
        let before = self.in_force();
        if let Some(standing) = &before
            && fs::read(self.path(standing.0)).is_ok_and(|known| known == text)
        {
            return self.told(Outcome::Unchanged, Some(&**standing), shown);
        }
        fs::create_dir_all(&self.dir).map_err(|error| self.io("make", &self.dir, error))?;
        let versions = self.versions()?;
        let version = versions.last().map_or(1, |last| last.saturating_add(1));
        self.write(&self.path(version), &text)?;
        self.put(Some((version, artefact)))?;
        let surplus = (versions.len() + 1).saturating_sub(VERSIONS_MAX);
        for old in versions.into_iter().take(surplus) {
            let path = self.path(old);
            fs::remove_file(&path).map_err(|error| self.io("remove", &path, error))?;
        }
        self.told(Outcome::Kept, self.in_force().as_deref(), shown)
    }

    /// Drops from every version the links of those who were erased; returns how many. What was gathered
    /// before the log was folded so far is not kept any more.
    ///
    /// # Errors
    /// When a version cannot be read or written: it may still name them.
    pub fn forget(
        &self,
        entities: &BTreeSet<EntityId>,
        folded: LanePositions,
    ) -> Result<u64, LinkingError> {
        let mut least = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        *least = folded;
        let mut dropped = 0;
        for version in self.versions()? {
            let path = self.path(version);
            match fs::remove_file(path.with_extension(UNFINISHED)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.io("remove what was begun beside", &path, error));
                }
                _ => {}
            }
            let mut artefact = self.read(version)?;
            let of_version = artefact.forget(entities);
            if of_version == 0 {
                continue;
            }
            dropped += of_version;
            self.write(&path, &text(&artefact)?)?;
            if self.in_force().is_some_and(|standing| standing.0 == version) {
                self.in_force.store(Some(Arc::new((version, artefact))));
            }
        }
        Ok(dropped)
    }

    /// Puts a kept version in force; 0 puts none.
    ///
    /// # Errors
    /// When there is no such version, or it cannot be read.
    pub fn restore(&self, version: u32, shown: usize) -> Result<Told, LinkingError> {
        let _held = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let versions = self.versions()?;
        let found = match version {
            0 => None,
            known if versions.contains(&known) => Some((known, self.read(known)?)),
            wanted => {
                let kept = versions.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
                let kept = if kept.is_empty() { "none yet".to_owned() } else { kept };
                return Err(LinkingError::NoVersion { wanted, kept });
            }
        };
        fs::create_dir_all(&self.dir).map_err(|error| self.io("make", &self.dir, error))?;
        self.put(found)?;
        self.standing(shown)
    }

    /// What is in force, and which versions there are.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn standing(&self, shown: usize) -> Result<Told, LinkingError> {
        self.told(Outcome::Standing, self.in_force().as_deref(), shown)
    }

    /// What a dry run came to.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn tried(&self, artefact: Artefact, shown: usize) -> Result<Told, LinkingError> {
        let mut told = self.told(Outcome::Tried, Some(&(0, artefact)), shown)?;
        told.version = None;
        Ok(told)
    }

    fn told(
        &self,
        outcome: Outcome,
        of: Option<&Numbered>,
        shown: usize,
    ) -> Result<Told, LinkingError> {
        let count = |standing| of.map_or(0, |(_, artefact)| artefact.count(standing));
        let mut versions = Vec::new();
        let in_force = self.in_force();
        for version in self.versions()?.into_iter().rev() {
            let artefact = self.read(version)?;
            versions.push(VersionLine {
                version,
                in_force: in_force.as_ref().is_some_and(|standing| standing.0 == version),
                links: artefact.count(Standing::Link),
                possible: artefact.count(Standing::Possible),
                last_event: artefact.cut.last_event,
            });
        }
        Ok(Told {
            outcome,
            version: of.map(|(version, _)| *version),
            links: count(Standing::Link),
            possible: count(Standing::Possible),
            artefact: of.map(|(_, artefact)| artefact.clone().shortened(shown)),
            versions,
        })
    }

    fn put(&self, found: Option<Numbered>) -> Result<(), LinkingError> {
        let path = self.dir.join(IN_FORCE);
        let word = InForce { version: found.as_ref().map(|(version, _)| *version) };
        self.write(&path, &text(&word)?)?;
        self.in_force.store(found.map(Arc::new));
        Ok(())
    }

    /// Versions kept, the oldest first.
    fn versions(&self) -> Result<Vec<u32>, LinkingError> {
        let files = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|error| self.io("list", &self.dir, error))?,
        };
        let mut found = Vec::new();
        for file in files {
            let name = file.map_err(|error| self.io("list", &self.dir, error))?.file_name();
            let number = name.to_string_lossy().strip_suffix(".json").map(str::parse::<u32>);
            found.extend(number.and_then(Result::ok));
        }
        found.sort_unstable();
        Ok(found)
    }

    fn path(&self, version: u32) -> PathBuf {
        self.dir.join(format!("{version}.json"))
    }

    fn read(&self, version: u32) -> Result<Artefact, LinkingError> {
        let path = self.path(version);
        let text = fs::read(&path).map_err(|error| self.io("read", &path, error))?;
        parsed(&path, &text)
    }

    /// Writes a file as a whole or not at all.
    fn write(&self, path: &Path, text: &[u8]) -> Result<(), LinkingError> {
        let new = path.with_extension(UNFINISHED);
        let write = || -> io::Result<()> {
            let mut file = File::create(&new)?;
            file.write_all(text)?;
            file.sync_all()?;
            fs::rename(&new, path)?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(|error| self.io("write", path, error))
    }

    fn io(&self, doing: &'static str, path: &Path, source: io::Error) -> LinkingError {
        LinkingError::Io { doing, path: path.display().to_string(), source }
    }
}

fn parsed<T: serde::de::DeserializeOwned>(path: &Path, text: &[u8]) -> Result<T, LinkingError> {
    serde_json::from_slice(text).map_err(|error| LinkingError::Damaged {
        path: path.display().to_string(),
        why: error.to_string(),
    })
}

fn text(value: &impl Serialize) -> Result<Vec<u8>, LinkingError> {
    serde_json::to_vec_pretty(value)
        .map_err(|error| LinkingError::Damaged { path: DIR.to_owned(), why: error.to_string() })
}
