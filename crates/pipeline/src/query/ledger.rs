//! What was spent, what may be spent, what currencies were worth, what goods cost.

use super::{ReadError, Rows, StateRead};
use crate::key::{Key, KeyKind};
use crate::value::{Stored, Value};
use core::ops::RangeInclusive;
use millstream_event::Hash128;
use millstream_event::ledger::{Budget, Rate, Spend, UnitCost};

/// What was spent on these UTC days, day by day. Rows that were taken back are left out.
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn spend(
    state: &dyn StateRead,
    generation: u16,
    days: RangeInclusive<i32>,
    rows: Rows<'_, Spend>,
) -> Result<(), ReadError> {
    ledger(state, (generation, KeyKind::Spend), days, &mut |row: Spend| {
        if row.cost.minor == 0 { Ok(true) } else { rows(row) }
    })
}

/// Every budget, by its first day. Those that were taken back are left out.
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn budgets(
    state: &dyn StateRead,
    generation: u16,
    rows: Rows<'_, Budget>,
) -> Result<(), ReadError> {
    ledger(state, (generation, KeyKind::Budget), i32::MIN..=i32::MAX, &mut |row: Budget| {
        if row.amount.minor == 0 { Ok(true) } else { rows(row) }
    })
}

/// Every rate, day by day.
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn rates(
    state: &dyn StateRead,
    generation: u16,
    rows: Rows<'_, Rate>,
) -> Result<(), ReadError> {
    ledger(state, (generation, KeyKind::Rate), i32::MIN..=i32::MAX, rows)
}

/// What units of products cost, by the day from which on; none where a cost was taken back.
///
/// # Errors
/// When the state cannot be read, or what `rows` returned.
pub fn unit_costs(
    state: &dyn StateRead,
    generation: u16,
    rows: Rows<'_, UnitCost>,
) -> Result<(), ReadError> {
    ledger(state, (generation, KeyKind::UnitCost), i32::MIN..=i32::MAX, rows)
}

fn ledger<T: Stored>(
    state: &dyn StateRead,
    (generation, kind): (u16, KeyKind),
    days: RangeInclusive<i32>,
    rows: Rows<'_, T>,
) -> Result<(), ReadError> {
    let end = |day, fill| Key::ledger(generation, kind, day, Hash128([fill; 16]));
    let (from, to) = (end(*days.start(), 0), end(*days.end(), 0xff));
    state.range(from.as_bytes(), to.as_bytes(), &mut |_, bytes| {
        T::take(Value::decode(bytes)?).map_or(Ok(true), &mut *rows)
    })
}
