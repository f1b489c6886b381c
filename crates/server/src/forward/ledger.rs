//! The ledger: tells the log where destinations stand and what was given up.

use super::desk::Desk;
use millstream_event::delivery::{Delivery, seal};
use millstream_event::{Hash128, Header, Kind, Timestamp};
use millstream_log::{Append, EventLog};
use millstream_pipeline::query::deliveries::lane;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// How long a statement may take to become durable while everything ends.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// Between two looks whether a statement under way is durable.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What a line told, with the hash of its record.
type Told = (Arc<Desk>, Delivery, Hash128);

/// Tells the log what is new of every desk. A statement that the log does not take is made again
/// with the next one. A line whose last statement is still under way waits for it.
pub fn write(log: &dyn EventLog, desks: &[Arc<Desk>], now: Timestamp) {
    drop(begin(log, desks, now));
}

/// The same, and waits until it is durable.
pub fn write_last(log: &dyn EventLog, desks: &[Arc<Desk>], now: Timestamp) {
    let deadline = Instant::now() + LAST_WAIT;
    while desks.iter().any(|desk| desk.is_telling()) && Instant::now() < deadline {
        std::thread::sleep(LOOK_EVERY);
    }
    desks.iter().for_each(|desk| desk.tell_taken());
    if let Some(durable) = begin(log, desks, now)
        && durable.recv_timeout(LAST_WAIT).is_err()
    {
        tracing::warn!(
            "the last deliveries are not logged: they are made again after the next start"
        );
    }
}

fn begin(log: &dyn EventLog, desks: &[Arc<Desk>], now: Timestamp) -> Option<mpsc::Receiver<()>> {
    let mut told: Vec<Told> = Vec::new();
    let mut group = Vec::new();
    for desk in desks {
        for said in desk.statements(now) {
            match serde_json::to_vec(&said) {
                Ok(payload) => {
                    told.push((Arc::clone(desk), said, seal(&payload)));
                    let header = Header::new(Kind::Delivery, lane(&desk.name), now);
                    group.push(Append { header, payload });
                }
                Err(error) => {
                    tracing::error!(%error, "a delivery record cannot be written");
                    desk.untold(said);
                }
            }
        }
    }
    if group.is_empty() {
        return None;
    }
    let (done, durable) = mpsc::channel();
    let told = Arc::new(told);
    let kept = Arc::clone(&told);
    let acknowledge = Box::new(move |result: Result<_, _>| {
        match result {
            Ok(_) => kept.iter().for_each(|(desk, said, seal)| desk.told(said.class, *seal)),
            Err(error) => {
                tracing::debug!(%error, "deliveries were not logged");
                untold(&kept);
            }
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

fn untold(told: &[Told]) {
    for (desk, said, _) in told {
        desk.untold(said.clone());
    }
}
