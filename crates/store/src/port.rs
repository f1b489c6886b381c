//! The `StateStore` port: what the pipeline's shell asks of a store, embedded or distributed.

use crate::error::StoreError;
use crate::head::LaneHead;
use millstream_event::Lane;

/// Keys that begin so belong to the store itself.
pub const RESERVED_PREFIX: [u8; 2] = [0xff, 0xff];

/// State, position and outputs of one lane: one atomic step.
#[derive(Clone, Debug, Default)]
pub struct LaneCommit {
    /// The head this step builds on; a different stored head refuses the commit.
    pub expected: LaneHead,
    /// The head after it.
    pub head: LaneHead,
    /// Keys and their new values.
    pub puts: Vec<(Box<[u8]>, Vec<u8>)>,
    /// Keys that are gone.
    pub deletes: Vec<Box<[u8]>>,
}

/// Visits one (key, value) of a scan; returns false to stop.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<bool, StoreError>;

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Reading state.
pub trait StateView: Send + Sync {
    /// The lane's head in this generation; the default before its first commit.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn head(&self, generation: u16, lane: Lane) -> Result<LaneHead, StoreError>;

    /// The value of `key`.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The values of `keys`, in their order.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// Visits every key that begins with `prefix`, in byte order, from one consistent view.
    ///
    /// # Errors
    /// When the store cannot be read, or what `visit` returned.
    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), StoreError>;

    /// Visits every key from `from` to `to`, both included, in byte order, from one consistent
    /// view; none when `to` lies before `from`.
    ///
    /// # Errors
    /// When the store cannot be read, or what `visit` returned.
    fn range(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), StoreError>;

    /// The greatest key from `from` to `to`, both included, with its value.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError>;
}

/// A key-value store in which a lane's state, position and outputs change together.
pub trait StateStore: StateView {
    /// Commits each lane's step atomically. A store may make all of them one step. After a crash
    /// a commit is there whole or not at all, and never without those before it.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when a stored head differs from the expected one: nothing of that
    /// lane's step was applied, its owner must reload. [`StoreError::ReservedKey`] when a key
    /// begins with [`RESERVED_PREFIX`]: nothing was applied.
    fn commit(&self, generation: u16, commits: &[(Lane, LaneCommit)]) -> Result<(), StoreError>;

    /// The state as it is now, unchanged by later commits. Holds space: drop it soon.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn snapshot(&self) -> Result<Box<dyn StateView>, StoreError>;
}

/// Refuses commits that touch the store's own keys.
pub(crate) fn check_keys(commits: &[(Lane, LaneCommit)]) -> Result<(), StoreError> {
    let reserved = |key: &[u8]| key.starts_with(&RESERVED_PREFIX);
    let touches = |commit: &LaneCommit| {
        commit.puts.iter().any(|(key, _)| reserved(key))
            || commit.deletes.iter().any(|key| reserved(key))
    };
    if commits.iter().any(|(_, commit)| touches(commit)) {
        return Err(StoreError::ReservedKey);
    }
    Ok(())
}
