//! How long conversions took to arrive: counts per UTC day and hour in which they happened.

use crate::key::{Key, KeyKind};
use crate::spread::Spread;
use alloc::collections::BTreeMap;
use millstream_event::{Hash128, Lane, Span, Timestamp};
use serde::{Deserialize, Serialize};

/// From happening to receipt, by the hour of the day in which conversions happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lags(BTreeMap<u8, Spread>);

impl Lags {
    /// Adds a conversion that happened at `time` and took `lag` to arrive, or takes it back.
    pub fn add(&mut self, time: Timestamp, lag: Span, sign: i64) {
        let hour = time.hour().rem_euclid(24) as u8;
        self.change(hour, |spread| spread.add(lag, sign));
    }

    /// Adds those of another lane, or a change.
    pub fn merge(&mut self, other: &Self) {
        for (hour, lags) in &other.0 {
            self.change(*hour, |spread| spread.merge(lags));
        }
    }

    fn change(&mut self, hour: u8, change: impl FnOnce(&mut Spread)) {
        let spread = self.0.entry(hour).or_default();
        change(spread);
        if spread.is_empty() {
            self.0.remove(&hour);
        }
    }

    /// True when nothing is left of them.
    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// By hour of the day, in order.
    pub fn hours(&self) -> impl Iterator<Item = (u8, &Spread)> {
        self.0.iter().map(|(hour, spread)| (*hour, spread))
    }
}

/// Where the lags of a lane's conversions of one UTC day stand.
pub fn lags_key(generation: u16, lane: Lane, day: i32) -> Key {
    let mut entity = [0; 16];
    entity[..4].copy_from_slice(&Key::ledger_day(day));
    Key::new(generation, lane, KeyKind::Lags, Hash128(entity))
}

/// The UTC day that a key of lags names.
pub fn lags_day(key: &Key) -> i32 {
    let entity = key.entity_id().0.0;
    i32::from_be_bytes([entity[0], entity[1], entity[2], entity[3]]) ^ i32::MIN
}
