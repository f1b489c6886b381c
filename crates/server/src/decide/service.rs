//! The service: use cases, threads, and what they count.

use super::external::External;
use super::followed::Followed;
use super::job::{Board, Job, Question};
use super::kept::{Era, KeptAnswers};
use super::late::{Better, Late};
use super::options::{Configured, DecideOptions};
use super::queue::Queue;
use super::rehearsal::StallingProfiles;
use super::rules::RuleError;
use super::served::Served;
use super::shadow::{Echo, Shadow, WAITING_MAX};
use super::ticket::Ticket;
use super::trial::Assignment;
use crate::forward::client::ClientError;
use arc_swap::ArcSwap;
use millstream_decide::{Profile, Profiles, ProfilesError, Routes, Visitor};
use millstream_event::{EntityId, Timestamp};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Runtime};
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
    /// The client of external services.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A thread.
    #[error("cannot start a thread for decisions: {0}; raise the limit on processes")]
    Thread(std::io::Error),
}

/// See the module.
pub struct Service {
    uses: BTreeMap<Box<str>, Arc<Served>>,
    pub(super) shared: Arc<Shared>,
    changes: Arc<watch::Sender<u64>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Where external services are asked, where there are any.
    outside: Option<Runtime>,
}

pub(super) struct Shared {
    queue: Queue<Job>,
    /// Shadows by the use case that they follow, and what they are to score.
    pub(super) shadows: BTreeMap<Box<str>, Shadow>,
    echoes: Queue<Echo>,
    pub(super) kept: Arc<KeptAnswers>,
    pub(super) late: Arc<Late>,
    pub(super) profiles: Arc<dyn Profiles + Send + Sync>,
    /// Where visitors go on to.
    pub(super) routes: ArcSwap<Routes>,
    pub(super) followed: Followed,
}

impl Service {
    /// Starts the threads.
    ///
    /// # Errors
    /// When a rule cannot be compiled, or no thread be started.
    pub fn start(
        options: DecideOptions,
        profiles: Arc<dyn Profiles + Send + Sync>,
        era: Arc<Era>,
    ) -> Result<Self, ServiceError> {
        let mut uses = BTreeMap::new();
        let changes = Arc::new(watch::Sender::new(first_version()));
        let outside = outside(&options.use_cases)?;
        for configured in options.use_cases {
            let name = configured.use_case.name.clone();
            let faults = (&*options.trials, options.rehearsal);
            let external = match (&configured.http, &outside) {
                (Some(http), Some(outside)) => {
                    let handle = outside.handle().clone();
                    Some(External::new(http.clone(), options.guard.clone(), handle)?)
                }
                _ => None,
            };
            let served = Served::new(configured, faults, external, Arc::clone(&changes))?;
            uses.insert(name, Arc::new(served));
        }
        let profiles: Arc<dyn Profiles + Send + Sync> = match options.rehearsal.is_on() {
            true => Arc::new(StallingProfiles::new(profiles, &options.rehearsal)),
            false => profiles,
        };
        let kept = KeptAnswers::new(options.answers_cached, options.answers_for, era);
        let kept = Arc::new(kept);
        let late = Arc::new(Late::new(options.late_kept, options.late_for));
        let (queue, echoes) = (Queue::new(options.queue), Queue::new(WAITING_MAX));
        let shadows = shadows(&uses);
        let hints = uses.values().any(|served| served.configured.use_case.hints > 0);
        let followed = Followed::new(options.hints_followed, options.hints_for, hints);
        let routes = ArcSwap::default();
        let shared = Shared { queue, shadows, echoes, kept, late, profiles, routes, followed };
        let shared = Arc::new(shared);
        let service = Self { uses, shared, changes, threads: Mutex::new(Vec::new()), outside };
        if !service.uses.is_empty() {
            for _ in 0..options.workers.max(1) {
                service.spawn("decide", Shared::work)?;
            }
        }
        if !service.shared.shadows.is_empty() {
            service.spawn("decide-shadow", Shared::score)?;
        }
        Ok(service)
    }

    fn spawn(&self, name: &str, work: fn(&Shared)) -> Result<(), ServiceError> {
        let shared = Arc::clone(&self.shared);
        let builder = std::thread::Builder::new().name(name.into());
        let thread = builder.spawn(move || work(&shared)).map_err(ServiceError::Thread)?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
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
        let question = Arc::new(question);
        let job = Job { question, served: Arc::clone(served), board: Arc::clone(&board), done };
        let queued = self.shared.queue.push(job).is_ok();
        let done = queued.then_some(receiver);
        Ticket { served: Arc::clone(served), assignment, board, done, started, late }
    }

    /// A device's choice, from now on: what is kept of one that denies is forgotten.
    pub fn choose(&self, device: EntityId, granted: bool) {
        self.shared.kept.choose(device, granted);
        if !granted {
            self.shared.followed.forget(device);
        }
    }

    pub(super) fn profile(&self, device: EntityId) -> Result<Profile, ProfilesError> {
        self.shared.profile(device)
    }

    /// A device wishes to be forgotten: nothing that it did until then is used, from now on.
    pub fn reset(&self, device: EntityId, until: Timestamp) {
        self.shared.kept.reset(device, until);
        self.shared.followed.forget(device);
    }

    /// Better answers that came late.
    pub fn late(&self) -> &Late {
        &self.shared.late
    }

    /// True when a better answer may still be told: its visitor has not denied since, and nobody was
    /// erased.
    pub fn may_tell(&self, better: &Better) -> bool {
        let kept = &self.shared.kept;
        let withdrawn = matches!(better.visitor, Visitor::Known(device) if kept.is_denied(device) || kept.reset_until(device).is_some());
        !withdrawn && better.era == kept.era()
    }

    /// A number that grows whenever another model comes into force.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Forgets every answer kept of a device.
    pub fn forget(&self, device: EntityId) {
        self.shared.kept.forget(device);
        self.shared.followed.forget(device);
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
        self.shared.echoes.close();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // Were it a panic, its hook has told why.
            let _reported = thread.join();
        }
        if let Some(outside) = self.outside.take() {
            // What is under way is of no use to anybody any more.
            outside.shutdown_background();
        }
    }
}

impl Profiles for Shared {
    fn profile(&self, device: EntityId) -> Result<Profile, ProfilesError> {
        let mut profile = self.profiles.profile(device)?;
        // What was forgotten on wish may not be folded yet.
        if let Some(until) = self.kept.reset_until(device) {
            profile.seen.retain(|seen| seen.at > until);
        }
        Ok(profile)
    }
}

impl Shared {
    /// Has a question scored that was answered, where its use case has a shadow.
    pub(super) fn echo(&self, echo: Echo) {
        let Some(shadow) = self.shadows.get(&echo.served.configured.use_case.name) else { return };
        if shadow.wants(&echo.question) && self.echoes.push(echo).is_err() {
            shadow.leave_out();
        }
    }

    fn score(&self) {
        while let Some(echo) = self.echoes.pop() {
            if let Some(shadow) = self.shadows.get(&echo.served.configured.use_case.name) {
                // Were it a panic, its hook has told why.
                let _ = catch_unwind(AssertUnwindSafe(|| shadow.score(&echo, self)));
            }
        }
    }

    fn work(&self) {
        while let Some(job) = self.queue.pop() {
            let follow = job.question.follow;
            if job.is_over() {
                // It waited its whole budget for a thread: who asked has gone, others wait.
                if let Some(decision) = follow {
                    self.late.fail(decision);
                }
                continue;
            }
            let course = AssertUnwindSafe(|| job.run(self));
            // A course that panics leaves its waiter with what it had published; its hook has told why.
            if let (Err(_), Some(decision)) = (catch_unwind(course), follow) {
                self.late.fail(decision);
            }
        }
    }
}

/// The shadows of use cases, by their names.
fn shadows(uses: &BTreeMap<Box<str>, Arc<Served>>) -> BTreeMap<Box<str>, Shadow> {
    let shadow = |served: &Arc<Served>| {
        let options = served.configured.shadow.clone()?;
        let candidate = Arc::clone(uses.get(&options.use_case)?);
        let name = served.configured.use_case.name.clone();
        Some((name, Shadow::new(options, candidate)))
    };
    uses.values().filter_map(shadow).collect()
}

/// Where external services are asked: a thread of its own, where there are any.
fn outside(use_cases: &[Configured]) -> Result<Option<Runtime>, ServiceError> {
    if use_cases.iter().all(|configured| configured.http.is_none()) {
        return Ok(None);
    }
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).thread_name("decide-http").enable_all().build();
    runtime.map(Some).map_err(ServiceError::Thread)
}

/// Where versions begin: no two runs share one, so that a client tells that the instance was another.
fn first_version() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // In JavaScript numbers hold it whole.
    since.map_or(0, |since| since.as_secs() << 16)
}
