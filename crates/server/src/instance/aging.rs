//! Rows that are kept for a time: has the fold let go of what is older, through orders in the log.
//!
//! Once a UTC day every lane is told from when on rows are kept. As soon as that is folded everywhere,
//! and what lanes told each other before has arrived, the rows before it are ordered to go, class by
//! class, some at a time. The orders are records: whoever folds the log again lets go of the same.

use super::error::InstanceError;
use super::orders::Orders;
use super::row_removals::RowRemovals;
use millstream_event::{Lane, Timestamp};
use millstream_pipeline::query::{kept, leftovers};
use millstream_pipeline::retention::{Class, Cutoffs, Order};
use millstream_store::{Reading, StateView};
use std::time::Duration;

/// How long one step may take; the next round goes on.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
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
    pub(super) orders: Orders,
    pub(super) days: RowDays,
    pub(super) removals: RowRemovals,
    /// What was last brought to its end.
    pub(super) done: Option<Cutoffs>,
}

/// Lanes that hold rows of entities.
fn lanes() -> impl Iterator<Item = Lane> {
    Lane::all().filter(|lane| lane.number() < Lane::ENTITY_LANES)
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
        self.removals.note((&Reading(&*self.orders.store), self.orders.generation), now)?;
        self.done = Some(from);
        Ok(true)
    }

    /// Tells every lane from when on rows are kept, and waits until nothing older is on its way.
    fn announce(&self, from: Cutoffs, now: Timestamp) -> Result<bool, InstanceError> {
        let mut behind = Vec::new();
        for lane in lanes() {
            let known = kept(&Reading(&*self.orders.store), self.orders.generation, lane)
                .map_err(Orders::failed)?
                .from;
            if known.later(&from) != known {
                behind.push((lane, Order::Keep(from)));
            }
        }
        if behind.is_empty() {
            return Ok(true);
        }
        // What a fold of the whole log still has to tell must not meet rows that are gone.
        let told = || self.orders.append(behind, now);
        Ok(self.orders.settle(HOPS)? && told()? && self.orders.settle(HOPS)?)
    }

    /// Orders a lane's rows of one class to go until none is left.
    fn sweep(&self, lane: Lane, class: Class, now: Timestamp) -> Result<bool, InstanceError> {
        loop {
            let view: Box<dyn StateView> = self.orders.store.snapshot()?;
            let left = leftovers(&Reading(&*view), (self.orders.generation, lane), class)
                .map_err(Orders::failed)?;
            drop(view);
            if left.slices.is_empty() {
                return Ok(true);
            }
            for slices in left.slices.chunks(ORDERS_MAX) {
                let order =
                    |(from, to): &(u32, u32)| (lane, Order::Sweep { class, from: *from, to: *to });
                let group = slices.iter().map(order).collect();
                if !(self.orders.append(group, now)? && self.orders.folded()?) {
                    return Ok(false);
                }
            }
        }
    }
}
