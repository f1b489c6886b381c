//! Everything of one destination that changes: its queue, its lines, what holds it back.
//!
//! The dispatcher puts events on the desk, the worker takes batches from it and reports what became
//! of them, the ledger tells the log. All decisions are made here, under one short lock; time and
//! chance come in as values.

use super::breaker::Breaker;
use super::destination::Destination;
use super::figures::Figures;
use super::item::Item;
use super::line::{Line, Sight};
use super::pace::{Batch, Inner, Step};
use super::queue::{Queue, Waiting};
use super::rate::Rate;
use super::retries::{ASKED_MAX, RetryBudget};
use super::standing::{DeskStanding, LineStanding};
use arc_swap::ArcSwap;
use millstream_event::delivery::{Class, DeadReason, Delivery, Place, ReplayRange, Standing};
use millstream_event::{Hash128, Timestamp};
use millstream_log::LanePositions;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// See the module.
pub struct Desk {
    /// The destination's name.
    pub name: String,
    /// What is sent, and how: the version of the file in force.
    pub(super) current: ArcSwap<Destination>,
    /// What is measured.
    pub figures: Figures,
    /// Told when something changed.
    pub wake: Notify,
    inner: Mutex<Inner>,
}

impl Desk {
    /// A desk whose lines go on where their last records say, and begin at `heads` where there are
    /// none.
    pub fn new(destination: Destination, told: Vec<Delivery>, heads: &LanePositions) -> Self {
        let mut lines: [Option<Line>; 4] = [const { None }; 4];
        let standing = told.first().map(|told| told.standing).unwrap_or_default();
        for told in &told {
            lines[told.class.index()] = Some(Line::resume(told));
        }
        for class in [Class::Conversion, Class::Audience, Class::Rest] {
            lines[class.index()].get_or_insert_with(|| Line::begin(class, heads.clone()));
        }
        let bounds = &destination.bounds;
        let inner = Inner {
            queue: Queue::default(),
            lines,
            breaker: Breaker::new(destination.breaker),
            rate: Rate::new(bounds.events_per_second, bounds.burst),
            budget: RetryBudget::default(),
            in_flight: 0,
            standing,
            withdrawn: false,
            filling_since: None,
        };
        Self {
            name: destination.name.clone(),
            current: ArcSwap::from_pointee(destination),
            figures: Figures::default(),
            wake: Notify::new(),
            inner: Mutex::new(inner),
        }
    }

    /// The version of its file in force. Whoever sends holds on to the one that it began with.
    pub fn destination(&self) -> Arc<Destination> {
        self.current.load_full()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where reading for a line must begin; none where there is no such line.
    pub fn floor(&self, class: Class) -> Option<LanePositions> {
        self.lock().lines[class.index()].as_ref().map(Line::floor)
    }

    /// True when a line can take more up.
    pub fn has_room(&self, class: Class) -> bool {
        let inner = self.lock();
        let Some(line) = &inner.lines[class.index()] else { return false };
        let bound = self.current.load().bounds.queue_events;
        if inner.withdrawn {
            return false;
        }
        match inner.standing {
            Standing::Running | Standing::Paused => line.pending() - line.unread() < bound,
            Standing::Draining | Standing::Disabled => line.unread() > 0,
        }
    }

    /// True when new events are taken up at all.
    pub fn takes_up(&self) -> bool {
        let inner = self.lock();
        !inner.withdrawn && matches!(inner.standing, Standing::Running | Standing::Paused)
    }

    /// True when a line is the one for events of a class. Where order matters there is one for all.
    pub fn is_for(&self, line: Class, class: Class) -> bool {
        let own = if self.current.load().ordered { Class::Conversion } else { class };
        line == Class::Replay || line == own
    }

    /// What a record is to a line.
    pub fn see(&self, class: Class, place: Place) -> Sight {
        self.lock().lines[class.index()].as_mut().map_or(Sight::Past, |line| line.see(place))
    }

    /// Moves a line on behind a record of which all is decided.
    pub fn pass(&self, class: Class, place: Place) {
        self.with_line(class, |line| line.pass(place));
    }

    /// Takes an event up.
    pub fn take_up(&self, item: Item, sight: Sight) {
        let ordered = self.current.load().ordered;
        let subject = ordered.then(|| item.event.subject().0.low64());
        let mut inner = self.lock();
        if let (Sight::New, Some(line)) = (sight, &mut inner.lines[item.class.index()]) {
            line.take(item.place);
        }
        let class = item.class;
        let item = Arc::new(item);
        inner.queue.push(Waiting { item, class, attempts: 0, alone: false, subject });
        drop(inner);
        self.wake.notify_one();
    }

    /// An event that was taken up before the restart is not to be sent any more.
    pub fn leave_out(&self, class: Class, place: Place) {
        self.with_line(class, |line| line.skipped(place));
    }

    /// Counts an event that consent keeps from the destination.
    pub fn unconsented(&self, class: Class) {
        self.with_line(class, |line| line.totals.unconsented += 1);
    }

    /// Counts an event that is passed by because too much waits.
    pub fn shed(&self, class: Class) {
        self.with_line(class, |line| {
            line.totals.shed += 1;
            line.touch();
        });
    }

    fn with_line(&self, class: Class, change: impl FnOnce(&mut Line)) {
        if let Some(line) = &mut self.lock().lines[class.index()] {
            change(line);
        }
    }

    /// What the worker should do at `now`.
    pub fn step(&self, now: Duration) -> Step {
        let mut inner = self.lock();
        if inner.withdrawn {
            return Step::Wait(None);
        }
        inner.step(&self.current.load(), now)
    }

    /// A batch was answered as it should be.
    pub fn delivered(&self, items: &[&Waiting<Arc<Item>>], (at, now): (Timestamp, Duration)) {
        let promised = self.current.load().sla.0;
        let mut inner = self.lock();
        for waiting in items {
            let item = &waiting.item;
            if let Some(line) = &mut inner.lines[item.class.index()] {
                line.delivered(item.place);
            }
            inner.queue.settle(waiting.subject);
            self.figures.delivered(region(item), item.age(at), (promised, now));
        }
    }

    /// Events that the destination's rules leave out.
    pub fn skipped(&self, items: &[&Waiting<Arc<Item>>]) {
        let mut inner = self.lock();
        for waiting in items {
            if let Some(line) = &mut inner.lines[waiting.item.class.index()] {
                line.skipped(waiting.item.place);
            }
            inner.queue.settle(waiting.subject);
        }
    }

    /// An event is given up.
    pub fn give_up(
        &self,
        waiting: &Waiting<Arc<Item>>,
        why: (DeadReason, u16),
        (at, now): (Timestamp, Duration),
    ) {
        let mut inner = self.lock();
        let item = &waiting.item;
        if let Some(line) = &mut inner.lines[item.class.index()] {
            line.give_up(item.place, why, at);
        }
        inner.queue.settle(waiting.subject);
        self.figures.gave_up(region(item), now);
    }

    /// Puts events back that were not sent.
    pub fn put_back(&self, items: Batch, now: Duration) {
        let mut inner = self.lock();
        for waiting in items {
            inner.queue.retry(now, waiting);
        }
    }

    /// Puts events back to be tried again; those that were tried too often or are too old are given
    /// up with `status`.
    pub fn try_later(
        &self,
        items: Batch,
        (asked, status, chance): (Option<Duration>, u16, u64),
        (at, now): (Timestamp, Duration),
    ) {
        let retry = self.current.load().retry;
        for mut waiting in items {
            let mut inner = self.lock();
            // What fails while the destination is down says nothing about the event.
            let counts = inner.breaker.is_closed() && asked.is_none();
            if let (0, Some(line)) = (waiting.attempts, &mut inner.lines[waiting.class.index()]) {
                line.totals.delayed += 1;
            }
            waiting.attempts = if counts { waiting.attempts + 1 } else { waiting.attempts.max(1) };
            let reason = match () {
                () if waiting.attempts >= retry.attempts => DeadReason::Attempts,
                () if self.is_too_old(&waiting.item, at) => DeadReason::Expired,
                () => {
                    let due = now + retry.wait(waiting.attempts, asked, chance);
                    inner.queue.retry(due, waiting);
                    continue;
                }
            };
            drop(inner);
            self.give_up(&waiting, (reason, status), (at, now));
        }
    }

    /// The destination works: it said yes, or no to these events.
    pub fn works(&self) {
        self.lock().breaker.succeeded();
    }

    /// The destination does not answer as it should. One that says when to come back is left alone
    /// until then, and works.
    pub fn fails(&self, asked: Option<Duration>, (now, chance): (Duration, u64)) {
        let mut inner = self.lock();
        match asked {
            Some(asked) => {
                inner.rate.close(now + asked.min(ASKED_MAX));
                inner.breaker.unused();
            }
            None => inner.breaker.failed(now, chance),
        }
    }

    /// Nothing was sent of a batch after all.
    pub fn unsent(&self) {
        self.lock().breaker.unused();
    }

    /// A request is over.
    pub fn done(&self) {
        self.lock().in_flight -= 1;
        self.wake.notify_one();
    }

    /// What the log is to be told at this time of day.
    pub fn statements(&self, at: Timestamp) -> Vec<Delivery> {
        let mut inner = self.lock();
        let standing = inner.standing;
        let name = &self.name;
        let told = |line: &mut Line| line.statement(name, standing, at);
        inner.lines.iter_mut().flatten().filter_map(told).collect()
    }

    /// Has what was taken up told with the next statements.
    pub fn tell_taken(&self) {
        self.lock().lines.iter_mut().flatten().for_each(Line::tell_taken);
    }

    /// The log took a line's record.
    pub fn told(&self, class: Class, seal: Hash128) {
        self.with_line(class, |line| line.told(seal));
    }

    /// True while a record is on its way to the log.
    pub fn is_telling(&self) -> bool {
        self.lock().lines.iter().flatten().any(Line::is_telling)
    }

    /// The log did not take it.
    pub fn untold(&self, told: Delivery) {
        self.with_line(told.class, |line| line.untold(told));
    }

    /// Sets whether it is sent to; where it was disabled it goes on at `heads`.
    pub fn set(&self, standing: Standing, heads: &LanePositions) {
        let mut inner = self.lock();
        let was = std::mem::replace(&mut inner.standing, standing);
        for line in inner.lines.iter_mut().flatten() {
            if was == Standing::Disabled && standing != Standing::Disabled {
                line.skip_to(heads.clone());
            }
            line.touch();
        }
        drop(inner);
        self.wake.notify_one();
    }

    /// Takes dead letters up again.
    pub fn revive(&self, items: Vec<Item>) {
        for item in items {
            self.with_line(item.class, |line| line.revive(item.place));
            self.take_up(item, Sight::Again);
        }
    }

    /// Begins a replay, unless one is under way. It reads from `from`.
    pub fn replay(&self, range: ReplayRange, from: LanePositions) -> bool {
        let mut inner = self.lock();
        let slot = &mut inner.lines[Class::Replay.index()];
        if slot.as_ref().is_some_and(|line| line.replay.is_some()) {
            return false;
        }
        let mut line = Line::begin(Class::Replay, from);
        if let Some(before) = slot {
            line.after(before);
        }
        line.replay = Some(range);
        *slot = Some(line);
        true
    }

    /// The range that is replayed.
    pub fn replay_range(&self) -> Option<ReplayRange> {
        self.lock().lines[Class::Replay.index()].as_ref().and_then(|line| line.replay.clone())
    }

    /// The replay has read its range.
    pub fn replayed(&self) {
        self.with_line(Class::Replay, |line| {
            line.replay = None;
            line.touch();
        });
    }

    /// Where it stands.
    pub fn standing(&self) -> DeskStanding {
        let inner = self.lock();
        let line = |line: &Line, class| LineStanding {
            class,
            totals: line.totals,
            pending: line.pending(),
            next: line.next().clone(),
            floor: line.floor(),
        };
        DeskStanding {
            standing: inner.standing,
            breaker: inner.breaker.state(),
            opened: inner.breaker.opened(),
            in_flight: inner.in_flight,
            lines: Class::ALL
                .into_iter()
                .zip(&inner.lines)
                .filter_map(|(class, one)| one.as_ref().map(|one| line(one, class)))
                .collect(),
            oldest: inner.queue.iter().map(|waiting| waiting.item.event.received).min(),
        }
    }
}

/// The country of the visitor.
pub(super) fn region(item: &Item) -> &str {
    item.event.country.as_deref().unwrap_or("unknown")
}
