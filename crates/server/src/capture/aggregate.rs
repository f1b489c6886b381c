//! Counts that stand for events whose consent forbids storing them.

use super::durable;
use super::plane::Plane;
use super::refusal::Refusal;
use millstream_event::consent::{Aggregate, AggregateKey};
use millstream_event::{Kind, Timestamp};
use millstream_log::Draft;
use std::collections::BTreeMap;

/// The counts of one request.
#[derive(Debug, Default)]
pub(super) struct Aggregates {
    counts: BTreeMap<AggregateKey, u64>,
}

impl Aggregates {
    /// Counts an event that must not be stored.
    pub(super) fn count(&mut self, key: AggregateKey) {
        *self.counts.entry(key).or_default() += 1;
    }

    /// Adds one record for each count.
    pub(super) fn add_to(
        self,
        draft: &mut Draft,
        plane: &Plane,
        received: Timestamp,
    ) -> Result<(), Refusal> {
        self.counts.into_iter().try_for_each(|(key, count)| {
            let aggregate = Aggregate { key, count };
            let header = durable::header(plane, Kind::Aggregate, aggregate.subject(), received);
            durable::add_json(draft, header, &aggregate)
        })
    }
}
