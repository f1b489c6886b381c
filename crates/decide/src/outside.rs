//! A word from outside: an external service's order of the candidates that this side let through.
//!
//! It can reorder, and nothing else: what it names and was not handed out is passed over, caps by
//! group and exploration hold as ever.

use crate::answer::{Answer, Ranked};
use crate::candidate::Candidate;
use crate::diversity::arrange;
use crate::exploration::{chances, draw, rewards, uniform};
use crate::first_pass::ByItem;
use crate::ladder::Reason;
use crate::use_case::UseCase;
use crate::{ItemId, Stage};
use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_event::Hash128;

/// What is handed out to be ordered: the best candidates with their own scores, best first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handed {
    /// Scores and candidates.
    pub scored: Vec<(i64, Candidate)>,
}

impl Handed {
    /// The best of what was scored.
    pub(crate) fn of(use_case: &UseCase, scored: &[(i64, &Candidate)]) -> Self {
        let best = scored.iter().take(use_case.survivors);
        Self { scored: best.map(|(score, candidate)| (*score, (*candidate).clone())).collect() }
    }

    /// Names, best first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.scored.iter().map(|(_, candidate)| &*candidate.name)
    }

    /// The answer with `named` first, in that order, then the others by their own scores. None where
    /// nothing of what was handed out is named.
    pub fn heed(
        &self,
        use_case: &UseCase,
        answer: &Answer,
        named: &[Box<str>],
        seed: Hash128,
    ) -> Option<Answer> {
        let mut places: ByItem<usize> = ByItem::default();
        for (place, name) in named.iter().enumerate() {
            places.entry(ItemId::of(name)).or_insert(place);
        }
        let best = self.scored.iter().map(|(score, _)| *score).max().unwrap_or(0);
        let mut known = false;
        let scored: Vec<(i64, &Candidate)> = self
            .scored
            .iter()
            .map(|(score, candidate)| match places.get(&candidate.item) {
                Some(place) => {
                    known = true;
                    (best.saturating_add((named.len() - place) as i64), candidate)
                }
                None => (*score, candidate),
            })
            .collect();
        if !known {
            return None;
        }
        let mut ranking = arrange(use_case, &scored);
        let spared = answer.reasons.iter().any(|reason| reason == Reason::WithoutExploration);
        let propensity = if spared { None } else { explore(use_case, &mut ranking, seed) };
        Some(Answer { ranking, propensity: propensity.unwrap_or(1.0), ..answer.clone() })
    }
}

/// Draws the choice among the first, where the use case explores; returns the chance that it had.
pub(crate) fn explore(use_case: &UseCase, ranking: &mut [Ranked], seed: Hash128) -> Option<f64> {
    let exploration = use_case.exploration?;
    let scores: Vec<i64> =
        ranking.iter().take(exploration.among).map(|ranked| ranked.score).collect();
    let chances = chances(&rewards(&scores), exploration.gamma);
    let (place, chance) = draw(&chances, uniform("explore", seed))?;
    ranking[..=place].rotate_right(1);
    Some(chance)
}

impl Answer {
    /// Adds why something was left out, or what a stage took that ran beside the course.
    pub fn note(&mut self, reason: Option<Reason>, took: Option<(Stage, crate::Micros)>) {
        reason.into_iter().for_each(|reason| self.reasons.add(reason));
        self.stages.extend(took);
    }
}
