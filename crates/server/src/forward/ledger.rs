//! The ledger: tells the log where destinations stand and what was given up.

use super::desk::Desk;
use millstream_event::delivery::Delivery;
use millstream_event::{Header, Kind, Timestamp};
use millstream_log::{Append, EventLog};
use millstream_pipeline::query::deliveries::lane;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// How long a statement may take to become durable while everything ends.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Tells the log what is new of every desk. A statement that the log does not take is made again
/// with the next one.
pub fn write(log: &dyn EventLog, desks: &[Arc<Desk>], now: Timestamp) {
    drop(begin(log, desks, now));
}

/// The same, and waits until it is durable.
pub fn write_last(log: &dyn EventLog, desks: &[Arc<Desk>], now: Timestamp) {
    if let Some(durable) = begin(log, desks, now)
        && durable.recv_timeout(LAST_WAIT).is_err()
    {
        tracing::warn!(
            "the last deliveries are not logged: they are made again after the next start"
        );
    }
}

fn begin(log: &dyn EventLog, desks: &[Arc<Desk>], now: Timestamp) -> Option<mpsc::Receiver<()>> {
    let mut told: Vec<(Arc<Desk>, Delivery)> = Vec::new();
    for desk in desks {
        told.extend(desk.statements(now).into_iter().map(|said| (Arc::clone(desk), said)));
    }
    let mut group = Vec::new();
    for (desk, said) in &told {
        match serde_json::to_vec(said) {
            Ok(payload) => {
                let header = Header::new(Kind::Delivery, lane(&desk.destination.name), now);
                group.push(Append { header, payload });
            }
            Err(error) => tracing::error!(%error, "a delivery record cannot be written"),
        }
    }
    if group.is_empty() {
        return None;
    }
    let (done, durable) = mpsc::channel();
    let told = Arc::new(told);
    let kept = Arc::clone(&told);
    let acknowledge = Box::new(move |result: Result<_, _>| {
        if let Err(error) = result {
            tracing::debug!(%error, "deliveries were not logged");
            untold(&kept);
        }
        if done.send(()).is_err() {
            tracing::trace!("nobody waits for this record");
        }
    });
    if let Err(error) = log.append(group, acknowledge) {
        tracing::debug!(%error, "deliveries were refused by the log");
        untold(&told);
    }
    Some(durable)
}

fn untold(told: &[(Arc<Desk>, Delivery)]) {
    for (desk, said) in told {
        desk.untold(said.clone());
    }
}
