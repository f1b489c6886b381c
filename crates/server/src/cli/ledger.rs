//! The ledger of one engine: compared with what stands, changed through the control lane.

use super::engine::Engine;
use super::succession::SuccessionError;
use crate::admin::parts::{LedgerDesk, TransferError};
use crate::ledger::{self, LedgerKind, LedgerOutcome, LedgerTable, TableFault, UnmatchedName};
use crate::links::EditError;
use crate::report::DateRange;
use crate::report::spend::Met;
use millstream_event::Hash128;
use millstream_event::ledger::{Budget, Ledger, Placement, Rate, Spend, UnitCost};
use millstream_pipeline::query;
use millstream_store::{Reading, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The ledger behind the admin plane.
pub struct Books(pub Arc<Engine>);

/// Why a table was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It is no such table.
    #[error(transparent)]
    Table(#[from] TableFault),
    /// The log did not take it.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// State could not be read.
    #[error(transparent)]
    Read(#[from] query::ReadError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The table was taken, but orders cannot keep what they sold.
    #[error(
        "the costs were written, but orders do not keep what they sold yet: {0}; then start anew"
    )]
    Goods(#[from] SuccessionError),
}

impl From<LedgerError> for TransferError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Table(fault) => Self::Request(fault.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl LedgerDesk for Books {
    fn import(
        &self,
        kind: LedgerKind,
        text: &[u8],
        dry_run: bool,
    ) -> Result<LedgerOutcome, TransferError> {
        Ok(self.0.import_ledger(kind, text, dry_run)?)
    }

    fn rows(&self, kind: LedgerKind, range: &DateRange) -> Result<Ledger, TransferError> {
        Ok(self.0.ledger(kind, range)?)
    }
}

impl Engine {
    /// The rows in force.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn ledger(&self, kind: LedgerKind, range: &DateRange) -> Result<Ledger, LedgerError> {
        let view = self.view()?;
        let (state, generation) = (Reading(&*view.state), view.generation());
        let days = range.from.unwrap_or(i32::MIN)..=range.to.unwrap_or(i32::MAX);
        let mut found = Ledger::default();
        match kind {
            LedgerKind::Spend => query::spend(&state, generation, days, &mut |row| {
                found.spend.push(row);
                Ok(true)
            })?,
            LedgerKind::Budgets => query::budgets(&state, generation, &mut |row| {
                found.budgets.push(row);
                Ok(true)
            })?,
            LedgerKind::Rates => query::rates(&state, generation, &mut |row| {
                found.rates.push(row);
                Ok(true)
            })?,
            LedgerKind::Goods => query::unit_costs(&state, generation, &mut |row| {
                found.goods.push(row);
                Ok(true)
            })?,
        }
        Ok(found)
    }

    /// Takes a table in: rows that are new or differ are written, all or none.
    ///
    /// # Errors
    /// See `LedgerError`.
    pub fn import_ledger(
        &self,
        kind: LedgerKind,
        text: &[u8],
        dry_run: bool,
    ) -> Result<LedgerOutcome, LedgerError> {
        let LedgerTable { ledger, rows, broken } = ledger::read(kind, text)?;
        let unmatched = self.strangers(&ledger)?;
        let mut outcome =
            LedgerOutcome { kind, rows, broken, unmatched, ..LedgerOutcome::default() };
        if !outcome.broken.is_empty() {
            return Ok(outcome);
        }
        self.caught_up_with_controls();
        let standing = || self.ledger(kind, &DateRange::default());
        if dry_run {
            news(&standing()?, ledger, &mut outcome);
            return Ok(outcome);
        }
        self.editor.record((self.clock)(), || {
            Ok::<_, LedgerError>(news(&standing()?, ledger, &mut outcome))
        })?;
        outcome.written = true;
        outcome.refolds = kind == LedgerKind::Goods && self.keep_goods()?;
        Ok(outcome)
    }

    /// Names of spend and budgets that nothing measured has.
    fn strangers(&self, ledger: &Ledger) -> Result<Vec<UnmatchedName>, LedgerError> {
        let on_budget = ledger
            .budgets
            .iter()
            .map(|budget| Placement { campaign: budget.campaign.clone(), ..Placement::default() });
        let named: BTreeSet<Placement> =
            ledger.spend.iter().map(|spend| spend.on.clone()).chain(on_budget).collect();
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let view = self.view()?;
        let met = Met::read(&view.state, &(i32::MIN..=i32::MAX))?;
        let strange = named.iter().filter(|on| met.misses(on)).map(|on| met.unmatched(on));
        Ok(strange.collect())
    }
}

/// A row that a later one of its name takes the place of.
trait LedgerRow: PartialEq {
    fn place(&self) -> (i32, Hash128);
    /// True when it takes an earlier one back.
    fn is_void(&self) -> bool;
}

impl LedgerRow for Spend {
    fn place(&self) -> (i32, Hash128) {
        (self.day, self.name())
    }

    fn is_void(&self) -> bool {
        self.cost.minor == 0
    }
}

impl LedgerRow for Budget {
    fn place(&self) -> (i32, Hash128) {
        (self.from, self.name())
    }

    fn is_void(&self) -> bool {
        self.amount.minor == 0
    }
}

impl LedgerRow for UnitCost {
    fn place(&self) -> (i32, Hash128) {
        (self.day, self.name())
    }

    fn is_void(&self) -> bool {
        self.cost.is_none()
    }
}

impl LedgerRow for Rate {
    fn place(&self) -> (i32, Hash128) {
        (self.day, self.name())
    }

    fn is_void(&self) -> bool {
        false
    }
}

/// The rows that do not stand yet, counted.
fn news(standing: &Ledger, wanted: Ledger, outcome: &mut LedgerOutcome) -> Ledger {
    Ledger {
        spend: differing(&standing.spend, wanted.spend, outcome),
        budgets: differing(&standing.budgets, wanted.budgets, outcome),
        rates: differing(&standing.rates, wanted.rates, outcome),
        goods: differing(&standing.goods, wanted.goods, outcome),
    }
}

fn differing<T: LedgerRow>(standing: &[T], wanted: Vec<T>, outcome: &mut LedgerOutcome) -> Vec<T> {
    let known: BTreeMap<(i32, Hash128), &T> =
        standing.iter().map(|row| (row.place(), row)).collect();
    let mut fresh = Vec::new();
    for row in wanted {
        match known.get(&row.place()) {
            Some(known) if **known == row => outcome.same += 1,
            None if row.is_void() => outcome.same += 1,
            Some(_) => {
                outcome.changed += 1;
                fresh.push(row);
            }
            None => {
                outcome.added += 1;
                fresh.push(row);
            }
        }
    }
    fresh
}
