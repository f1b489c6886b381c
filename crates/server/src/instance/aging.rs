//! Rows that are kept for a time: has the fold let go of what is older, through orders in the log.
//!
//! Once a UTC day every lane is told from when on rows are kept. As soon as that is folded everywhere,
//! and what lanes told each other before has arrived, the rows before it are ordered to go, class by
//! class, some at a time. The orders are records: whoever folds the log again lets go of the same.

use super::error::InstanceError;
use super::row_removals::RowRemovals;
use millstream_event::{Header, Kind, Lane, Position, Timestamp};
use millstream_log::{Append, EventLog, LanePositions};
use millstream_pipeline::query::{kept, leftovers};
use millstream_pipeline::retention::{Class, Cutoffs, Order};
use millstream_pipeline::{Key, KeyKind};
use millstream_store::{Reading, StateStore, StateView};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Between two looks how far the fold is.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long one step may take; the next round goes on.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most orders that wait to be folded.
const ORDERS_MAX: usize = 8;
/// From lane to lane to lane: how often what is on its way may cause something else.
const HOPS: usize = 3;

/// How many days rows are kept, by class; for ever where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowDays([Option<u32>; Class::ALL.len()]);

impl RowDays {
    /// With the days of one class.
    #[must_use]
    pub const fn with(mut self, class: Class, days: Option<u32>) -> Self {
        self.0[class as usize] = days;
        self
    }

    /// Those of a class.
    pub const fn of(&self, class: Class) -> Option<u32> {
        self.0[class as usize]
    }

    /// The rules as they are configured.
    pub fn rules(&self) -> Vec<String> {
        let rule = |class: Class| {
            self.of(class).map(|days| format!("retention.{}_days = {days}", class.as_str()))
        };
        Class::ALL.into_iter().filter_map(rule).collect()
    }

    /// From when on rows are kept on the day of `now`.
    pub fn cutoffs(&self, now: Timestamp) -> Cutoffs {
        let today = now.utc_day();
        let from = |days: u32| {
            Timestamp::of_utc_day(today.saturating_sub(i32::try_from(days).unwrap_or(i32::MAX)))
        };
        let with = |cutoffs: Cutoffs, class| cutoffs.with(class, self.of(class).map(from));
        Class::ALL.into_iter().fold(Cutoffs::default(), with)
    }
}

/// What lets rows go, and how far it came.
pub(super) struct Aging {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) store: Arc<dyn StateStore>,
    pub(super) generation: u16,
    pub(super) days: RowDays,
    pub(super) removals: RowRemovals,
    pub(super) closing: Arc<AtomicBool>,
    /// What was last brought to its end.
    pub(super) done: Option<Cutoffs>,
}

/// Lanes that hold rows of entities.
fn lanes() -> impl Iterator<Item = Lane> {
    Lane::all().filter(|lane| lane.number() < Lane::ENTITY_LANES)
}

fn unread(error: impl std::fmt::Display) -> InstanceError {
    InstanceError::Rows(error.to_string())
}

impl Aging {
    /// True while rows of this day have to go.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.days != RowDays::default() && self.done != Some(self.days.cutoffs(now))
    }

    /// Lets go of what is too old; true once all of it is gone. What is not yet is the next call's.
    ///
    /// # Errors
    /// When the state cannot be read or the log not written.
    pub(super) fn go_on(&mut self, now: Timestamp) -> Result<bool, InstanceError> {
        if !self.is_due(now) {
            return Ok(true);
        }
        let from = self.days.cutoffs(now);
        if !self.announce(from, now)? {
            return Ok(false);
        }
        for class in Class::ALL.into_iter().filter(|class| from.of(*class).is_some()) {
            for lane in lanes() {
                if !self.sweep(lane, class, now)? {
                    return Ok(false);
                }
            }
        }
        self.removals.note((&Reading(&*self.store), self.generation), now)?;
        self.done = Some(from);
        Ok(true)
    }

    /// Tells every lane from when on rows are kept, and waits until nothing older is on its way.
    fn announce(&self, from: Cutoffs, now: Timestamp) -> Result<bool, InstanceError> {
        let mut behind = Vec::new();
        for lane in lanes() {
            let known = kept(&Reading(&*self.store), self.generation, lane).map_err(unread)?.from;
            if known.later(&from) != known {
                behind.push((lane, Order::Keep(from)));
            }
        }
        if behind.is_empty() {
            return Ok(true);
        }
        // What a fold of the whole log still has to tell must not meet rows that are gone.
        Ok(self.settle()? && self.append(behind, now)? && self.settle()?)
    }

    /// Orders a lane's rows of one class to go until none is left.
    fn sweep(&self, lane: Lane, class: Class, now: Timestamp) -> Result<bool, InstanceError> {
        loop {
            let view: Box<dyn StateView> = self.store.snapshot()?;
            let left =
                leftovers(&Reading(&*view), (self.generation, lane), class).map_err(unread)?;
            drop(view);
            if left.slices.is_empty() {
                return Ok(true);
            }
            for slices in left.slices.chunks(ORDERS_MAX) {
                let order =
                    |(from, to): &(u32, u32)| (lane, Order::Sweep { class, from: *from, to: *to });
                if !(self.append(slices.iter().map(order).collect(), now)? && self.folded()?) {
                    return Ok(false);
                }
            }
        }
    }

    /// Appends orders; true once they are durable.
    fn append(&self, orders: Vec<(Lane, Order)>, now: Timestamp) -> Result<bool, InstanceError> {
        let mut group = Vec::with_capacity(orders.len());
        for (lane, order) in orders {
            let mut header = Header::new(Kind::Tick, lane, now);
            header.generation = self.generation;
            group.push(Append { header, payload: serde_json::to_vec(&order).map_err(unread)? });
        }
        let (done, wait) = mpsc::channel();
        let told = Box::new(move |outcome: Result<_, _>| {
            // Nobody waits any more once patience is at its end.
            let _ = done.send(outcome.map(drop));
        });
        self.log.append(group, told).map_err(unread)?;
        match wait.recv_timeout(PATIENCE) {
            Ok(outcome) => outcome.map(|()| true).map_err(unread),
            Err(_) => Ok(false),
        }
    }

    /// Waits until what lanes told each other until now, and what that causes, is folded.
    fn settle(&self) -> Result<bool, InstanceError> {
        for _ in 0..HOPS {
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
    fn folded(&self) -> Result<bool, InstanceError> {
        let heads = self.log.heads();
        self.wait(&mut || {
            let mut reached = LanePositions::default();
            for lane in Lane::all() {
                let next: Position = self.store.head(self.generation, lane)?.next;
                reached.set(lane, next);
            }
            Ok(reached.covers(&heads))
        })
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
        let until = Instant::now() + PATIENCE;
        while !reached()? {
            if self.closing.load(Ordering::Acquire) || Instant::now() >= until {
                return Ok(false);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(true)
    }
}
