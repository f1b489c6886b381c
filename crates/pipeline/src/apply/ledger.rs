//! Spend, budgets, rates and costs of goods: the control lane is in order, so the last word on a row stands.

use crate::key::{Key, KeyKind};
use crate::view::View;
use millstream_event::ledger::Ledger;

pub(super) fn apply(view: &mut View, generation: u16, change: &Ledger) {
    for row in &change.spend {
        let key = Key::ledger(generation, KeyKind::Spend, row.day, row.name());
        view.put(key, row.clone());
    }
    for row in &change.budgets {
        let key = Key::ledger(generation, KeyKind::Budget, row.from, row.name());
        view.put(key, row.clone());
    }
    for row in &change.goods {
        let key = Key::ledger(generation, KeyKind::UnitCost, row.day, row.name());
        view.put(key, row.clone());
    }
    for row in &change.rates {
        let key = Key::ledger(generation, KeyKind::Rate, row.day, row.name());
        view.put(key, *row);
    }
}
