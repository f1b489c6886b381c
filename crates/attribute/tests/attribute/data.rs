//! Paths for tests.

use millstream_attribute::{Gathering, Outcome, Paths};
use proptest::prelude::*;

/// (channels joined by `>`, converting journeys, others, value)
pub type Row = (String, u64, u64, i128);

pub fn paths(rows: &[Row]) -> Paths {
    let mut gathering = Gathering::default();
    for (path, conversions, nulls, value) in rows {
        let outcome = Outcome { conversions: *conversions, nulls: *nulls, value: *value };
        gathering.add(path.split('>').map(str::trim), outcome).unwrap();
    }
    gathering.finish()
}

pub fn channel(paths: &Paths, name: &str) -> usize {
    paths.channels.iter().position(|channel| &**channel == name).unwrap()
}

/// Up to 12 paths over up to 6 channels with loops, cycles, and dead ends.
pub fn rows() -> impl Strategy<Value = Vec<Row>> {
    let path =
        prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "direct", "e", "f"]), 1..8);
    let row =
        (path, 0u64..9, 0u64..9, 0i128..100_000).prop_map(|(path, conversions, nulls, value)| {
            let value = if conversions == 0 { 0 } else { value };
            (path.join(">"), conversions, nulls, value)
        });
    prop::collection::vec(row, 1..12)
}
