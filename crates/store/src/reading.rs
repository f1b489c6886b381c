//! The pipeline's queries over a store.

use crate::error::StoreError;
use crate::port::StateView;
use millstream_event::Lane;
use millstream_pipeline::query::{Pair, ReadError, StateRead, Visit};

/// A store, or a snapshot of one, as the pipeline's queries read it.
#[derive(Clone, Copy)]
pub struct Reading<'a>(pub &'a dyn StateView);

impl StateRead for Reading<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        self.0.get(key).map_err(|error| ReadError::Store(error.to_string()))
    }

    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), ReadError> {
        visiting(visit, |pass| self.0.scan(prefix, pass))
    }

    fn range(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), ReadError> {
        visiting(visit, |pass| self.0.range(from, to, pass))
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, ReadError> {
        self.0.last(from, to).map_err(|error| ReadError::Store(error.to_string()))
    }
}

/// Runs a scan for a visitor whose errors are its own.
fn visiting(
    visit: Visit<'_>,
    scan: impl FnOnce(crate::port::Visit<'_>) -> Result<(), StoreError>,
) -> Result<(), ReadError> {
    let mut stopped = None;
    let scanned = scan(&mut |key, value| {
        visit(key, value).or_else(|error| {
            stopped = Some(error);
            Ok(false)
        })
    });
    match stopped {
        Some(error) => Err(error),
        None => scanned.map_err(|error: StoreError| ReadError::Store(error.to_string())),
    }
}

/// The part of a state that one lane holds: scans of other lanes find nothing.
#[derive(Clone, Copy)]
pub struct LaneReading<'a> {
    /// The state.
    pub state: &'a dyn StateView,
    /// The lane.
    pub lane: Lane,
}

impl StateRead for LaneReading<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        Reading(self.state).get(key)
    }

    /// Keys begin with the generation in two bytes and the lane in one.
    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), ReadError> {
        match prefix.get(2) {
            Some(lane) if *lane != self.lane.number() => Ok(()),
            _ => Reading(self.state).scan(prefix, visit),
        }
    }

    fn range(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), ReadError> {
        Reading(self.state).range(from, to, visit)
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, ReadError> {
        Reading(self.state).last(from, to)
    }
}
