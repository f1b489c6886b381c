//! Counts that stand for events whose consent forbids storing them.

use super::durable;
use super::plane::Plane;
use super::refusal::Refusal;
use millstream_event::consent::{Aggregate, AggregateKey};
use millstream_event::{Kind, Timestamp};
use millstream_log::Append;
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

    /// One record for each count.
    pub(super) fn records(
        self,
        plane: &Plane,
        received: Timestamp,
    ) -> Result<Vec<Append>, Refusal> {
        self.counts
            .into_iter()
            .map(|(key, count)| {
                let aggregate = Aggregate { key, count };
                let subject = aggregate.subject();
                let payload = serde_json::to_vec(&aggregate).map_err(|_| Refusal::Internal)?;
                Ok(durable::record(plane, Kind::Aggregate, subject, received, payload))
            })
            .collect()
    }
}
