//! Spend: what was paid on which day for what.

use super::cell::{Cell, Column, Row};
use millstream_event::Timestamp;
use millstream_event::ledger::Spend;
use std::cmp::Ordering;

/// Spend of one day on one placement in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendRow(pub Spend);

impl Row for SpendRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("day"),
        Column::text("channel"),
        Column::text("source"),
        Column::text("medium"),
        Column::text("campaign"),
        Column::text("ad_group"),
        Column::integer("cost_minor"),
        Column::text("currency"),
    ];

    fn revision(&self) -> Option<u64> {
        None
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let Spend { day, on, cost } = &self.0;
        out.push(Timestamp(i64::from(*day) * 86_400_000_000).to_utc_date().into());
        out.extend(on.texts().map(|text| Cell::maybe(Some(text).filter(|text| !text.is_empty()))));
        out.extend([Cell::Integer(cost.minor), cost.currency.as_str().to_owned().into()]);
    }

    fn order(&self, other: &Self) -> Ordering {
        let place = |row: &Self| (row.0.day, row.0.on.clone(), row.0.cost.currency);
        place(self).cmp(&place(other))
    }
}
