//! The `StateStore` port: what the pipeline's shell asks of a store, embedded or distributed.

use crate::error::StoreError;
use millstream_event::{Lane, Position};

/// How far a lane has been folded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneHead {
    /// The next position to fold.
    pub next: Position,
    /// Hash over the immutable header fields of every record folded so far: tells timelines apart.
    pub chain: u64,
}

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

/// A key-value store in which a lane's state, position and outputs change together.
pub trait StateStore: Send + Sync {
    /// The lane's head in this generation; the default before its first commit.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn head(&self, generation: u16, lane: Lane) -> Result<LaneHead, StoreError>;

    /// The values of `keys`, in their order.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get_many(&self, keys: &[Box<[u8]>]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// Commits each lane's step atomically. A store may make all of them one step.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when a stored head differs from the expected one: nothing of that
    /// lane's step was applied, its owner must reload.
    fn commit(&self, generation: u16, commits: &[(Lane, LaneCommit)]) -> Result<(), StoreError>;

    /// Visits every key that begins with `prefix`, in byte order, from one consistent view.
    ///
    /// # Errors
    /// When the store cannot be read, or what `visit` returned.
    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), StoreError>;
}
