//! Treatments: what an arm of an experiment changes of a use case.

use crate::stage::{Micros, Stage};
use crate::use_case::{Architecture, UseCase};
use alloc::vec::Vec;

/// What is changed; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Treatment {
    /// Delay added to each answer.
    pub delay: Micros,
    /// Events that the profile is made to lag behind.
    pub stale_by: usize,
    /// Another architecture.
    pub architecture: Option<Architecture>,
    /// Other stages.
    pub stages: Option<Vec<Stage>>,
}

impl Treatment {
    /// Nothing is changed.
    pub const NONE: Self = Self { delay: Micros(0), stale_by: 0, architecture: None, stages: None };

    /// Both at once: the longer delay, the staler profile, and what `other` says of the rest.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self {
            delay: self.delay.max(other.delay),
            stale_by: self.stale_by.max(other.stale_by),
            architecture: other.architecture.or(self.architecture),
            stages: other.stages.clone().or_else(|| self.stages.clone()),
        }
    }

    /// True when it makes answers slower or profiles older, or says what they are made of: what an
    /// experiment on the need for edge does.
    pub const fn is_of_timing(&self) -> bool {
        self.delay.0 > 0 || self.stale_by > 0 || self.architecture.is_some()
    }

    /// True when it delays and does nothing else.
    pub const fn only_delays(&self) -> bool {
        self.delay.0 > 0
            && self.stale_by == 0
            && self.architecture.is_none()
            && self.stages.is_none()
    }

    /// The architecture of a use case under it.
    pub fn architecture(&self, use_case: &UseCase) -> Architecture {
        self.architecture.unwrap_or(use_case.architecture)
    }

    /// True when the stage of a use case may run under it.
    pub fn has(&self, use_case: &UseCase, stage: Stage) -> bool {
        match &self.stages {
            Some(stages) => stages.contains(&stage),
            None => use_case.has(stage),
        }
    }
}
