//! The table of people.

use super::cell::{Cell, Column, Row};
use millstream_pipeline::rows::PersonRow;
use std::cmp::Ordering;

impl Row for PersonRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("person_id"),
        Column::json("devices"),
        Column::integer("touches"),
        Column::integer("conversions"),
    ];

    fn revision(&self) -> Option<u64> {
        Some(self.revision.0)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let mut devices: Vec<_> = self.devices.iter().map(|id| format!("\"{id}\"")).collect();
        devices.sort_unstable();
        out.extend([
            self.person_id.into(),
            format!("[{}]", devices.join(",")).into(),
            Cell::count(self.touches),
            Cell::count(self.conversions),
        ]);
    }

    fn order(&self, other: &Self) -> Ordering {
        self.person_id.cmp(&other.person_id)
    }
}
