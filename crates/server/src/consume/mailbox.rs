//! What waits before one owner: records, bounded, and news of its items, which are as many as the
//! owner itself sent.

use super::outbox::Delivery;
use millstream_event::Record;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The owner's mailbox.
pub(super) struct Mailbox {
    bound: usize,
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    freed: Condvar,
}

#[derive(Default)]
struct Waiting {
    records: VecDeque<Record>,
    deliveries: Vec<Delivery>,
    closed: bool,
}

/// What an owner does next.
#[derive(Default)]
pub(super) struct Work {
    pub(super) records: Vec<Record>,
    pub(super) deliveries: Vec<Delivery>,
}

impl Mailbox {
    pub(super) fn new(bound: usize) -> Self {
        Self { bound, waiting: Mutex::default(), arrived: Condvar::new(), freed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over records, waiting while the mailbox is full; false once it is closed.
    pub(super) fn offer(&self, records: Vec<Record>) -> bool {
        let mut waiting = self.lock();
        for record in records {
            while waiting.records.len() >= self.bound && !waiting.closed {
                self.arrived.notify_one();
                waiting = self.freed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            if waiting.closed {
                return false;
            }
            waiting.records.push_back(record);
        }
        drop(waiting);
        self.arrived.notify_one();
        true
    }

    /// Tells what became of items. Never waits: the log's own thread calls it.
    pub(super) fn deliver(&self, delivery: Delivery) {
        self.lock().deliveries.push(delivery);
        self.arrived.notify_one();
    }

    /// Waits for work: up to `max` records and every delivery; `None` once closed.
    pub(super) fn take(&self, max: usize) -> Option<Work> {
        let mut waiting = self.lock();
        while waiting.records.is_empty() && waiting.deliveries.is_empty() && !waiting.closed {
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if waiting.closed {
            return None;
        }
        let count = waiting.records.len().min(max);
        let records = waiting.records.drain(..count).collect();
        let deliveries = std::mem::take(&mut waiting.deliveries);
        drop(waiting);
        self.freed.notify_one();
        Some(Work { records, deliveries })
    }

    /// Ends it: nobody waits any more, what is left is not folded.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
        self.freed.notify_all();
    }
}
