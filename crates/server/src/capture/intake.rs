//! From parsed events to durable records: consent first, then one group, then the answer.

use super::aggregate::Aggregates;
use super::counters::add;
use super::durable;
use super::exchange::Exchange;
use super::plane::Plane;
use super::refusal::Refusal;
use millstream_event::{Event, Purpose, Quarantine, Timestamp};
use millstream_log::Append;
use std::time::{Duration, Instant};

/// Records that become durable together, and what they count as.
#[derive(Debug, Default)]
pub(super) struct Group {
    records: Vec<Append>,
    aggregates: Aggregates,
    accepted: u64,
    restricted: u64,
    aggregated: u64,
    quarantined: u64,
}

impl Group {
    /// Takes an event as far as its consent allows. `queued` is the stamp of the hop to the log.
    pub(super) fn admit(
        &mut self,
        plane: &Plane,
        mut event: Event,
        queued: Timestamp,
    ) -> Result<(), Refusal> {
        event.hops.queued = Some(queued);
        if !event.consent.granted.allows(Purpose::Measurement) {
            self.aggregates.count(&event);
            self.aggregated += 1;
            return Ok(());
        }
        self.records.push(durable::event(plane, &event)?);
        self.accepted += 1;
        Ok(())
    }

    /// Takes a broken item with its reason.
    pub(super) fn quarantine(&mut self, plane: &Plane, item: &Quarantine) -> Result<(), Refusal> {
        self.records.push(durable::quarantine(plane, item)?);
        self.quarantined += 1;
        Ok(())
    }
}

/// Makes a group durable and counts it; an empty group is durable already.
pub(super) async fn store(
    exchange: &mut Exchange<'_>,
    group: Group,
    patience: Duration,
) -> Result<(), Refusal> {
    let plane = exchange.plane;
    let mut records = group.records;
    records.extend(group.aggregates.records(plane, exchange.started)?);
    if records.is_empty() {
        return Ok(());
    }
    let queued = Instant::now();
    let outcome = durable::append(plane, records, patience).await;
    let wait = queued.elapsed();
    exchange.stopwatch.logged(wait);
    outcome?;
    plane.counters.appended(wait);
    add(&plane.counters.accepted, group.accepted);
    add(&plane.counters.restricted, group.restricted);
    add(&plane.counters.aggregated, group.aggregated);
    add(&plane.counters.quarantined, group.quarantined);
    Ok(())
}
