//! What waits on a desk and is not sent after all: too old, too far behind, no longer kept, erased.

use super::desk::{Desk, region};
use super::item::Item;
use millstream_event::Timestamp;
use millstream_event::delivery::{Class, DeadReason};
use millstream_log::LanePositions;
use std::sync::Arc;
use std::time::Duration;

impl Desk {
    /// Gives up what waits and is older than the file allows, though nobody tried: a destination that
    /// is down, paused or disabled for days holds nothing for longer than that.
    pub fn expire(&self, (at, now): (Timestamp, Duration)) {
        let old = |item: &Arc<Item>| self.is_too_old(item, at);
        let mut inner = self.lock();
        if !inner.queue.iter().any(|waiting| old(&waiting.item)) {
            return;
        }
        for waiting in inner.queue.remove(&old) {
            let item = &waiting.item;
            if let Some(line) = &mut inner.lines[item.class.index()] {
                line.give_up(item.place, (DeadReason::Expired, 0), at);
            }
            inner.queue.settle(waiting.subject);
            self.figures.gave_up(region(item), now);
        }
    }

    /// What somebody asked to be sent once more may be of any age.
    pub(super) fn is_too_old(&self, item: &Item, at: Timestamp) -> bool {
        item.class != Class::Replay && item.age(at) >= self.destination().retry.expire
    }

    /// Passes the oldest by of what waits in a class, until its line is no further behind than the
    /// file allows. Conversions and what is sent once more are not passed by.
    pub fn pass_oldest_by(&self, class: Class, heads: &LanePositions) {
        if matches!(class, Class::Conversion | Class::Replay) || !self.takes_up() {
            return;
        }
        let bound = self.destination().bounds.backlog_records;
        let mut inner = self.lock();
        loop {
            let Some(line) = &inner.lines[class.index()] else { return };
            let behind = heads.records_since(&line.floor());
            if behind <= bound {
                return;
            }
            let of_class = |item: &Arc<Item>| item.class == class;
            let waiting = inner.queue.iter().filter(|waiting| of_class(&waiting.item));
            let mut stamps: Vec<_> = waiting.map(|one| one.item.event.received).collect();
            stamps.sort_unstable();
            let Some(latest) = stamps.get(stamps.len() / 4).copied() else { return };
            let oldest = |item: &Arc<Item>| of_class(item) && item.event.received <= latest;
            for waiting in inner.queue.remove(&oldest) {
                if let Some(line) = &mut inner.lines[class.index()] {
                    line.pass_by(waiting.item.place);
                }
                inner.queue.settle(waiting.subject);
            }
        }
    }

    /// Counts as passed by what is no longer kept and must be read again; returns how many.
    pub fn lose(&self, class: Class, tails: &LanePositions) -> usize {
        self.lock().lines[class.index()].as_mut().map_or(0, |line| line.lose(tails))
    }

    /// Removes what waits of these subjects, for good.
    pub fn forget(&self, is_erased: &dyn Fn(&Item) -> bool) -> usize {
        let mut inner = self.lock();
        let gone = inner.queue.remove(&|item: &Arc<Item>| is_erased(item));
        for waiting in &gone {
            if let Some(line) = &mut inner.lines[waiting.item.class.index()] {
                line.skipped(waiting.item.place);
            }
            inner.queue.settle(waiting.subject);
        }
        gone.len()
    }
}
