//! Counts that stand for events whose consent forbids storing them.

use super::durable;
use super::plane::Plane;
use super::refusal::Refusal;
use millstream_event::consent::AggregateKey;
use millstream_event::{EntityId, Hash128, Kind, Timestamp};
use millstream_log::Append;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The payload of a [`Kind::Aggregate`] record, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregate {
    /// What was counted.
    pub key: AggregateKey,
    /// How many events.
    pub count: u64,
}

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
                let name = serde_json::to_vec(&key).map_err(|_| Refusal::Internal)?;
                let payload = serde_json::to_vec(&Aggregate { key, count });
                let subject = EntityId(Hash128::of("aggregate", &[&name]));
                let payload = payload.map_err(|_| Refusal::Internal)?;
                Ok(durable::record(plane, Kind::Aggregate, subject, received, payload))
            })
            .collect()
    }
}
