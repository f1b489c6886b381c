//! The service: use cases, threads, and what they count.

use super::job::{Board, Job, Question};
use super::kept::{Generation, KeptAnswers};
use super::late::{Better, Late};
use super::models::{Loaded, WasmModule};
use super::options::{Configured, DecideOptions};
use super::queue::Queue;
use super::rehearsal::{Rehearsal, StallingProfiles, StallingRanker};
use super::rules::{CelRules, RuleError};
use super::ticket::{Decided, Ticket};
use super::trial::{Assignment, Trial, Trials};
use arc_swap::{ArcSwap, ArcSwapOption};
use millstream_decide::{
    Artefacts, Context, Governor, Limits, Micros, Profiles, Reason, Rung, Stage, Visitor,
};
use millstream_event::EntityId;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{oneshot, watch};

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A rule.
    #[error("use case `{use_case}`: {source}")]
    Rule {
        /// The use case.
        use_case: Box<str>,
        /// The rule.
        source: RuleError,
    },
    /// A thread.
    #[error("cannot start a thread for decisions: {0}; raise the limit on processes")]
    Thread(std::io::Error),
}

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Counts {
    rungs: [AtomicU64; Rung::ALL.len()],
    reasons: Mutex<BTreeMap<Reason, u64>>,
    /// Answers whose course was not over in time.
    pub timed_out: AtomicU64,
    /// Answers that passed their budget.
    pub overrun: AtomicU64,
}

impl Counts {
    /// Counts an answer.
    pub fn count(&self, decided: &Decided, overrun: bool) {
        let add = |counter: &AtomicU64, by: bool| {
            counter.fetch_add(u64::from(by), Ordering::Relaxed);
        };
        add(&self.rungs[decided.answer.rung as usize], true);
        add(&self.timed_out, decided.timed_out);
        add(&self.overrun, overrun);
        if let Some(cause) = decided.answer.reasons.cause() {
            let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
            *reasons.entry(cause).or_default() += 1;
        }
    }

    /// Answers from a rung.
    pub fn rung(&self, rung: Rung) -> u64 {
        self.rungs[rung as usize].load(Ordering::Relaxed)
    }

    /// Answers by rung.
    pub fn rungs(&self) -> BTreeMap<&'static str, u64> {
        Rung::ALL.into_iter().map(|rung| (rung.as_str(), self.rung(rung))).collect()
    }

    /// Answers by the name of their cause.
    pub fn causes(&self) -> BTreeMap<&'static str, u64> {
        let reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.iter().map(|(reason, count)| (reason.as_str(), *count)).collect()
    }
}

/// A use case at work.
pub struct Served {
    /// As configured.
    pub configured: Configured,
    pub(super) rules: CelRules,
    /// What was trained for it.
    pub(super) artefacts: ArcSwap<Artefacts>,
    module: ArcSwapOption<WasmModule>,
    trials: Trials,
    rehearsal: Rehearsal,
    governor: Mutex<Governor>,
    protect: AtomicBool,
    /// Told when another model comes into force.
    changes: Arc<watch::Sender<u64>>,
    /// What it counts.
    pub counts: Counts,
}

/// What the governor of a use case does.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    /// The room kept free.
    pub margin: Micros,
    /// Heavy stages given up.
    pub given_up: usize,
    /// What each stage is expected to take.
    pub estimates: Vec<(Stage, Micros)>,
    /// The p95 of whole answers lately.
    pub recent: Option<Micros>,
}

impl Served {
    fn new(
        configured: Configured,
        (trials, rehearsal): (&[Trial], Rehearsal),
        changes: Arc<watch::Sender<u64>>,
    ) -> Result<Self, ServiceError> {
        let rules = CelRules::new(&configured).map_err(|source| ServiceError::Rule {
            use_case: configured.use_case.name.clone(),
            source,
        })?;
        Ok(Self {
            rules,
            artefacts: ArcSwap::from_pointee(Artefacts::default()),
            module: ArcSwapOption::empty(),
            governor: Mutex::new(Governor::new(&configured.use_case)),
            protect: AtomicBool::new(false),
            changes,
            counts: Counts::default(),
            trials: Trials::of(&configured, trials),
            rehearsal,
            configured,
        })
    }

    /// Puts what was trained in force.
    pub fn install(&self, loaded: Loaded) {
        let Loaded { mut artefacts, module } = loaded;
        if self.rehearsal.is_on() {
            for ranker in [&mut artefacts.neighbours, &mut artefacts.rerank] {
                *ranker = ranker.take().map(|inner| StallingRanker::wrap(inner, &self.rehearsal));
            }
        }
        self.artefacts.store(Arc::new(artefacts));
        self.module.store(module.map(Arc::new));
        self.changes.send_modify(|version| *version += 1);
    }

    /// What was trained, as WebAssembly.
    pub fn module(&self) -> Option<Arc<WasmModule>> {
        self.module.load_full()
    }

    /// What experiments make of a visitor.
    pub fn assign(
        &self,
        visitor: Visitor,
        unit: Option<EntityId>,
        context: &Context,
    ) -> Assignment {
        let mut assigned = self.trials.assign(visitor, unit);
        if !assigned.arms.is_empty() {
            assigned.segment = context.segment(&self.configured.use_case.segment_by);
        }
        assigned
    }

    fn governor(&self) -> std::sync::MutexGuard<'_, Governor> {
        self.governor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn limits(&self) -> Limits {
        self.governor().limits(self.protect.load(Ordering::Relaxed))
    }

    /// The room that its governor keeps.
    pub fn margin(&self) -> Micros {
        self.governor().margin()
    }

    pub(super) fn learn_stages(&self, stages: &[(Stage, Micros)], left_out: &[Stage]) {
        self.governor().learn_stages(stages, left_out);
    }

    pub(super) fn learn_answer(&self, total: Micros, after: Micros) {
        self.governor().learn_answer(total, after);
    }

    /// What its governor does.
    pub fn gauge(&self) -> Gauge {
        let governor = self.governor();
        Gauge {
            margin: governor.margin(),
            given_up: governor.given_up(),
            estimates: Stage::ALL.map(|stage| (stage, governor.estimate(stage))).to_vec(),
            recent: governor.recent_total(),
        }
    }
}

/// See the module.
pub struct Service {
    uses: BTreeMap<Box<str>, Arc<Served>>,
    shared: Arc<Shared>,
    changes: Arc<watch::Sender<u64>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    queue: Queue<Job>,
    kept: KeptAnswers,
    late: Arc<Late>,
    profiles: Arc<dyn Profiles + Send + Sync>,
}

impl Service {
    /// Starts the threads.
    ///
    /// # Errors
    /// When a rule cannot be compiled, or no thread be started.
    pub fn start(
        options: DecideOptions,
        profiles: Arc<dyn Profiles + Send + Sync>,
        generation: Arc<Generation>,
    ) -> Result<Self, ServiceError> {
        let mut uses = BTreeMap::new();
        let changes = Arc::new(watch::Sender::new(first_version()));
        for configured in options.use_cases {
            let name = configured.use_case.name.clone();
            let faults = (&*options.trials, options.rehearsal);
            uses.insert(name, Arc::new(Served::new(configured, faults, Arc::clone(&changes))?));
        }
        let profiles: Arc<dyn Profiles + Send + Sync> = match options.rehearsal.is_on() {
            true => Arc::new(StallingProfiles::new(profiles, &options.rehearsal)),
            false => profiles,
        };
        let kept = KeptAnswers::new(options.answers_cached, options.answers_for, generation);
        let late = Arc::new(Late::new(options.late_kept, options.late_for));
        let shared = Arc::new(Shared { queue: Queue::new(options.queue), kept, late, profiles });
        let service = Self { uses, shared, changes, threads: Mutex::new(Vec::new()) };
        if !service.uses.is_empty() {
            for _ in 0..options.workers.max(1) {
                let shared = Arc::clone(&service.shared);
                let thread = std::thread::Builder::new()
                    .name("decide".into())
                    .spawn(move || shared.work())
                    .map_err(ServiceError::Thread)?;
                service.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
            }
        }
        Ok(service)
    }

    /// The use case with this name.
    pub fn find(&self, use_case: &str) -> Option<&Arc<Served>> {
        self.uses.get(use_case)
    }

    /// Every use case, by name.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.uses.values()
    }

    /// Decisions that wait for a thread.
    pub fn waiting(&self) -> usize {
        self.shared.queue.len()
    }

    /// Puts a question. The ticket answers in time, whatever becomes of the course.
    pub fn ask(&self, served: &Arc<Served>, mut question: Question) -> Ticket {
        if let Visitor::Known(device) = question.visitor
            && self.shared.kept.is_denied(device)
        {
            question.visitor = Visitor::Private;
            question.assignment = Assignment::default();
        }
        let assignment = question.assignment.clone();
        let board = Board::default();
        let (done, receiver) = oneshot::channel();
        let started = question.started;
        let late = question.follow.map(|decision| (Arc::clone(&self.shared.late), decision));
        let job = Job { question, served: Arc::clone(served), board: Arc::clone(&board), done };
        let queued = self.shared.queue.push(job).is_ok();
        let done = queued.then_some(receiver);
        Ticket { served: Arc::clone(served), assignment, board, done, started, late }
    }

    /// A device's choice, from now on: what is kept of one that denies is forgotten.
    pub fn choose(&self, device: EntityId, granted: bool) {
        self.shared.kept.choose(device, granted);
    }

    /// Better answers that came late.
    pub fn late(&self) -> &Late {
        &self.shared.late
    }

    /// True when a better answer may still be told: its visitor has not denied since, and nobody was
    /// erased.
    pub fn may_tell(&self, better: &Better) -> bool {
        let kept = &self.shared.kept;
        let denied = matches!(better.visitor, Visitor::Known(device) if kept.is_denied(device));
        !denied && better.generation == kept.generation()
    }

    /// A number that grows whenever another model comes into force.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Forgets every answer kept of a device.
    pub fn forget(&self, device: EntityId) {
        self.shared.kept.forget(device);
    }

    /// While the installation protects its critical path no profile is read and no model run.
    pub fn protect(&self, on: bool) {
        for served in self.uses.values() {
            served.protect.store(on, Ordering::Relaxed);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.queue.close();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // Were it a panic, its hook has told why.
            let _reported = thread.join();
        }
    }
}

impl Shared {
    fn work(&self) {
        while let Some(job) = self.queue.pop() {
            let follow = job.question.follow;
            let course = AssertUnwindSafe(|| job.run(&*self.profiles, (&self.kept, &self.late)));
            // A course that panics leaves its waiter with what it had published; its hook has told why.
            if let (Err(_), Some(decision)) = (catch_unwind(course), follow) {
                self.late.fail(decision);
            }
        }
    }
}

/// Where versions begin: no two runs share one, so that a client tells that the instance was another.
fn first_version() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // In JavaScript numbers hold it whole.
    since.map_or(0, |since| since.as_secs() << 16)
}
