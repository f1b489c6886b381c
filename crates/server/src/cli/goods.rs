//! What orders sold is kept once it is known of anything what it costs.

use super::engine::Engine;
use super::rules::FoldRules;
use super::succession::{Purpose, SuccessionError};
use crate::instance::{InForce, InstanceError};
use millstream_pipeline::query;
use millstream_store::{Reading, StoreError};

impl Engine {
    /// Folds the log anew where costs of goods became known and orders do not keep what they sold. True
    /// when that has begun.
    ///
    /// # Errors
    /// See `SuccessionError`.
    pub fn keep_goods(&self) -> Result<bool, SuccessionError> {
        self.caught_up_with_controls();
        let wanted = self.wanted()?;
        let begins = wanted.parameters.goods && !self.active().parameters.goods;
        if begins {
            self.succession().begin(&wanted, Purpose::Rules)?;
        }
        Ok(begins)
    }

    /// The rules that the configuration, what was disabled and what is known of costs ask for.
    pub(super) fn wanted(&self) -> Result<FoldRules, InstanceError> {
        let active = self.active();
        let known = (costs_known(&active.state)?, &*self.registry.settings());
        Ok(FoldRules::wanted(&self.config, &self.agents, known).keeping(&active.parameters))
    }
}

/// True when it is known of any product what it costs.
pub(super) fn costs_known(state: &InForce) -> Result<bool, InstanceError> {
    let (snapshot, mut known) = (state.store.snapshot()?, false);
    let read = query::unit_costs(&Reading(&*snapshot), state.generation, &mut |row| {
        known |= row.cost.is_some();
        Ok(!known)
    });
    let engine = |source: query::ReadError| StoreError::Engine {
        doing: "read the costs of goods",
        source: Box::new(source),
    };
    read.map_err(engine)?;
    Ok(known)
}
