//! Use cases: a question that is asked again and again, and how it is answered.

use crate::candidate::Candidate;
use crate::ladder::Rung;
use crate::stage::{Micros, Stage};
use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_event::{EntityId, Hash128, Span};

/// When the answer is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the page is made.
    PreRender,
    /// While the page is made.
    InRender,
    /// After it is shown.
    PostRender,
}

/// From what signal the answer is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// A result computed ahead.
    Batch,
    /// The profile as it was when the session began.
    Session,
    /// The streamed profile, now.
    Edge,
}

impl Moment {
    /// Every moment.
    pub const ALL: [Self; 3] = [Self::PreRender, Self::InRender, Self::PostRender];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreRender => "pre_render",
            Self::InRender => "in_render",
            Self::PostRender => "post_render",
        }
    }
}

impl Architecture {
    /// Every architecture.
    pub const ALL: [Self; 3] = [Self::Batch, Self::Session, Self::Edge];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Session => "session",
            Self::Edge => "edge",
        }
    }
}

/// Exploration by inverse gap weighting (SquareCB: Foster and Rakhlin, 2020).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exploration {
    /// The best candidates among which it draws.
    pub among: usize,
    /// How strongly it prefers the best: 0 draws evenly.
    pub gamma: f64,
}

/// One use case.
#[derive(Clone, Debug, PartialEq)]
pub struct UseCase {
    /// Its name.
    pub name: Box<str>,
    /// When the answer is needed.
    pub moment: Moment,
    /// 1: under 100 ms, 2: 100 to 500 ms, 3: seconds.
    pub tier: u8,
    /// The longest that an answer may take, from the request's receipt.
    pub budget: Micros,
    /// From what signal.
    pub architecture: Architecture,
    /// What can be shown where the request does not say.
    pub candidates: Vec<Candidate>,
    /// What is shown when nothing else is known.
    pub fallback: Box<str>,
    /// Stages that may run. Eligibility, profile, first pass and diversity always may.
    pub stages: Vec<Stage>,
    /// Rungs that may answer. The default always may.
    pub ladder: Vec<Rung>,
    /// Facts that name the anonymous segment.
    pub segment_by: Vec<Box<str>>,
    /// Names in an answer at most.
    pub answer_max: usize,
    /// Of one group in an answer at most; 0 for no bound.
    pub group_max: usize,
    /// Candidates that reach the heavy stages.
    pub survivors: usize,
    /// Exploration, where wanted.
    pub exploration: Option<Exploration>,
    /// Share of visitors that are never personalized, in parts per million.
    pub holdout_ppm: u32,
    /// The event that tells of success.
    pub goal: Box<str>,
    /// Prefetch hints of one kind in an answer at most; 0 for none.
    pub hints: usize,
    /// The gap that ends a session, for the session architecture.
    pub session_gap: Span,
}

impl UseCase {
    /// Most candidates of one decision.
    pub const CANDIDATES_MAX: usize = 5_000;

    /// True for the share of visitors that are never personalized.
    pub fn holds_out(&self, visitor: EntityId) -> bool {
        let place = Hash128::of("holdout", &[self.name.as_bytes(), &visitor.0.0]).low64();
        place % 1_000_000 < u64::from(self.holdout_ppm)
    }

    /// True when the stage may run.
    pub fn has(&self, stage: Stage) -> bool {
        self.stages.contains(&stage)
    }

    /// True when the rung may answer.
    pub fn allows(&self, rung: Rung) -> bool {
        rung == Rung::Default || self.ladder.contains(&rung)
    }
}
