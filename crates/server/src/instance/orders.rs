//! What lanes are told through the log, and the wait until they have followed.

use super::error::InstanceError;
use millstream_event::{Header, Kind, Lane, Position, Timestamp};
use millstream_log::{Append, AppendError, EventLog, LanePositions};
use millstream_pipeline::retention::Order;
use millstream_pipeline::{Item, Key, KeyKind};
use millstream_store::StateStore;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Between two looks how far the fold is.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Records logged at once.
const GROUP_RECORDS: usize = 512;

/// The way to a generation's lanes.
pub struct Orders {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) store: Arc<dyn StateStore>,
    pub(super) generation: u16,
    /// How long one step may take.
    pub(super) patience: Duration,
    pub(super) closing: Arc<AtomicBool>,
}

impl Orders {
    pub(super) fn failed(error: impl std::fmt::Display) -> InstanceError {
        InstanceError::Rows(error.to_string())
    }

    /// Appends orders; true once they are durable.
    ///
    /// # Errors
    /// When the log does not take them.
    pub fn append(
        &self,
        orders: Vec<(Lane, Order)>,
        now: Timestamp,
    ) -> Result<bool, InstanceError> {
        let mut group = Vec::with_capacity(orders.len());
        for (lane, order) in orders {
            let payload = serde_json::to_vec(&order).map_err(Self::failed)?;
            group.push(Append { header: self.header(Kind::Tick, lane, now), payload });
        }
        self.log(group)
    }

    /// Says on behalf of senders that are no more that these items, in these versions, hold no longer; true
    /// once that is durable.
    ///
    /// # Errors
    /// When the log does not take it.
    pub fn withdraw(&self, items: Vec<(Item, u64)>, now: Timestamp) -> Result<bool, InstanceError> {
        let mut group = Vec::with_capacity(items.len());
        for (item, version) in items {
            let mut header = self.header(Kind::Item, item.lane(), now);
            header.item_version = version;
            group.push(Append { header, payload: item.encode().map_err(Self::failed)? });
        }
        self.log(group)
    }

    fn header(&self, kind: Kind, lane: Lane, now: Timestamp) -> Header {
        let mut header = Header::new(kind, lane, now);
        header.generation = self.generation;
        header
    }

    /// A part at a time, so that capture finds room in the log's queue.
    fn log(&self, records: Vec<Append>) -> Result<bool, InstanceError> {
        for group in records.chunks(GROUP_RECORDS) {
            if !self.log_group(group)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn log_group(&self, group: &[Append]) -> Result<bool, InstanceError> {
        let until = Instant::now() + self.patience;
        let (done, wait) = mpsc::channel();
        loop {
            let done = done.clone();
            let told = Box::new(move |outcome: Result<_, _>| {
                // Nobody waits any more once patience is at its end.
                let _ = done.send(outcome.map(drop));
            });
            match self.log.append(group.to_vec(), told) {
                Err(AppendError::Overloaded) if Instant::now() < until => {
                    std::thread::sleep(LOOK_EVERY);
                }
                other => break other.map_err(Self::failed)?,
            }
        }
        match wait.recv_timeout(self.patience) {
            Ok(outcome) => outcome.map(|()| true).map_err(Self::failed),
            Err(_) => Ok(false),
        }
    }

    /// Waits until what lanes told each other until now, and what that causes from lane to lane, over so
    /// many hops, is folded; false when patience or the process comes to its end before.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn settle(&self, hops: usize) -> Result<bool, InstanceError> {
        for _ in 0..hops {
            if !self.folded()? {
                return Ok(false);
            }
            let mut on_its_way = self.outbox()?;
            let arrived = self.wait(&mut || {
                let standing = self.outbox()?;
                on_its_way.retain(|key| standing.contains(key));
                Ok(on_its_way.is_empty())
            })?;
            if !arrived {
                return Ok(false);
            }
        }
        self.folded()
    }

    /// Waits until everything that the log holds now is folded.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn folded(&self) -> Result<bool, InstanceError> {
        let heads = self.log.heads();
        self.wait(&mut || Ok(self.reached()?.covers(&heads)))
    }

    /// How far each lane is folded.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn reached(&self) -> Result<LanePositions, InstanceError> {
        let mut reached = LanePositions::default();
        for lane in Lane::all() {
            let next: Position = self.store.head(self.generation, lane)?.next;
            reached.set(lane, next);
        }
        Ok(reached)
    }

    fn outbox(&self) -> Result<BTreeSet<Vec<u8>>, InstanceError> {
        let mut keys = BTreeSet::new();
        for lane in Lane::all() {
            let prefix = Key::prefix(self.generation, lane, KeyKind::Outbox);
            self.store.scan(&prefix, &mut |key, _| {
                keys.insert(key.to_vec());
                Ok(true)
            })?;
        }
        Ok(keys)
    }

    /// Looks again and again; false when patience or the process comes to its end.
    fn wait(
        &self,
        reached: &mut dyn FnMut() -> Result<bool, InstanceError>,
    ) -> Result<bool, InstanceError> {
        let until = Instant::now() + self.patience;
        while !reached()? {
            if self.closing.load(Ordering::Acquire) || Instant::now() >= until {
                return Ok(false);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(true)
    }
}
