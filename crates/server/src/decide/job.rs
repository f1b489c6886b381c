//! One decision on its way through a thread.

use super::kept::KeptAnswers;
use super::late::{Better, Late};
use super::service::Served;
use super::ticket::Decided;
use super::trial::Assignment;
use millstream_decide::course::{self, Outcome};
use millstream_decide::{
    Answer, Ask, Candidate, Context, Micros, Profiles, Rung, Sources, Visitor, Watch,
};
use millstream_event::{Hash128, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// One question.
#[derive(Clone, Debug)]
pub struct Question {
    /// Who asks.
    pub visitor: Visitor,
    /// What the request says.
    pub context: Context,
    /// What experiments make of it.
    pub assignment: Assignment,
    /// What can be shown, where the request says.
    pub candidates: Option<Vec<Candidate>>,
    /// The seed of its chance: its id, where it is asked for once.
    pub decision: Hash128,
    /// Under which id a better answer that comes late is kept, where it can be asked for.
    pub follow: Option<Hash128>,
    /// When the request was received.
    pub received: Timestamp,
    /// The same on the clock that the budget runs on.
    pub started: Instant,
}

/// The best answer so far, shared with whoever waits.
pub(super) type Board = Arc<Mutex<Option<Answer>>>;

/// See the module.
pub(super) struct Job {
    pub(super) question: Question,
    pub(super) served: Arc<Served>,
    pub(super) board: Board,
    pub(super) done: oneshot::Sender<Finished>,
}

/// What a thread hands to whoever waits.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) outcome: Outcome,
    /// How long it waited for the thread.
    pub(super) queued: Micros,
    /// When the course was over, since the request was received.
    pub(super) ended: Micros,
}

struct Since(Instant);

impl Watch for Since {
    fn elapsed(&self) -> Micros {
        micros(self.0)
    }
}

pub(super) fn micros(since: Instant) -> Micros {
    Micros(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX))
}

impl Job {
    /// Runs the course, keeps what is personal of it, and tells whoever still waits.
    pub(super) fn run(self, profiles: &dyn Profiles, (kept, late): (&KeptAnswers, &Late)) {
        let generation = kept.generation();
        let Self { question, served, board, done } = self;
        let queued = micros(question.started);
        let use_case = &served.configured.use_case;
        let artefacts = served.artefacts.load();
        let ask = Ask {
            use_case,
            visitor: question.visitor,
            context: &question.context,
            candidates: question.candidates.as_deref().unwrap_or(&use_case.candidates),
            decision: question.decision,
            now: question.received,
            treatment: &question.assignment.treatment,
        };
        let sources =
            Sources { profiles, shelf: kept, rules: &served.rules, artefacts: &artefacts };
        let limits = served.limits();
        let mut publish = |answer: &Answer| {
            *board.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer.clone());
        };
        let outcome = course::run(&ask, sources, &limits, &Since(question.started), &mut publish);
        let answer = &outcome.answer;
        served.learn_stages(&answer.stages, &outcome.left_out);
        if let (Visitor::Known(device), Rung::Personalized) = (question.visitor, answer.rung) {
            let names = answer.ranking.iter().map(|ranked| ranked.name.clone()).collect();
            kept.keep(&use_case.name, device, names);
        }
        let ended = micros(question.started);
        // Nobody waits any more for an answer that comes too late; it is kept all the same.
        let unwanted = done.send(Finished { outcome, queued, ended }).err();
        if let (Some(finished), Some(decision)) = (unwanted, question.follow) {
            let decided = Decided::of(finished, question.assignment);
            let visitor = question.visitor;
            late.put(decision, Better { served, decided, visitor, generation });
        }
    }
}
