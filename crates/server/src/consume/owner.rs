//! An owner: the one thread that folds and commits its lanes.

use super::batch::{self, BatchError, Folded};
use super::crash::{Crash, CrashPoint};
use super::mailbox::{Mailbox, Work};
use super::merged::Merged;
use super::options::{ConsumeParts, OnChange, OnControl};
use super::outbox::{Delivery, Outbox};
use super::progress::{Committed, Shared, Stopped};
use millstream_event::control::Control;
use millstream_event::{Kind, Lane, Position, Record, Timestamp};
use millstream_pipeline::rollup::Cell;
use millstream_pipeline::{ApplyError, Changes, Key, Outgoing, Rules, View};
use millstream_store::{LaneCommit, LaneHead, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks whether a full disk has room again.
const ROOM_PAUSE: Duration = Duration::from_millis(200);

/// Why an owner stops as a whole.
enum Halt {
    /// A test struck, or the process is closing.
    Crash,
    /// Reported to whoever asks.
    Reason(String),
}

impl From<BatchError> for Halt {
    fn from(error: BatchError) -> Self {
        Self::Reason(error.to_string())
    }
}

/// One owner's thread.
pub(super) struct Owner {
    pub(super) parts: ConsumeParts,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) shared: Arc<Shared>,
    pub(super) merged: Arc<Merged>,
    pub(super) outbox: Outbox,
    pub(super) batch_records: usize,
    pub(super) values_max: usize,
    pub(super) crash: Option<Arc<dyn Crash>>,
    /// Items that a crash left behind.
    pub(super) left_over: Vec<Outgoing>,
}

impl Owner {
    /// Folds until closing.
    pub(super) fn run(mut self) {
        let agents = Arc::clone(&self.parts.agents);
        let parameters = self.parts.parameters.clone();
        let rules = parameters.rules(&*agents);
        let mut fold = Fold { view: View::default(), stopped: BTreeSet::new() };
        let left_over = take(&mut self.left_over);
        let mut outcome = self.outbox.send(left_over).map_err(|e| Halt::Reason(e.to_string()));
        while outcome.is_ok() {
            let Some(work) = self.mailbox.take(self.batch_records) else { return };
            outcome = self.step(&mut fold, &rules, work);
        }
        self.mailbox.close();
        match outcome {
            Err(Halt::Reason(reason)) => {
                self.shared.stop(Stopped { lane: None, position: Position(0), reason });
            }
            Err(Halt::Crash) => self.shared.close(),
            Ok(()) => {}
        }
    }

    fn passes(&self, point: CrashPoint) -> Result<(), Halt> {
        let strikes = self.crash.as_ref().is_some_and(|crash| crash.strikes(point));
        if strikes || (self.crash.is_some() && self.shared.closing()) {
            return Err(Halt::Crash);
        }
        Ok(())
    }

    fn step(&self, fold: &mut Fold, rules: &Rules<'_>, work: Work) -> Result<(), Halt> {
        let Work { mut records, deliveries } = work;
        records.retain(|record| !fold.stopped.contains(&record.header.lane));
        let delivered = self.settle(deliveries)?;
        let store = &*self.parts.store;
        let heads = |lane| self.shared.head(lane);
        let folded = batch::fold(&mut fold.view, store, rules, heads, &records)?;
        let folded_at = (self.parts.clock)();
        self.report(fold, &folded);
        let mut changes = self.take_changes(&mut fold.view, rules.generation)?;
        changes.retain(|lane, _| folded.steps.contains_key(lane));
        let cells: Vec<_> = changes.values_mut().flat_map(|lane| take(&mut lane.cells)).collect();
        let (commits, items) = prepare(&folded, changes, &delivered, heads);
        if commits.is_empty() {
            return Ok(());
        }
        self.passes(CrashPoint::BeforeCommit)?;
        if !delivered.is_empty() {
            self.passes(CrashPoint::BeforeOutboxDelete)?;
        }
        self.commit(rules.generation, &commits, &cells)?;
        tell_changes(&self.parts.on_change, &commits);
        if !delivered.is_empty() {
            self.passes(CrashPoint::AfterOutboxDelete)?;
        }
        self.passes(CrashPoint::AfterCommit)?;
        self.publish((&folded, folded_at), &records, items.len(), delivered.len());
        tell_controls(&self.parts.on_control, &folded, &records);
        if !items.is_empty() {
            self.outbox.send(items).map_err(|error| Halt::Reason(error.to_string()))?;
            self.passes(CrashPoint::AfterAppend)?;
        }
        fold.view.trim(self.values_max);
        Ok(())
    }

    /// Commits, waiting for room where the disk has none: the log keeps what is not folded.
    fn commit(
        &self,
        generation: u16,
        commits: &[(Lane, LaneCommit)],
        cells: &[(Key, Box<Cell>)],
    ) -> Result<(), Halt> {
        let mut told = false;
        loop {
            match self.merged.commit(cells, || self.parts.store.commit(generation, commits)) {
                // What is not committed is folded again after the next start.
                Err(StoreError::Full { .. }) if self.shared.closing() => return Err(Halt::Crash),
                Err(StoreError::Full { free, wanted }) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(free, wanted, "folding waits until the disk has room");
                    }
                    std::thread::sleep(ROOM_PAUSE);
                }
                outcome => return outcome.map_err(|error| Halt::Reason(error.to_string())),
            }
        }
    }

    /// The outbox rows that may go; items that were refused are sent again.
    fn settle(&self, deliveries: Vec<Delivery>) -> Result<Vec<Key>, Halt> {
        let mut delivered = Vec::new();
        for delivery in deliveries {
            match delivery.refused {
                None => delivered.extend(delivery.keys),
                Some(_) => self.outbox.send_again(delivery).map_err(Halt::Reason)?,
            }
        }
        Ok(delivered)
    }

    fn report(&self, fold: &mut Fold, folded: &Folded) {
        for (lane, reason) in &folded.broken {
            let position = self.shared.head(*lane).next;
            fold.stopped.insert(*lane);
            self.shared.stop(Stopped { lane: Some(*lane), position, reason: reason.clone() });
        }
    }

    fn take_changes(
        &self,
        view: &mut View,
        generation: u16,
    ) -> Result<BTreeMap<Lane, Changes>, Halt> {
        loop {
            match view.take_changes(generation) {
                Err(ApplyError::Miss(miss)) => batch::fetch(view, &*self.parts.store, miss)?,
                other => return other.map_err(|error| Halt::Reason(error.to_string())),
            }
        }
    }

    fn publish(
        &self,
        (folded, folded_at): (&Folded, Timestamp),
        records: &[Record],
        sent: usize,
        delivered: usize,
    ) {
        let moved = |record: &&Record| folded.steps.contains_key(&record.header.lane);
        let of_kind =
            |ticks: bool| move |record: &&Record| (record.header.kind == Kind::Tick) == ticks;
        let busy: BTreeSet<Lane> = records
            .iter()
            .filter(moved)
            .filter(of_kind(false))
            .map(|record| record.header.lane)
            .collect();
        let events = records.iter().filter(moved).filter(|r| r.header.kind == Kind::Event);
        let done = Committed {
            heads: folded.steps.iter().map(|(lane, step)| (*lane, step.to)).collect(),
            busy: busy.into_iter().collect(),
            records: folded.steps.values().map(|step| step.to.next.0 - step.from.next.0).sum(),
            sent: sent as u64,
            delivered: delivered as u64,
            received: events.map(|record| record.header.received).collect(),
            folded: folded_at,
        };
        self.shared.committed(&done, (self.parts.clock)());
    }
}

/// What an owner keeps between batches.
struct Fold {
    view: View,
    stopped: BTreeSet<Lane>,
}

/// One commit per lane that moved or lost outbox rows, and the items to send after it.
fn prepare(
    folded: &Folded,
    mut changes: BTreeMap<Lane, Changes>,
    delivered: &[Key],
    heads: impl Fn(Lane) -> LaneHead,
) -> (Vec<(Lane, LaneCommit)>, Vec<Outgoing>) {
    let mut commits: BTreeMap<Lane, LaneCommit> = BTreeMap::new();
    let mut items = Vec::new();
    for (lane, step) in &folded.steps {
        let Changes { puts, deletes, items: sent, .. } = changes.remove(lane).unwrap_or_default();
        let commit = LaneCommit {
            expected: step.from,
            head: step.to,
            puts: puts.into_iter().map(|(key, value)| (key.as_bytes().into(), value)).collect(),
            deletes: deletes.iter().map(|key| key.as_bytes().into()).collect(),
        };
        commits.insert(*lane, commit);
        items.extend(sent);
    }
    for key in delivered {
        let Some(lane) = key.lane() else { continue };
        let commit = commits.entry(lane).or_insert_with(|| LaneCommit {
            expected: heads(lane),
            head: heads(lane),
            ..LaneCommit::default()
        });
        commit.deletes.push(key.as_bytes().into());
    }
    (commits.into_iter().collect(), items)
}

/// Tells of the keys just committed.
fn tell_changes(on_change: &OnChange, commits: &[(Lane, LaneCommit)]) {
    let keys = commits.iter().flat_map(|(_, commit)| {
        let put = commit.puts.iter().map(|(key, _)| key);
        put.chain(&commit.deletes).map(AsRef::as_ref)
    });
    on_change(&mut { keys });
}

/// Tells of the controls just committed. One that this version cannot read was written by a newer
/// one; the fold keeps it.
fn tell_controls(on_control: &OnControl, folded: &Folded, records: &[Record]) {
    if !folded.steps.contains_key(&Lane::CONTROL) {
        return;
    }
    for record in records.iter().filter(|record| record.header.kind == Kind::Control) {
        match serde_json::from_slice::<Control>(&record.payload) {
            Ok(control) => on_control(version(record.position), &control),
            Err(error) => tracing::error!(position = record.position.0, %error, "unknown control"),
        }
    }
}

/// The control version that the control record at `position` makes.
pub(super) fn version(position: Position) -> u32 {
    u32::try_from(position.0 + 1).unwrap_or(u32::MAX)
}
