//! Shadow policies: a candidate scores what real visitors ask, and nobody is shown its answers.
//!
//! Its courses run on a thread of their own, after the answers that they are compared with were
//! given. Where that thread cannot keep up, questions are left out and counted.

use super::job::{Question, Since, micros};
use super::served::Served;
use super::service::Shared;
use millstream_decide::sketch::Sketch;
use millstream_decide::{Answer, Micros, Rung, Sources, Treatment, course};
use millstream_event::Hash128;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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
    pub(super) options: ShadowOptions,
    candidate: Arc<Served>,
    sums: Mutex<Sums>,
    left_out: AtomicU64,
}

#[derive(Default)]
struct Sums {
    scored: u64,
    same_choice: u64,
    overlap: f64,
    personalized: [u64; 2],
    took: [Sketch; 2],
}

/// What came of a shadow since the start of the process.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShadowStanding {
    /// The use case that serves.
    pub use_case: Box<str>,
    /// The use case that scores.
    pub candidate: Box<str>,
    /// Questions that it scored.
    pub scored: u64,
    /// Questions that it was to score and could not, for it did not keep up.
    pub left_out: u64,
    /// The share of scored questions with the same choice.
    pub same_choice: Option<f64>,
    /// The share of what was shown that stands in its answers, too.
    pub overlap: Option<f64>,
    /// The share of personalized answers, shown and scored.
    pub personalized: [Option<f64>; 2],
    /// The p95 of what courses took, shown and scored.
    pub p95_ms: [Option<f64>; 2],
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
        Self { options, candidate, sums: Mutex::default(), left_out: AtomicU64::new(0) }
    }

    /// True for the share of questions that it scores.
    pub(super) fn wants(&self, question: &Question) -> bool {
        let drawn = Hash128::of("shadow", &[&question.decision.0]).low64() % 1_000_000;
        drawn < u64::from(self.options.share_ppm)
    }

    /// It could not keep up with a question.
    pub(super) fn leave_out(&self) {
        self.left_out.fetch_add(1, Ordering::Relaxed);
    }

    /// Scores a question, and compares.
    pub(super) fn score(&self, echo: &Echo, shared: &Shared) {
        let candidate = &*self.candidate;
        let artefacts = candidate.artefacts.load();
        let ask = echo.question.ask(&candidate.configured.use_case, &Treatment::NONE);
        let sources = Sources {
            profiles: shared,
            shelf: &*shared.kept,
            rules: &candidate.rules,
            artefacts: &artefacts,
        };
        let began = Instant::now();
        let outcome =
            course::run(&ask, sources, &candidate.limits(), &Since(began), &mut |_: &Answer| {});
        self.compare((&echo.answer, echo.took), (&outcome.answer, micros(began)));
    }

    fn compare(&self, shown: (&Answer, Micros), scored: (&Answer, Micros)) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        sums.scored += 1;
        sums.same_choice += u64::from(shown.0.choice() == scored.0.choice());
        let names = &scored.0.ranking;
        let common =
            shown.0.ranking.iter().filter(|it| names.iter().any(|other| other.name == it.name));
        sums.overlap += common.count() as f64 / shown.0.ranking.len().max(1) as f64;
        for (place, (answer, took)) in [shown, scored].into_iter().enumerate() {
            sums.personalized[place] += u64::from(answer.rung == Rung::Personalized);
            sums.took[place].record(took);
        }
    }

    /// What came of it.
    pub(super) fn standing(&self, use_case: &str) -> ShadowStanding {
        let sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let share = |part: f64| (sums.scored > 0).then(|| part / sums.scored as f64);
        ShadowStanding {
            use_case: use_case.into(),
            candidate: self.options.use_case.clone(),
            scored: sums.scored,
            left_out: self.left_out.load(Ordering::Relaxed),
            same_choice: share(sums.same_choice as f64),
            overlap: share(sums.overlap),
            personalized: sums.personalized.map(|count| share(count as f64)),
            p95_ms: [0, 1].map(|at| sums.took[at].quantile(0.95).map(Micros::as_millis)),
        }
    }
}
