//! Answers: what to show, from which rung, why.

use crate::ladder::{Reasons, Rung};
use crate::prefetch::Hints;
use crate::stage::{Micros, Stage};
use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_event::Span;

/// One candidate in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// Its name.
    pub name: Box<str>,
    /// Its score: comparable within one answer only.
    pub score: i64,
}

/// What to show.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Best first; the first one is the choice.
    pub ranking: Vec<Ranked>,
    /// Where it came from.
    pub rung: Rung,
    /// Why.
    pub reasons: Reasons,
    /// How old the profile was; none where none was read.
    pub profile_age: Option<Span>,
    /// True when a better answer may follow: a stage was late, or the profile was behind.
    pub provisional: bool,
    /// The chance that the choice had to be drawn, in (0, 1].
    pub propensity: f64,
    /// What comes next.
    pub hints: Hints,
    /// What each stage took.
    pub stages: Vec<(Stage, Micros)>,
}

impl Answer {
    /// What to show.
    pub fn choice(&self) -> Option<&str> {
        self.ranking.first().map(|ranked| &*ranked.name)
    }

    /// How long a stage took, where it ran.
    pub fn took(&self, stage: Stage) -> Option<Micros> {
        self.stages.iter().find(|(known, _)| *known == stage).map(|(_, took)| *took)
    }
}
