//! Putting reader, owners and ticker together, and the handle that holds them.

use super::error::{ConsumeError, DrainError};
use super::mailbox::Mailbox;
use super::merged::{CELLS_MAX, Merged};
use super::options::{ConsumeOptions, ConsumeParts};
use super::outbox::{self, Outbox};
use super::owner::{Owner, version};
use super::progress::{Progress, Shared, Stopped};
use super::{reader, ticker};
use crate::instance::check_timeline;
use crate::priority::step_back;
use millstream_event::{Lane, Position, Timestamp};
use millstream_log::{EventLog, LanePositions};
use millstream_pipeline::query;
use millstream_store::{LaneHead, Reading};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A running consumer. Dropping it ends it; what is not folded then is folded after the next start.
pub struct Consumer {
    shared: Arc<Shared>,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    mailboxes: Vec<Arc<Mailbox>>,
    niceness: u8,
    /// Sums of all lanes together.
    pub merged: Arc<Merged>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Starts folding where the store's heads stand. Stored controls are told before it returns.
///
/// # Errors
/// See [`ConsumeError`].
pub fn start(options: &ConsumeOptions, parts: ConsumeParts) -> Result<Consumer, ConsumeError> {
    check_options(options)?;
    let generation = parts.parameters.generation;
    check_timeline(&*parts.log, &*parts.store, generation)?;
    tell_stored_controls(&parts)?;
    let mut heads = [LaneHead::default(); Lane::COUNT];
    let mut from = LanePositions::default();
    for lane in Lane::all() {
        heads[lane.index()] = parts.store.head(generation, lane)?;
        from.set(lane, heads[lane.index()].next);
    }
    let log_reader = parts.log.reader(&from)?;
    let shared = Arc::new(Shared::new(heads));
    let mailbox = || Arc::new(Mailbox::new(options.queue_records));
    let mailboxes: Vec<_> = (0..options.owners).map(|_| mailbox()).collect();
    let consumer = Consumer {
        shared: Arc::clone(&shared),
        log: Arc::clone(&parts.log),
        clock: Arc::clone(&parts.clock),
        mailboxes: mailboxes.clone(),
        niceness: options.niceness,
        merged: Arc::new(Merged::new(generation, CELLS_MAX)),
        threads: Mutex::default(),
    };
    for (number, mailbox) in mailboxes.iter().enumerate() {
        let owner = owner(options, &parts, (number, mailbox), (&shared, &consumer.merged))?;
        consumer.spawn(format!("owner-{number}"), move || owner.run())?;
    }
    let (batch, reading) = (options.batch_records, Arc::clone(&shared));
    consumer.spawn("log-reader".into(), move || {
        reader::run(log_reader, batch, &mailboxes, &reading);
    })?;
    if let Some(interval) = options.tick_every {
        let (log, clock) = (parts.log, parts.clock);
        consumer.spawn("ticker".into(), move || ticker::run(&*log, &shared, &*clock, interval))?;
    }
    Ok(consumer)
}

fn check_options(options: &ConsumeOptions) -> Result<(), ConsumeError> {
    let bounds = [
        ("consume.owners", options.owners),
        ("consume.batch_records", options.batch_records),
        ("consume.queue_records", options.queue_records),
    ];
    match bounds.iter().find(|(_, value)| *value == 0) {
        Some((option, _)) => Err(ConsumeError::Option { option }),
        None => Ok(()),
    }
}

fn tell_stored_controls(parts: &ConsumeParts) -> Result<(), ConsumeError> {
    let state = Reading(&*parts.store);
    query::controls(&state, parts.parameters.generation, &mut |(position, control)| {
        (parts.on_control)(version(position), &control);
        Ok(true)
    })?;
    Ok(())
}

fn owner(
    options: &ConsumeOptions,
    parts: &ConsumeParts,
    (number, mailbox): (usize, &Arc<Mailbox>),
    (shared, merged): (&Arc<Shared>, &Arc<Merged>),
) -> Result<Owner, ConsumeError> {
    let lanes = Lane::all().filter(|lane| lane.index() % options.owners == number);
    let left_over = outbox::left_over(&*parts.store, parts.parameters.generation, lanes)?;
    shared.left_over(left_over.len() as u64);
    let outbox = Outbox {
        log: Arc::clone(&parts.log),
        store: Arc::clone(&parts.store),
        mailbox: Arc::clone(mailbox),
        shared: Arc::clone(shared),
        subject_key: parts.subject_key,
    };
    Ok(Owner {
        parts: parts.clone(),
        mailbox: Arc::clone(mailbox),
        shared: Arc::clone(shared),
        merged: Arc::clone(merged),
        outbox,
        batch_records: options.batch_records,
        values_max: options.values_max.div_ceil(options.owners.max(1)),
        crash: options.crash.clone(),
        left_over,
    })
}

impl Consumer {
    fn spawn(
        &self,
        name: String,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<(), ConsumeError> {
        let niceness = self.niceness;
        let thread = std::thread::Builder::new()
            .name(name.clone())
            .spawn(move || {
                step_back(niceness);
                body();
            })
            .map_err(|source| ConsumeError::Thread { name, source })?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// How far folding is.
    pub fn progress(&self) -> Progress {
        self.shared.progress(&*self.log, (self.clock)())
    }

    /// Waits until every lane is folded to the log's end and no item is on its way.
    ///
    /// # Errors
    /// When that is not so within `patience`, or cannot come about.
    pub fn drain(&self, patience: Duration) -> Result<Progress, DrainError> {
        self.shared.drain(&*self.log, patience)?;
        Ok(self.progress())
    }

    /// Has the threads end after the batch they are at, without waiting for that.
    pub fn interrupt(&self) {
        self.shared.close();
        for mailbox in &self.mailboxes {
            mailbox.close();
        }
    }

    /// Ends the threads after the batch they are at. Called again, or by drop, it does nothing.
    pub fn shutdown(&self) {
        self.interrupt();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the consumer ended with a panic");
            }
        }
    }
}

impl Consumer {
    /// Says why folding does not go on, where it was ended and should go on elsewhere.
    pub fn gave_up(&self, reason: String) {
        if self.shared.closing() {
            self.shared.stop(Stopped { lane: None, position: Position(0), reason });
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.shutdown();
    }
}
