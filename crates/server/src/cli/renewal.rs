//! The fold stands still for a moment, its state is written anew without those who are gone, and it goes
//! on. Capture goes on meanwhile: what it logs is folded afterwards.

use super::active::Active;
use super::succession::{Succession, SuccessionError};
use crate::instance::InstanceError;
use millstream_event::EntityId;
use millstream_log::LanePositions;
use millstream_pipeline::erasing::Erased;
use millstream_store::Reading;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// No succession begins before it is dropped.
pub struct HeldOff<'a>(&'a Succession);

impl Drop for HeldOff<'_> {
    fn drop(&mut self) {
        self.0.lock().renewing = false;
    }
}

impl Succession {
    /// Holds off successions while somebody is erased. What was begun and not brought to its end is given up:
    /// it may name them.
    ///
    /// # Errors
    /// [`SuccessionError::Busy`].
    pub fn hold_off(&self) -> Result<HeldOff<'_>, SuccessionError> {
        let mut stage = self.lock();
        if stage.folding.is_some() || stage.renewing {
            return Err(SuccessionError::Busy);
        }
        self.workshop.instance.generations.abandon()?;
        stage.renewing = true;
        Ok(HeldOff(self))
    }
}

/// What came of it.
pub struct Renewed {
    /// Those of whom nothing is left.
    pub gone: BTreeSet<EntityId>,
    /// How far the log was folded when the fold stood still: the only checkpoint stands there.
    pub folded: LanePositions,
}

/// Writes the state in force anew without the rows of those of `whom` of whom nothing is left.
///
/// # Errors
/// When something cannot be read or written: the earlier state is then in force, and folded on. When somebody
/// still reads the earlier state: its folder stays.
pub fn renew(held_off: &HeldOff<'_>, whom: &Erased) -> Result<Renewed, SuccessionError> {
    let succession = held_off.0;
    let (workshop, before) = (&succession.workshop, succession.active());
    before.halt();
    let write = || {
        let gone = whom.gone(&Reading(&*before.state.store), before.state.generation);
        let gone = gone.map_err(|error| InstanceError::Rows(error.to_string()))?;
        let folded = workshop.instance.orders(Duration::ZERO).reached()?;
        workshop.instance.renew(&gone)?;
        Ok::<_, InstanceError>(Renewed { gone, folded })
    };
    let outcome = write();
    let resumed = resume(succession, before);
    if let Err(error) = &resumed {
        let why =
            format!("folding stood still for an erasure, and could not go on: {error}; restart");
        succession.active().consumer.gave_up(why);
    }
    let (retired, renewed) = (resumed?, outcome?);
    if retired { Ok(renewed) } else { Err(SuccessionError::StillRead) }
}

/// Folds on, in the state that is in force; true when nobody reads the earlier one any more.
fn resume(succession: &Succession, before: Arc<Active>) -> Result<bool, SuccessionError> {
    let workshop = &succession.workshop;
    let (state, parameters) = (workshop.instance.in_force(), before.parameters.clone());
    let consumer = workshop.fold(&state, &parameters, workshop.options.niceness)?;
    drop((before, state));
    succession.replace(consumer, parameters)
}
