//! One state of the tables, whose files stay while somebody reads them.

use super::manifest::Manifest;
use crate::report::Freshness;
use millstream_store::tables::Table;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The tables as one refresh left them. Its files are there as long as it is.
pub struct Version {
    pub(super) manifest: Manifest,
    dir: PathBuf,
    freshness: Freshness,
}

impl Version {
    pub(super) fn new(dir: &Path, manifest: Manifest, freshness: Freshness) -> Self {
        Self { manifest, dir: dir.to_owned(), freshness }
    }

    /// The Parquet files of one table, in any order; none when it has no rows.
    pub fn files(&self, table: Table) -> Vec<PathBuf> {
        self.manifest.files_of(table).iter().map(|name| self.dir.join(name)).collect()
    }

    /// Rows of one table.
    pub fn rows(&self, table: Table) -> u64 {
        self.manifest.rows_of(table)
    }

    /// How fresh they are.
    pub const fn freshness(&self) -> Freshness {
        self.freshness
    }
}

/// The version in force, and those before it that are still read.
pub(super) struct Versions {
    current: Arc<Version>,
    earlier: Vec<Weak<Version>>,
}

impl Versions {
    pub(super) fn new(current: Version) -> Mutex<Self> {
        Mutex::new(Self { current: Arc::new(current), earlier: Vec::new() })
    }

    pub(super) fn current(shared: &Mutex<Self>) -> Arc<Version> {
        Arc::clone(&shared.lock().unwrap_or_else(PoisonError::into_inner).current)
    }

    /// Puts a version in force; returns the manifests whose files must stay.
    pub(super) fn publish(shared: &Mutex<Self>, version: Version) -> Vec<Arc<Version>> {
        let mut versions = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut versions.current, Arc::new(version));
        versions.earlier.push(Arc::downgrade(&before));
        drop(before);
        versions.earlier.retain(|version| version.strong_count() > 0);
        let mut alive: Vec<_> = versions.earlier.iter().filter_map(Weak::upgrade).collect();
        alive.push(Arc::clone(&versions.current));
        alive
    }
}
