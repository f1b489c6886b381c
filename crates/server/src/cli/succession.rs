//! Succession: the log is folded anew beside the generation in force, by other rules or by the same,
//! and what comes of it takes its place while everything goes on.

use super::active::{Active, Workshop};
use super::rules::FoldRules;
use crate::consume::{ConsumeError, Consumer, Parameters};
use crate::instance::{InForce, InstanceError};
use crate::priority::NICENESS_MAX;
use crate::report::difference::{Difference, differences};
use crate::report::{DeliveryCounts, ReportError, Spans, StateFigures};
use arc_swap::ArcSwap;
use millstream_event::Timestamp;
use millstream_pipeline::sums::Scan;
use millstream_store::Reading;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Records behind the log's end at which the next generation is as good as there.
const NEAR_RECORDS: u64 = 10_000;
/// How long the last records are waited for; under load new ones never end.
const NEAR_PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long readers of the earlier state are waited for before its folder is left to the next start.
const READERS_PATIENCE: Duration = Duration::from_secs(60);

/// Why the log is folded anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A rule that acts across events was changed.
    Rules,
    /// To restore exact equality with the log.
    Backfill,
    /// To see what a backfill would change; nothing takes effect.
    DryRun,
}

/// Why it cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum SuccessionError {
    /// One at a time.
    #[error("the log is being folded anew, or somebody erased; wait until that is done")]
    Busy,
    /// The state.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// The fold.
    #[error(transparent)]
    Consume(#[from] ConsumeError),
    /// No thread.
    #[error("no thread can be started for it: {0}; raise the limit on processes")]
    Thread(#[from] std::io::Error),
    /// A report that takes long.
    #[error("a report still reads the earlier state, which names them; once it has ended")]
    StillRead,
    /// It began and failed.
    #[error("folding the log anew failed: {0}; the earlier generation stays in force")]
    Failed(String),
}

/// How far a succession is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refold {
    /// The generation being folded.
    pub generation: u16,
    /// Why.
    pub purpose: Purpose,
    /// Records folded.
    pub folded: u64,
    /// Records in the log.
    pub logged: u64,
}

/// What became of the last one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refolded {
    /// The generation that was folded.
    pub generation: u16,
    /// Why.
    pub purpose: Purpose,
    /// Figures that differ from those before; empty when nothing does.
    pub differences: Vec<Difference>,
    /// Why it failed, where it did.
    pub failed: Option<String>,
    /// When it ended.
    #[serde(serialize_with = "rfc3339")]
    pub ended: Timestamp,
}

fn rfc3339<S: serde::Serializer>(stamp: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&stamp.to_rfc3339())
}

#[derive(Default)]
pub(super) struct Stage {
    pub(super) folding: Option<(Purpose, u16, Arc<Consumer>)>,
    /// Somebody is being erased.
    pub(super) renewing: bool,
    last: Option<Refolded>,
    closing: bool,
}

/// Called once another generation is in force.
pub type OnSuccession = Box<dyn Fn(&Active) + Send + Sync>;

/// The successions of one directory, one at a time.
pub struct Succession {
    pub(super) workshop: Workshop,
    active: Arc<ArcSwap<Active>>,
    on_succession: OnSuccession,
    stage: Mutex<Stage>,
    changed: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The generation being folded.
struct Next {
    purpose: Purpose,
    state: InForce,
    parameters: Parameters,
    consumer: Arc<Consumer>,
}

impl Succession {
    /// None yet.
    pub fn new(
        workshop: Workshop,
        active: Arc<ArcSwap<Active>>,
        on_succession: OnSuccession,
    ) -> Arc<Self> {
        let (stage, changed, thread) = (Mutex::default(), Condvar::new(), Mutex::default());
        Arc::new(Self { workshop, active, on_succession, stage, changed, thread })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to fold by these rules, or goes on where an earlier process was.
    ///
    /// # Errors
    /// See [`SuccessionError`].
    pub fn begin(
        self: &Arc<Self>,
        rules: &FoldRules,
        purpose: Purpose,
    ) -> Result<(), SuccessionError> {
        let mut stage = self.lock();
        if stage.folding.is_some() || stage.renewing {
            return Err(SuccessionError::Busy);
        }
        let outcome = self.start(&mut stage, rules, purpose);
        if let Err(error) = &outcome {
            let generation = self.workshop.instance.in_force().generation;
            stage.folding = None;
            stage.last = Some(self.ended((purpose, generation), Err(error.to_string())));
        }
        outcome
    }

    fn start(
        self: &Arc<Self>,
        stage: &mut Stage,
        rules: &FoldRules,
        purpose: Purpose,
    ) -> Result<(), SuccessionError> {
        let instance = &self.workshop.instance;
        let next = instance.generations.begin(rules.record())?;
        let generation = next.number;
        let state = InForce { generation, era: 0, store: instance.open_next(&next)? };
        let parameters = rules.of(generation);
        let consumer = self.workshop.fold(&state, &parameters, NICENESS_MAX)?;
        stage.folding = Some((purpose, generation, Arc::clone(&consumer)));
        let (own, next) = (Arc::clone(self), Next { purpose, state, parameters, consumer });
        let thread =
            std::thread::Builder::new().name("succession".into()).spawn(move || own.run(next))?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// How far it is; none while nothing is folded anew.
    pub fn progress(&self) -> Option<Refold> {
        let (purpose, generation, consumer) = self.lock().folding.clone()?;
        let logged = self.workshop.instance.log.heads().iter().map(|(_, next)| next.0).sum();
        let folded = u64::saturating_sub(logged, consumer.progress().lag_records);
        Some(Refold { generation, purpose, folded, logged })
    }

    /// True while the rules in force are not those that are wanted: the log is being folded by
    /// those, or that failed.
    pub fn changes_rules(&self) -> bool {
        let stage = self.lock();
        let under_way = stage.folding.as_ref().map(|(purpose, ..)| *purpose);
        let failed = stage.last.as_ref().filter(|last| last.failed.is_some());
        under_way.or(failed.map(|last| last.purpose)) == Some(Purpose::Rules)
    }

    /// What became of the last one of this process.
    pub fn last(&self) -> Option<Refolded> {
        self.lock().last.clone()
    }

    /// Waits for the end of the one that is under way, if any; `look` is told how far it is.
    ///
    /// # Errors
    /// [`SuccessionError::Failed`].
    pub fn wait(&self, look: &mut dyn FnMut(Refold)) -> Result<(), SuccessionError> {
        if self.lock().folding.is_none() {
            return Ok(());
        }
        while let Some(progress) = self.progress() {
            look(progress);
            let stage = self.lock();
            if stage.closing {
                return Ok(());
            }
            if stage.folding.is_some() {
                drop(self.changed.wait_timeout(stage, LOOK_EVERY));
            }
        }
        match self.last().and_then(|last| last.failed) {
            Some(failed) => Err(SuccessionError::Failed(failed)),
            None => Ok(()),
        }
    }

    /// Ends what is under way; the next start goes on with it.
    pub fn close(&self) {
        let mut stage = self.lock();
        stage.closing = true;
        if let Some((.., consumer)) = &stage.folding {
            // Whoever waits for it to catch up waits no longer.
            consumer.interrupt();
        }
        drop(stage);
        self.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that folds anew ended with a panic");
        }
    }

    fn run(&self, next: Next) {
        let (purpose, generation) = (next.purpose, next.state.generation);
        let outcome = match self.catch_up(&next.consumer) {
            Ok(true) => self.conclude(next),
            Ok(false) => return,
            Err(reason) => Err(reason),
        };
        let ended = self.ended((purpose, generation), outcome);
        let mut stage = self.lock();
        stage.folding = None;
        stage.last = Some(ended);
        drop(stage);
        self.changed.notify_all();
    }

    fn ended(
        &self,
        (purpose, generation): (Purpose, u16),
        outcome: Result<Vec<Difference>, String>,
    ) -> Refolded {
        let ended = (self.workshop.clock)();
        let (differences, failed) = match outcome {
            Ok(differences) => (differences, None),
            Err(reason) => {
                tracing::error!(generation, reason, "the log could not be folded anew");
                (Vec::new(), Some(reason))
            }
        };
        Refolded { generation, purpose, differences, failed, ended }
    }

    /// Waits until the next generation is near the log's end; false when the process is closing.
    fn catch_up(&self, consumer: &Consumer) -> Result<bool, String> {
        loop {
            let progress = consumer.progress();
            if let Some(stopped) = progress.stopped.first() {
                return Err(stopped.reason.clone());
            }
            if progress.drained || progress.lag_records <= NEAR_RECORDS {
                break;
            }
            let stage = self.lock();
            if stage.closing {
                return Ok(false);
            }
            drop(self.changed.wait_timeout(stage, LOOK_EVERY));
        }
        // Under load both are a moment behind; what differs then is what is on its way.
        let near = |consumer: &Consumer| consumer.drain(NEAR_PATIENCE).map(drop);
        for outcome in [near(consumer), near(&self.active.load().consumer)] {
            if let Err(error @ crate::consume::DrainError::Stopped(_)) = outcome {
                return Err(error.to_string());
            }
        }
        Ok(!self.lock().closing)
    }

    /// Compares the two generations and puts the new one in force, unless it was only to be seen.
    fn conclude(&self, next: Next) -> Result<Vec<Difference>, String> {
        let found = self.compare(&next).map_err(|error| error.to_string())?;
        let instance = &self.workshop.instance;
        if next.purpose == Purpose::DryRun {
            next.consumer.shutdown();
            drop(next);
            instance.generations.abandon().map_err(|error| error.to_string())?;
            return Ok(found);
        }
        instance.succeed(next.state).map_err(|error| error.to_string())?;
        self.replace(next.consumer, next.parameters).map_err(|error| error.to_string())?;
        Ok(found)
    }

    /// Puts the state that the instance has in force, folded by `consumer`, in the place of the one that
    /// answers are read from, and removes that one; false when somebody still reads it.
    pub(super) fn replace(
        &self,
        consumer: Arc<Consumer>,
        parameters: Parameters,
    ) -> Result<bool, SuccessionError> {
        let instance = &self.workshop.instance;
        let active = Active::of(instance, (consumer, parameters), &self.workshop.keeping)?;
        let active = Arc::new(active);
        let before = self.active.swap(Arc::clone(&active));
        (self.on_succession)(&active);
        before.consumer.shutdown();
        let retired = retire(before);
        match retired {
            true => instance.generations.remove_others()?,
            false => tracing::warn!("the earlier state is still read; the next start removes it"),
        }
        Ok(retired)
    }

    /// The generation in force.
    pub(super) fn active(&self) -> Arc<Active> {
        self.active.load_full()
    }

    fn compare(&self, next: &Next) -> Result<Vec<Difference>, ReportError> {
        let before = self.active.load();
        let states = [&before.state, &next.state];
        let [old, new] = states.map(|state| state.store.snapshot().map_err(ReportError::read));
        let (old, new) = (old?, new?);
        let (of_old, of_new) = (Reading(&*old), Reading(&*new));
        let of_old = Scan { state: &of_old, generation: before.state.generation };
        let of_new = Scan { state: &of_new, generation: next.state.generation };
        differences(
            &figures(&of_old, before.spans()),
            &figures(&of_new, Spans::of(&next.parameters)),
        )
    }
}

/// Figures of a state that nothing else is known of.
pub(super) fn figures<'a>(sums: &'a Scan<'a>, spans: Spans) -> StateFigures<'a> {
    StateFigures {
        state: sums.state,
        sums,
        generation: sums.generation,
        spans,
        delivery: DeliveryCounts::default(),
        probable: None,
        plans: &[],
        unlogged: Vec::new(),
    }
}

/// Lets the earlier generation go once nobody reads it any more; false when somebody still does.
fn retire(before: Arc<Active>) -> bool {
    let deadline = Instant::now() + READERS_PATIENCE;
    while Arc::strong_count(&before) > 1 && Instant::now() < deadline {
        std::thread::sleep(LOOK_EVERY);
    }
    Arc::into_inner(before).is_some()
}
