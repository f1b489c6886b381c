//! The fold stands still for a moment, its state is written anew without those who are gone, and it goes
//! on. Capture goes on meanwhile: what it logs is folded afterwards.

use super::succession::{Succession, SuccessionError};
use crate::instance::InstanceError;
use millstream_event::EntityId;
use millstream_pipeline::erasing::Erased;
use millstream_store::Reading;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Writes the state in force anew without the rows of those of `whom` of whom nothing is left; returns
/// them.
///
/// # Errors
/// When a succession is under way, or something cannot be read or written: the earlier state is then in
/// force, and folded on.
pub fn renew(
    succession: &Succession,
    whom: &Erased,
) -> Result<BTreeSet<EntityId>, SuccessionError> {
    let _held_off = succession.hold_off()?;
    let (workshop, before) = (&succession.workshop, succession.active());
    before.halt();
    let gone = whom.gone(&Reading(&*before.state.store), before.state.generation);
    let gone = gone.map_err(|error| InstanceError::Rows(error.to_string()));
    let outcome = gone.and_then(|gone| workshop.instance.renew(&gone).map(|()| gone));
    let state = workshop.instance.in_force();
    let consumer = workshop.fold(&state, &before.parameters, workshop.options.niceness)?;
    let parameters = before.parameters.clone();
    drop(before);
    succession.replace(Arc::clone(&consumer), parameters)?;
    Ok(outcome?)
}
