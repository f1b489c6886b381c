//! The course of one decision: rung by rung upwards, as far as time allows.

use crate::answer::{Answer, Ranked};
use crate::candidate::Candidate;
use crate::context::Context;
use crate::diversity::arrange;
use crate::first_pass::{FirstPass, PRIOR};
use crate::governor::Limits;
use crate::ladder::{Reason, Reasons, Rung};
use crate::outside::{Handed, explore};
use crate::prefetch::{self, Hints};
use crate::profile::Profile;
use crate::sources::{Ranker, Sources};
use crate::stage::{Micros, Stage, Watch};
use crate::treatment::Treatment;
use crate::use_case::{Architecture, UseCase};
use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_event::{EntityId, Hash128, Span, Timestamp};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visitor {
    /// A device whose profile may be read.
    Known(EntityId),
    /// Nobody is named.
    Unknown,
    /// Personalization is not consented to: whoever it is stays unknown here.
    Private,
    /// Held out of personalization, to measure what it is worth.
    HeldOut,
}

/// One question.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What is asked.
    pub use_case: &'a UseCase,
    /// Who asks.
    pub visitor: Visitor,
    /// What the request says.
    pub context: &'a Context,
    /// What can be shown.
    pub candidates: &'a [Candidate],
    /// The decision's id: the seed of its chance.
    pub decision: Hash128,
    /// When the request was received.
    pub now: Timestamp,
    /// What an experiment changes.
    pub treatment: &'a Treatment,
}

/// What a course ends with.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The highest answer.
    pub answer: Answer,
    /// Stages that did not fit.
    pub left_out: Vec<Stage>,
    /// What an external service may reorder, where one is to be asked.
    pub handed: Option<Handed>,
}

/// Takes each better answer as soon as it stands.
pub type Publish<'a> = &'a mut dyn FnMut(&Answer);

/// Runs the course. `publish` is given the default answer first, then each better one.
pub fn run(
    ask: &Ask<'_>,
    sources: Sources<'_>,
    limits: &Limits,
    watch: &dyn Watch,
    publish: Publish<'_>,
) -> Outcome {
    let best = default_answer(ask.use_case, Reason::OutOfTime);
    publish(&best);
    let in_time = limits.margin < ask.use_case.budget.less(watch.elapsed());
    let mut course = Course {
        ask,
        sources,
        limits,
        watch,
        publish,
        best,
        stages: Vec::new(),
        left_out: Vec::new(),
        notes: Vec::new(),
        in_time,
        handed: None,
    };
    course.climb();
    course.hint();
    course.finish()
}

/// The answer of the default rung.
pub fn default_answer(use_case: &UseCase, cause: Reason) -> Answer {
    Answer {
        ranking: alloc::vec![Ranked { name: use_case.fallback.clone(), score: 0 }],
        rung: Rung::Default,
        reasons: Reasons::of(cause),
        profile_age: None,
        provisional: false,
        propensity: 1.0,
        hints: Hints::default(),
        stages: Vec::new(),
    }
}

struct Course<'a, 'p> {
    ask: &'a Ask<'a>,
    sources: Sources<'a>,
    limits: &'a Limits,
    watch: &'a dyn Watch,
    publish: Publish<'p>,
    best: Answer,
    stages: Vec<(Stage, Micros)>,
    left_out: Vec<Stage>,
    notes: Vec<Reason>,
    /// True when it began while its answer was waited for.
    in_time: bool,
    handed: Option<Handed>,
}

/// Candidates with their scores.
type Scored<'a> = Vec<(i64, &'a Candidate)>;

impl<'a> Course<'a, '_> {
    /// Runs a stage if it fits, or if its answer is late anyway, and times it.
    fn stage<T>(&mut self, stage: Stage, work: impl FnOnce(&Self) -> T) -> Option<T> {
        let before = self.watch.elapsed();
        let left = self.ask.use_case.budget.less(before);
        // Once nobody waits any more, the course goes on for whoever asks later.
        let is_late = self.in_time && left <= self.limits.margin;
        if !is_late && !self.limits.fits(stage, left) {
            self.left_out.push(stage);
            return None;
        }
        let result = work(self);
        self.stages.push((stage, self.watch.elapsed().less(before)));
        Some(result)
    }

    fn architecture(&self) -> Architecture {
        self.ask.treatment.architecture(self.ask.use_case)
    }

    /// Publishes an answer if its rung may answer and none higher did.
    fn offer(&mut self, rung: Rung, cause: Reason, ranking: Vec<Ranked>) {
        if ranking.is_empty() || !self.ask.use_case.allows(rung) || rung < self.best.rung {
            return;
        }
        self.best.ranking = ranking;
        self.best.rung = rung;
        self.best.reasons = Reasons::of(cause);
        for note in &self.notes {
            self.best.reasons.add(*note);
        }
        self.best.stages.clone_from(&self.stages);
        (self.publish)(&self.best);
    }

    /// Why it goes no higher. What is published from here on says so.
    fn stop(&mut self, cause: Reason) {
        self.best.reasons.lead(cause);
        self.best.stages.clone_from(&self.stages);
        (self.publish)(&self.best);
    }

    fn climb(&mut self) {
        let Some(eligible) = self.eligible() else { return };
        let prior = |candidate: &'a Candidate| (i64::from(candidate.prior), candidate);
        let contextual: Scored<'_> = eligible.iter().copied().map(prior).collect();
        let cause = self.cause_below().unwrap_or(Reason::OutOfTime);
        let ranking = arrange(self.ask.use_case, &contextual);
        self.offer(Rung::Contextual, cause, ranking);
        self.segment(&eligible, cause);
        match self.ask.visitor {
            Visitor::Known(device) => self.personal(device, &eligible),
            Visitor::Unknown | Visitor::Private | Visitor::HeldOut => self.stop(cause),
        }
    }

    /// Why this visitor can get nothing personal, where that is known from the start.
    const fn cause_below(&self) -> Option<Reason> {
        match self.ask.visitor {
            Visitor::Known(_) => None,
            Visitor::Unknown => Some(Reason::UnknownVisitor),
            Visitor::Private => Some(Reason::NoConsent),
            Visitor::HeldOut => Some(Reason::Holdout),
        }
    }

    fn eligible(&mut self) -> Option<Vec<&'a Candidate>> {
        let ask = self.ask;
        if ask.candidates.is_empty() {
            self.stop(Reason::NoCandidates);
            return None;
        }
        let judged = self.stage(Stage::Eligibility, |course| {
            course.sources.rules.eligible(ask.context, ask.candidates)
        });
        let Some((eligible, failed)) = judged else {
            // What no rule has judged must not be shown.
            self.stop(Reason::WithoutEligibility);
            return None;
        };
        if failed > 0 {
            self.notes.push(Reason::RuleFailed);
        }
        let shown: Vec<&Candidate> = ask
            .candidates
            .iter()
            .zip(&eligible)
            .filter(|(_, eligible)| **eligible)
            .map(|(candidate, _)| candidate)
            .collect();
        if shown.is_empty() {
            self.stop(Reason::NothingEligible);
            return None;
        }
        Some(shown)
    }

    fn segment(&mut self, eligible: &[&'a Candidate], cause: Reason) {
        let ask = self.ask;
        let Some(popularity) = &self.sources.artefacts.popularity else { return };
        let scored = self.stage(Stage::Segment, |_| {
            let segment = ask.context.segment(&ask.use_case.segment_by);
            let weights = popularity.of(&segment)?;
            let score = |candidate: &&'a Candidate| {
                let weight = weights.get(&candidate.item).copied().unwrap_or(0);
                (i64::from(weight) * i64::from(PRIOR) + i64::from(candidate.prior), *candidate)
            };
            Some(eligible.iter().map(score).collect::<Scored<'_>>())
        });
        if let Some(Some(scored)) = scored {
            let ranking = arrange(ask.use_case, &scored);
            self.offer(Rung::Segment, cause, ranking);
        }
    }

    /// What was kept of an earlier answer, as far as it may still be shown.
    fn kept(&mut self, device: EntityId, eligible: &[&'a Candidate], cause: Reason) {
        let ask = self.ask;
        let kept = self
            .stage(Stage::Cached, |course| course.sources.shelf.kept(&ask.use_case.name, device));
        let Some(Some(names)) = kept else { return };
        let length = names.len() as i64;
        let ranked = |(place, name): (usize, Box<str>)| {
            let shown = eligible.iter().any(|candidate| candidate.name == name);
            shown.then_some(Ranked { name, score: length - place as i64 })
        };
        let ranking = names.into_iter().enumerate().filter_map(ranked).collect();
        self.offer(Rung::Cached, cause, ranking);
    }

    fn personal(&mut self, device: EntityId, eligible: &[&'a Candidate]) {
        let batch = self.architecture() == Architecture::Batch;
        let cause = if batch { Reason::Stored } else { Reason::OutOfTime };
        let impersonal = self.best.clone();
        self.kept(device, eligible, cause);
        if batch {
            if self.best.rung < Rung::Cached {
                self.stop(Reason::ColdStart);
            }
            return;
        }
        if self.limits.protect {
            return self.stop(Reason::Protect);
        }
        if !self.ask.use_case.allows(Rung::Personalized) {
            return self.stop(Reason::Ladder);
        }
        let read = self.stage(Stage::Profile, |course| course.sources.profiles.profile(device));
        match read {
            None => self.stop(Reason::ProfileLate),
            Some(Err(_)) => self.stop(Reason::ProfileUnavailable),
            Some(Ok(profile)) if profile.denied => {
                self.best = impersonal;
                self.stop(Reason::NoConsent);
            }
            Some(Ok(profile)) => self.with_profile(profile, eligible),
        }
    }

    fn with_profile(&mut self, read: Profile, eligible: &[&'a Candidate]) {
        let ask = self.ask;
        let session = self.architecture() == Architecture::Session;
        let (profile, cause) = match read.session_start(ask.use_case.session_gap) {
            Some(start) if session => (read.as_of(start), Reason::SessionProfile),
            _ => (read.stale_by(ask.treatment.stale_by), Reason::Profile),
        };
        if profile.is_empty() {
            return self.stop(Reason::ColdStart);
        }
        self.best.profile_age = Some((ask.now - profile.read_at).max(Span(0)));
        self.best.provisional = profile.behind;
        let none = FirstPass::default();
        let model = self.sources.artefacts.first_pass.as_ref().unwrap_or(&none);
        let scored =
            self.stage(Stage::FirstPass, |_| model.scores(&profile, ask.context, eligible));
        let Some(scores) = scored else { return self.stop(Reason::WithoutFirstPass) };
        let mut scored: Scored<'a> = scores.into_iter().zip(eligible.iter().copied()).collect();
        let ranking = arrange(ask.use_case, &scored);
        self.offer(Rung::Personalized, cause, ranking);
        self.refine(&profile, &mut scored);
        if self.ask.treatment.has(self.ask.use_case, Stage::Http) {
            self.handed = Some(Handed::of(self.ask.use_case, &scored));
        }
        self.conclude(cause, &scored);
    }

    /// Heavier scores for the best candidates, where they fit.
    fn refine(&mut self, profile: &Profile, scored: &mut Scored<'a>) {
        let artefacts = self.sources.artefacts;
        scored.sort_by_key(|(score, _)| core::cmp::Reverse(*score));
        let survivors = self.ask.use_case.survivors.min(scored.len());
        for (stage, ranker, note) in [
            (Stage::Neighbours, artefacts.neighbours.as_deref(), Reason::WithoutNeighbours),
            (Stage::Rerank, artefacts.rerank.as_deref(), Reason::WithoutRerank),
        ] {
            let spared = stage == Stage::Neighbours && artefacts.neighbours_spared;
            if spared || !self.ask.treatment.has(self.ask.use_case, stage) {
                continue;
            }
            let Some(ranker) = ranker else {
                self.notes.push(Reason::ModelUnavailable);
                continue;
            };
            let ran = self.stage(stage, |_| rescore(ranker, profile, scored, survivors));
            if ran.is_none() {
                self.notes.push(note);
            }
        }
    }

    /// Exploration and the final order.
    fn conclude(&mut self, cause: Reason, scored: &Scored<'a>) {
        let ask = self.ask;
        let arranged = self.stage(Stage::Diversity, |_| arrange(ask.use_case, scored));
        let Some(mut ranking) = arranged else { return };
        if ask.use_case.exploration.is_some() {
            let explored = self
                .stage(Stage::Exploration, |_| explore(ask.use_case, &mut ranking, ask.decision));
            match explored {
                Some(chance) => self.best.propensity = chance.unwrap_or(1.0),
                None => self.notes.push(Reason::WithoutExploration),
            }
        }
        self.offer(Rung::Personalized, cause, ranking);
    }

    /// What comes next, last of all. To fetch ahead is load: where the installation gives anything up,
    /// nobody is asked to.
    fn hint(&mut self) {
        let use_case = self.ask.use_case;
        if use_case.hints == 0 {
            return;
        }
        let page = self.ask.context.text("page").and_then(prefetch::page);
        let spare = !self.limits.protect && self.limits.given_up == 0;
        let told =
            |course: &Self| course.sources.routes.hints(page, &use_case.name, use_case.hints);
        match spare.then(|| self.stage(Stage::Hints, told)).flatten() {
            Some(hints) => self.best.hints = hints,
            None => self.best.reasons.add(Reason::WithoutHints),
        }
    }

    fn finish(self) -> Outcome {
        let Self { mut best, stages, left_out, handed, .. } = self;
        best.stages = stages;
        Outcome { answer: best, left_out, handed }
    }
}

/// New scores for the survivors, above all who did not survive.
fn rescore(
    ranker: &dyn Ranker,
    profile: &Profile,
    scored: &mut [(i64, &Candidate)],
    survivors: usize,
) {
    let (survivors, others) = scored.split_at_mut(survivors);
    let candidates: Vec<&Candidate> = survivors.iter().map(|(_, candidate)| *candidate).collect();
    let scores = ranker.scores(profile, &candidates);
    for ((score, _), new) in survivors.iter_mut().zip(scores) {
        *score = new;
    }
    let least = survivors.iter().map(|(score, _)| *score).min().unwrap_or(0);
    let top = others.iter().map(|(score, _)| *score).max().unwrap_or(0);
    for (score, _) in others {
        *score = score.saturating_sub(top).saturating_add(least).saturating_sub(1);
    }
    survivors.sort_by_key(|(score, _)| core::cmp::Reverse(*score));
}
