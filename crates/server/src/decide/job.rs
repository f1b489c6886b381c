//! One decision on its way through a thread.

use super::external::{Asking, Awaited};
use super::late::Better;
use super::served::Served;
use super::service::Shared;
use super::shadow::Echo;
use super::ticket::Decided;
use super::trial::Assignment;
use millstream_decide::course::{self, Outcome};
use millstream_decide::{
    Answer, Ask, Candidate, Context, Limits, Micros, Rung, Sources, Treatment, UseCase, Visitor,
    Watch,
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
    /// What an external service is told of who asks, where there is one.
    pub named: Option<Box<str>>,
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

impl Question {
    /// The question as a course takes it, put to one use case.
    pub(super) fn ask<'a>(&'a self, use_case: &'a UseCase, treatment: &'a Treatment) -> Ask<'a> {
        Ask {
            use_case,
            visitor: self.visitor,
            context: &self.context,
            candidates: self.candidates.as_deref().unwrap_or(&use_case.candidates),
            decision: self.decision,
            now: self.received,
            treatment,
        }
    }
}

/// The best answer so far, shared with whoever waits.
pub(super) type Board = Arc<Mutex<Option<Answer>>>;

/// See the module.
pub(super) struct Job {
    pub(super) question: Arc<Question>,
    pub(super) served: Arc<Served>,
    pub(super) board: Board,
    pub(super) done: oneshot::Sender<Finished>,
}

/// What a thread hands to whoever waits.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) answer: Answer,
    /// How long it waited for the thread.
    pub(super) queued: Micros,
    /// When the course was over, since the request was received.
    pub(super) ended: Micros,
    /// The word from outside that it waits for.
    pub(super) awaited: Option<Awaited>,
}

pub(super) struct Since(pub(super) Instant);

impl Watch for Since {
    fn elapsed(&self) -> Micros {
        micros(self.0)
    }
}

pub(super) fn micros(since: Instant) -> Micros {
    Micros(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX))
}

impl Job {
    /// True when its budget is over before it has begun.
    pub(super) fn is_over(&self) -> bool {
        micros(self.question.started) >= self.served.configured.use_case.budget
    }

    /// Runs the course, keeps what is personal of it, and tells whoever still waits.
    pub(super) fn run(self, shared: &Shared) {
        let era = shared.kept.era();
        let Self { question, served, board, done } = self;
        let queued = micros(question.started);
        let limits = served.limits();
        let outcome = course_of(&question, &served, shared, (&limits, &board));
        let Outcome { answer, left_out, handed } = outcome;
        served.learn_stages(&answer.stages, &left_out);
        if let (Visitor::Known(device), Rung::Personalized) = (question.visitor, answer.rung) {
            let names = answer.ranking.iter().map(|ranked| ranked.name.clone()).collect();
            shared.kept.keep(&served.configured.use_case.name, device, (names, era));
        }
        let asking = handed.map(|handed| Asking {
            question: Arc::clone(&question),
            served: Arc::clone(&served),
            answer: answer.clone(),
            handed,
            queued,
            era,
            kept: Arc::clone(&shared.kept),
            late: Arc::clone(&shared.late),
        });
        let (mut answer, mut awaited) = (answer, None);
        match served.ask_outside(asking, &limits) {
            Ok(waits) => awaited = waits,
            Err(reason) => answer.note(Some(reason), None),
        }
        let ended = micros(question.started);
        let finished = Finished { answer, queued, ended, awaited };
        // Nobody waits any more for an answer that comes too late; it is kept all the same, by
        // whoever is still asked outside where there is one.
        let took = ended.less(queued);
        let unwanted = done.send(finished).err().filter(|finished| finished.awaited.is_none());
        if let (Some(finished), Some(decision)) = (unwanted, question.follow) {
            let decided = Decided::of(finished, question.assignment.clone());
            let (served, visitor) = (Arc::clone(&served), question.visitor);
            shared.late.put(decision, Better { served, decided, visitor, era });
        }
        let shown = board.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(answer) = shown {
            shared.echo(Echo { question, served, answer, took });
        }
    }
}

/// Runs the course of a question; each better answer is put on the board.
fn course_of(
    question: &Question,
    served: &Served,
    shared: &Shared,
    (limits, board): (&Limits, &Board),
) -> Outcome {
    let use_case = &served.configured.use_case;
    let (artefacts, routes) = (served.artefacts.load(), shared.routes.load());
    let ask = question.ask(use_case, &question.assignment.treatment);
    let sources = Sources {
        profiles: shared,
        shelf: &*shared.kept,
        rules: &served.rules,
        artefacts: &artefacts,
        routes: &routes,
    };
    let mut publish = |answer: &Answer| {
        *board.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer.clone());
    };
    course::run(&ask, sources, limits, &Since(question.started), &mut publish)
}
