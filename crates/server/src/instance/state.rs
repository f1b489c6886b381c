//! Opening the state; what cannot be used is replaced by the newest checkpoint that can, or by
//! nothing, and the rest is folded again from the log.

use super::checkpoints::Checkpoints;
use super::error::InstanceError;
use super::timeline::{check_reach, check_timeline};
use super::{Generation, InstanceOptions};
use millstream_log::{EventLog, SegmentLog};
use millstream_store::{FjallStore, Found, rebuild};
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// The state, and why it is folded again, when it is.
pub(super) fn open(
    dir: &Path,
    log: &SegmentLog,
    (generation, options): (&Generation, &InstanceOptions),
) -> Result<(FjallStore, Option<String>), InstanceError> {
    let state = generation.folder(dir);
    let generation = generation.number;
    let (store, found) = FjallStore::open_or_rebuild(&state, &options.store)?;
    let because = match found {
        // What is there now is empty and new.
        Found::SetAside { because, .. } => {
            drop(store);
            fs::remove_dir_all(&state).map_err(InstanceError::io("remove", &state))?;
            because.to_string()
        }
        Found::Kept => match belongs(log, &store, generation) {
            Ok(()) => return Ok((store, None)),
            Err(
                error @ (InstanceError::OtherTimeline { .. } | InstanceError::TooFarBack { .. }),
            ) => {
                drop(store);
                rebuild::set_aside(&state)?;
                error.to_string()
            }
            Err(other) => return Err(other),
        },
    };
    restore((dir, &state), log, (generation, options))?;
    Ok((FjallStore::open(&state, &options.store)?, Some(because)))
}

/// Opens the state of a generation that is being folded; what cannot be used begins empty.
pub(super) fn open_next(
    dir: &Path,
    log: &dyn EventLog,
    (generation, options): (&Generation, &InstanceOptions),
) -> Result<FjallStore, InstanceError> {
    let state = generation.folder(dir);
    let generation = generation.number;
    let (store, _) = FjallStore::open_or_rebuild(&state, &options.store)?;
    if belongs(log, &store, generation).is_ok() {
        return Ok(store);
    }
    drop(store);
    rebuild::set_aside(&state)?;
    let store = FjallStore::open(&state, &options.store)?;
    // What the log no longer holds cannot be folded again: then there is no next generation.
    belongs(log, &store, generation)?;
    Ok(store)
}

/// Puts the newest usable checkpoint in the place of the state, which is not there.
fn restore(
    (dir, state): (&Path, &PathBuf),
    log: &SegmentLog,
    (generation, options): (u16, &InstanceOptions),
) -> Result<(), InstanceError> {
    let checkpoints = Checkpoints::of(dir, generation, options.store.layout);
    let unfinished = dir.join("state.restoring");
    let failed = || InstanceError::io("rename", &unfinished);
    for checkpoint in checkpoints.all()?.iter().rev() {
        if unfinished.exists() {
            let removed = fs::remove_dir_all(&unfinished);
            removed.map_err(InstanceError::io("remove", &unfinished))?;
        }
        let store = FjallStore::open(&unfinished, &options.store)?;
        let loaded =
            checkpoints.load(checkpoint, &store).and_then(|()| belongs(log, &store, generation));
        drop(store);
        match loaded {
            Ok(()) => return fs::rename(&unfinished, state).map_err(failed()),
            Err(error) => tracing::warn!(%error, "a checkpoint cannot be used"),
        }
    }
    Ok(())
}

/// Checks that the state was folded from this log and can be folded on.
fn belongs(log: &dyn EventLog, store: &FjallStore, generation: u16) -> Result<(), InstanceError> {
    check_timeline(log, store, generation)?;
    check_reach(log, store, generation)
}
