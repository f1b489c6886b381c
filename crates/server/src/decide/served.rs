//! A use case at work: its rules, its models, its governor, and what it counts.

use super::external::{Asking, Awaited, External};
use super::job::micros;
use super::models::{Loaded, WasmModule};
use super::options::Configured;
use super::rehearsal::{Rehearsal, StallingRanker};
use super::rules::CelRules;
use super::service::ServiceError;
use super::ticket::Decided;
use super::trial::{Assignment, Trial, Trials};
use arc_swap::{ArcSwap, ArcSwapOption};
use millstream_decide::{
    Artefacts, Context, Governor, Limits, Micros, Reason, Rung, Stage, Visitor,
};
use millstream_event::EntityId;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

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
    external: Option<Arc<External>>,
    trials: Trials,
    rehearsal: Rehearsal,
    governor: Mutex<Governor>,
    pub(super) protect: AtomicBool,
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
    pub(super) fn new(
        configured: Configured,
        (trials, rehearsal): (&[Trial], Rehearsal),
        external: Option<Arc<External>>,
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
            external,
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

    /// The external service, where there is one.
    pub const fn external(&self) -> Option<&Arc<External>> {
        self.external.as_ref()
    }

    /// Asks the external service, where there is one and it fits.
    ///
    /// # Errors
    /// Why it is not asked.
    pub(super) fn ask_outside(
        &self,
        asking: Option<Asking>,
        limits: &Limits,
    ) -> Result<Option<Awaited>, Reason> {
        let (Some(external), Some(asking)) = (&self.external, asking) else { return Ok(None) };
        let left = self.configured.use_case.budget.less(micros(asking.question.started));
        if !limits.fits(Stage::Http, left) {
            self.learn_stages(&[], &[Stage::Http]);
            return Err(Reason::WithoutHttp);
        }
        external.ask(asking).map(Some)
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
