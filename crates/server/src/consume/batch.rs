//! Folding one batch: load what is foreseen, fold record by record, load what was missed.

use crate::priority::Courtesy;
use millstream_event::{Lane, Record};
use millstream_log::chain;
use millstream_pipeline::{ApplyError, Decoded, Key, Miss, ReadError, Rules, View, apply, foresee};
use millstream_store::{LaneHead, Reading, StateStore, StateView, StoreError};
use std::collections::BTreeMap;

/// The most times one record may miss before it counts as impossible to fold.
const MISSES_MAX: usize = 1_000;

/// A lane's way through one batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) from: LaneHead,
    pub(super) to: LaneHead,
}

/// What folding a batch gave.
#[derive(Default)]
pub(super) struct Folded {
    /// Lanes that moved on.
    pub(super) steps: BTreeMap<Lane, Step>,
    /// Lanes that cannot go on, with the reason.
    pub(super) broken: BTreeMap<Lane, String>,
}

/// Why a batch cannot be folded at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum BatchError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Fold(#[from] ApplyError),
}

/// Loads what was missed.
pub(super) fn fetch(view: &mut View, store: &dyn StateStore, miss: Miss) -> Result<(), BatchError> {
    load(view, store, miss.keys)?;
    let store: &dyn StateView = store;
    for range in &miss.ranges {
        view.fetch_range(range, &Reading(store))?;
    }
    for walk in &miss.walks {
        view.fetch_walk(walk, &Reading(store))?;
    }
    Ok(())
}

/// Loads the keys that the view does not hold, all at once.
fn load(view: &mut View, store: &dyn StateStore, mut keys: Vec<Key>) -> Result<(), BatchError> {
    keys.retain(|key| !view.holds(key));
    keys.sort_unstable();
    keys.dedup();
    let names: Vec<&[u8]> = keys.iter().map(Key::as_bytes).collect();
    for (key, value) in keys.iter().zip(store.get_many(&names)?) {
        view.load(*key, value.as_deref()).map_err(ApplyError::from)?;
    }
    Ok(())
}

/// Folds `records`, of which those below a lane's head are known already.
pub(super) fn fold(
    view: &mut View,
    store: &dyn StateStore,
    rules: &Rules<'_>,
    heads: impl Fn(Lane) -> LaneHead,
    records: &[Record],
) -> Result<Folded, BatchError> {
    let decoded: Vec<Decoded<'_>> = records.iter().map(Decoded::of).collect();
    load(view, store, decoded.iter().flat_map(|record| foresee(rules, record)).collect())?;
    let mut folded = Folded::default();
    let mut courtesy = Courtesy::begin();
    for decoded in &decoded {
        courtesy.step();
        let record = decoded.record();
        let lane = record.header.lane;
        if folded.broken.contains_key(&lane) {
            continue;
        }
        let from = folded.steps.get(&lane).map_or_else(|| heads(lane), |step| step.from);
        let at = folded.steps.get(&lane).map_or(from, |step| step.to);
        if record.position < at.next {
            continue;
        }
        match fold_record(view, store, rules, decoded, at)? {
            Ok(to) => drop(folded.steps.insert(lane, Step { from, to })),
            Err(reason) => {
                folded.steps.remove(&lane);
                folded.broken.insert(lane, reason);
            }
        }
    }
    Ok(folded)
}

/// The lane's head after the record, or why the lane must stop before it.
fn fold_record(
    view: &mut View,
    store: &dyn StateStore,
    rules: &Rules<'_>,
    decoded: &Decoded<'_>,
    at: LaneHead,
) -> Result<Result<LaneHead, String>, BatchError> {
    let record = decoded.record();
    if record.position != at.next {
        let (found, next) = (record.position.0, at.next.0);
        return Ok(Err(format!(
            "the log went on at position {found} instead of {next}: restart, and if that does not \
             help remove the state folder"
        )));
    }
    for _ in 0..MISSES_MAX {
        match apply(view, rules, decoded) {
            Ok(()) => {
                return Ok(Ok(LaneHead {
                    next: record.position.next(),
                    chain: chain(at.chain, &record.header, record.payload.len()),
                    watermark: at.watermark.max(record.header.received),
                }));
            }
            Err(ApplyError::Miss(miss)) => fetch(view, store, miss)?,
            Err(error) => return Ok(Err(error.to_string())),
        }
    }
    Ok(Err(format!("the record at position {} asks for keys without end", record.position.0)))
}
