//! Shadow policies: a candidate scores what real visitors ask, and nobody is shown its answers.
//!
//! Its courses run on a thread of their own, after the answers that they are compared with were
//! given. Where that thread cannot keep up, questions are left out and counted.

use super::job::{Question, Since, micros};
use super::served::Served;
use super::service::Shared;
use millstream_decide::{Answer, Micros, Rung, Sources, Treatment, course};
use millstream_event::Hash128;
use millstream_pipeline::measured::ShadowSums;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Questions that wait to be scored at most.
pub(super) const WAITING_MAX: usize = 256;

/// A shadow as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowOptions {
    /// The use case that scores.
    pub use_case: Box<str>,
    /// Of how many questions, in parts per million.
    pub share_ppm: u32,
}

/// The shadow of a use case.
pub(super) struct Shadow {
    options: ShadowOptions,
    candidate: Arc<Served>,
    /// What is not logged yet.
    sums: Mutex<ShadowSums>,
}

/// One question to be scored.
pub(super) struct Echo {
    pub(super) question: Arc<Question>,
    pub(super) served: Arc<Served>,
    pub(super) answer: Answer,
    pub(super) took: Micros,
}

impl Shadow {
    pub(super) fn new(options: ShadowOptions, candidate: Arc<Served>) -> Self {
        Self { options, candidate, sums: Mutex::default() }
    }

    /// The use case that scores.
    pub(super) fn candidate(&self) -> &str {
        &self.options.use_case
    }

    /// True for the share of questions that it scores.
    pub(super) fn wants(&self, question: &Question) -> bool {
        let drawn = Hash128::of("shadow", &[&question.decision.0]).low64() % 1_000_000;
        drawn < u64::from(self.options.share_ppm)
    }

    /// What came of it that is not logged yet.
    pub(super) fn sums(&self) -> MutexGuard<'_, ShadowSums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It could not keep up with a question.
    pub(super) fn leave_out(&self) {
        self.sums().left_out += 1;
    }

    /// Scores a question, and compares.
    pub(super) fn score(&self, echo: &Echo, shared: &Shared) {
        let candidate = &*self.candidate;
        let (artefacts, routes) = (candidate.artefacts.load(), shared.routes.load());
        let ask = echo.question.ask(&candidate.configured.use_case, &Treatment::NONE);
        let sources = Sources {
            profiles: shared,
            shelf: &*shared.kept,
            rules: &candidate.rules,
            artefacts: &artefacts,
            routes: &routes,
        };
        let began = Instant::now();
        let outcome =
            course::run(&ask, sources, &candidate.limits(), &Since(began), &mut |_: &Answer| {});
        self.compare((&echo.answer, echo.took), (&outcome.answer, micros(began)));
    }

    fn compare(&self, shown: (&Answer, Micros), scored: (&Answer, Micros)) {
        let mut sums = self.sums();
        sums.scored += 1;
        sums.same_choice += u64::from(shown.0.choice() == scored.0.choice());
        let names = &scored.0.ranking;
        let common =
            shown.0.ranking.iter().filter(|it| names.iter().any(|other| other.name == it.name));
        let shown_in_all = shown.0.ranking.len().max(1) as u64;
        sums.overlap_ppm += 1_000_000 * common.count() as u64 / shown_in_all;
        for (place, (answer, _)) in [shown, scored].into_iter().enumerate() {
            sums.personalized[place] += u64::from(answer.rung == Rung::Personalized);
        }
        sums.took([shown.1.0, scored.1.0]);
    }
}
