//! How decisions are set up, resolved once by the configuration.

use super::external::ExternalOptions;
use super::rehearsal::Rehearsal;
use super::shadow::ShadowOptions;
use super::trial::Trial;
use crate::forward::Guard;
use millstream_decide::UseCase;
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything the service can be told.
#[derive(Clone, Debug)]
pub struct DecideOptions {
    /// Threads that run courses.
    pub workers: usize,
    /// Decisions that wait for a thread at most.
    pub queue: usize,
    /// Profiles held in memory at most.
    pub profiles_cached: usize,
    /// Answers kept at most.
    pub answers_cached: usize,
    /// How long an answer is kept.
    pub answers_for: Duration,
    /// Better answers that came late, kept at most.
    pub late_kept: usize,
    /// How long one is waited for, and kept.
    pub late_for: Duration,
    /// Visitors who are followed to see whether hints come true, at most.
    pub hints_followed: usize,
    /// How long each is.
    pub hints_for: Duration,
    /// The use cases.
    pub use_cases: Vec<Configured>,
    /// Experiments on them.
    pub trials: Vec<Trial>,
    /// Faults on purpose.
    pub rehearsal: Rehearsal,
    /// Which addresses external services may have.
    pub guard: Guard,
}

/// A use case and its rules as they are written.
#[derive(Clone, Debug, PartialEq)]
pub struct Configured {
    /// The use case.
    pub use_case: UseCase,
    /// What must hold for anything to be shown, in CEL.
    pub rule: Option<String>,
    /// What must hold for a candidate to be shown, by its name.
    pub candidate_rules: BTreeMap<Box<str>, String>,
    /// What a candidate stands for as a flag, by its name; the name itself where nothing is said.
    pub values: BTreeMap<Box<str>, serde_json::Value>,
    /// An external service that may reorder its answers.
    pub http: Option<ExternalOptions>,
    /// Another use case that scores its questions, unseen.
    pub shadow: Option<ShadowOptions>,
}

impl Default for DecideOptions {
    fn default() -> Self {
        Self {
            workers: 2,
            queue: 1_024,
            profiles_cached: 50_000,
            answers_cached: 50_000,
            answers_for: Duration::from_secs(3_600),
            late_kept: 10_000,
            late_for: Duration::from_secs(60),
            hints_followed: 50_000,
            hints_for: Duration::from_secs(300),
            use_cases: Vec::new(),
            trials: Vec::new(),
            rehearsal: Rehearsal::default(),
            guard: Guard::default(),
        }
    }
}
